"""Gaps filled by a model: shape, the same every time, ends that meet, longest gaps."""

import numpy as np
import pytest
import torch

from bcdcodec.codec.decode.concealment import MAX_GAP_FRAMES
from bcdcodec.errors import ConfigError
from bcdcodec.motion.conceal import ModelConcealer, expected_motion, nearest_codes
from bcdcodec.motion.model import MotionGpt


@pytest.fixture
def content(gpt: MotionGpt) -> torch.Tensor:
    return torch.randn(gpt.config.content, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def before(gpt: MotionGpt) -> np.ndarray:
    return np.random.default_rng(0).integers(0, gpt.config.entries, (9, gpt.config.groups))


def test_the_same_gap_is_filled_the_same_way(gpt: MotionGpt, content: torch.Tensor, before: np.ndarray) -> None:
    concealer = ModelConcealer(gpt)
    first, second = (concealer.fill(before, 7, after=None, content=content) for _ in range(2))
    assert first.shape == (7, gpt.config.groups) and first.dtype == np.int64 and np.array_equal(first, second)
    assert first.min() >= 0 and first.max() < gpt.config.entries
    assert not np.array_equal(first, concealer.fill(before[::-1].copy(), 7, after=None, content=content))


def test_it_ends_nearer_to_what_follows(gpt: MotionGpt, content: torch.Tensor, before: np.ndarray) -> None:
    after = (before[:2] + 3) % gpt.config.entries
    concealer = ModelConcealer(gpt)
    free, tied = (concealer.fill(before, 12, after=known, content=content) for known in (None, after))

    def distance(codes: np.ndarray) -> float:
        vectors = gpt.embed(torch.from_numpy(np.stack([codes[-1], after[0]]))[None])[0]
        return float((vectors[0] - vectors[1]).norm())

    assert distance(tied) < 0.5 * distance(free)


@pytest.mark.parametrize("frames", [1, 30, MAX_GAP_FRAMES])
def test_gaps_of_any_length(gpt: MotionGpt, content: torch.Tensor, before: np.ndarray, frames: int) -> None:
    for history in (before[:1], np.tile(before, (7, 1))):
        codes = ModelConcealer(gpt, samples=2).fill(history, frames, after=None, content=content)
        assert codes.shape == (frames, gpt.config.groups)


def test_streams_of_fewer_codes_are_refused(gpt: MotionGpt, content: torch.Tensor, before: np.ndarray) -> None:
    groups = gpt.config.groups
    with pytest.raises(
        ConfigError, match=f"has {groups // 2} codes a frame, the motion model fills gaps of all {groups}"
    ):
        ModelConcealer(gpt).fill(before[:, : groups // 2], 3, after=None, content=content)


def test_the_first_expected_frame_is_what_the_network_says(
    gpt: MotionGpt, content: torch.Tensor, before: np.ndarray
) -> None:
    known = torch.from_numpy(before)
    probable = gpt(content[None], known[None])[0, -1].softmax(-1)  # [G, E]
    expected = torch.einsum("ge,ged->gd", probable, gpt.codebook).flatten()
    assert torch.allclose(expected_motion(gpt, content, known, 3, samples=4)[0], expected, atol=1e-5)


def test_nearest_codes_undo_embedding(gpt: MotionGpt, before: np.ndarray) -> None:
    assert np.array_equal(nearest_codes(gpt, gpt.embed(torch.from_numpy(before)[None])[0]), before)
