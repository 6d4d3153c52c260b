"""Picking codes: greedy, temperature, top-p, seeds, refusal."""

import pytest
import torch

from bcdcodec.errors import ConfigError
from bcdcodec.motion.sampling import GREEDY, Picking, pick

#: Two groups of four codes with probabilities 0.5, 0.3, 0.15, 0.05 in different order.
PROBABLE = torch.tensor([[0.5, 0.3, 0.15, 0.05], [0.05, 0.15, 0.3, 0.5]])


def draws(picking: Picking, seed: int = 0, count: int = 4000) -> torch.Tensor:
    """[count, 2]"""
    return pick(PROBABLE.log().expand(count, -1, -1), picking, torch.Generator().manual_seed(seed))


def test_greedy_takes_the_most_probable() -> None:
    assert draws(GREEDY).unique(dim=0).tolist() == [[0, 3]]


def test_draws_follow_the_probabilities_group_by_group() -> None:
    found = draws(Picking(temperature=1.0))
    shares = torch.stack([(found == code).float().mean(0) for code in range(4)], 1)
    assert torch.allclose(shares, PROBABLE, atol=0.03)
    squared = draws(Picking(temperature=0.5))
    assert (squared[:, 0] == 0).float().mean() == pytest.approx(0.25 / 0.365, abs=0.03)


def test_top_p_leaves_out_what_is_least_probable() -> None:
    assert draws(Picking(temperature=1.0, top_p=0.79))[:, 0].unique().tolist() == [0, 1]
    assert draws(Picking(temperature=1.0, top_p=0.81))[:, 0].unique().tolist() == [0, 1, 2]
    assert draws(Picking(temperature=1.0, top_p=1e-6)).unique(dim=0).tolist() == [[0, 3]]


def test_the_seed_decides() -> None:
    one, same, other = (draws(Picking(temperature=1.0), seed) for seed in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)


@pytest.mark.parametrize("temperature", [-1.0, 11.0, float("nan"), float("inf")])
def test_impossible_temperatures_are_refused(temperature: float) -> None:
    with pytest.raises(ConfigError, match="allowed are 0 to 10"):
        Picking(temperature=temperature)


@pytest.mark.parametrize("top_p", [0.0, 1.01, float("nan")])
def test_impossible_top_p_is_refused(top_p: float) -> None:
    with pytest.raises(ConfigError, match="above 0"):
        Picking(temperature=1.0, top_p=top_p)
