"""Which packets get lost: the share, the bursts, the first one spared; gaps and their filling."""

import numpy as np
import pytest
import torch
from torch import Tensor

from bcdcodec.codec.decode.concealment import Codes, HoldConcealer
from bcdcodec.errors import ConfigError
from bcdcodec.studies.generation.packet_loss import LossPattern, fill_gaps, find_gaps


@pytest.mark.parametrize("burst", [1.0, 3.0])
@pytest.mark.parametrize("share", [0.05, 0.2])
def test_share_and_bursts_are_what_was_asked_for(share: float, burst: float) -> None:
    pattern = LossPattern(share=share, burst=burst)
    lost = pattern.draw(200_000, np.random.default_rng(0))
    assert lost.mean() == pytest.approx(share, rel=0.05) and not lost[0]
    lengths = [end - start for start, end in find_gaps(lost, packet_frames=1, frames=len(lost))]
    # Losses that fall one by one touch now and then.
    assert np.mean(lengths) == pytest.approx(burst if burst > 1 else 1 / (1 - share), rel=0.05)


@pytest.mark.parametrize(("share", "burst"), [(0.0, 1.0), (1.0, 1.0), (0.1, 0.5), (float("nan"), 1.0)])
def test_impossible_patterns_are_refused(share: float, burst: float) -> None:
    with pytest.raises(ConfigError, match="allowed are"):
        LossPattern(share=share, burst=burst)


def test_gaps_are_runs_of_lost_packets() -> None:
    lost = np.array([False, True, True, False, True])
    assert find_gaps(lost, packet_frames=4, frames=18) == [(4, 12), (16, 18)]
    assert find_gaps(np.zeros(3, np.bool_), packet_frames=4, frames=12) == []


def test_gaps_are_filled_from_what_the_decoder_has() -> None:
    asked: list[tuple[int, bool]] = []

    class Recorder(HoldConcealer):
        def fill(self, before: Codes, frames: int, *, after: Codes | None, content: Tensor) -> Codes:
            asked.append((int(before[-1, 0]), after is not None))
            return super().fill(before, frames, after=after, content=content)

    codes = np.arange(10)[:, None]
    filled = fill_gaps(codes, [(2, 4), (7, 10)], Recorder(), torch.zeros(4, 2, 2))
    assert filled[:, 0].tolist() == [0, 1, 1, 1, 4, 5, 6, 6, 6, 6]
    assert asked == [(1, True), (6, False)] and codes[2, 0] == 2
