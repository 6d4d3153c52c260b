"""What is compared: shapes, types and batches."""

from typing import Any

import numpy as np
import pytest

from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.metrics.pair import batches, check_pair, known_mean

GOOD = np.zeros((2, 20, 30, 3), np.uint8)


@pytest.mark.parametrize(
    "bad",
    [
        GOOD.astype(np.float32),
        GOOD[0],
        GOOD[..., :2],
        GOOD[:0],
        GOOD[:, :0],
        GOOD[:1],
        GOOD[:, :, :29],
    ],
    ids=["float", "picture", "two channels", "no frame", "no row", "fewer frames", "narrower"],
)
def test_what_is_not_a_pair(bad: Any) -> None:
    for pair in ((bad, GOOD), (GOOD, bad)):
        with pytest.raises(ConfigError, match=r"needs uint8|need one shape"):
            check_pair(*pair)


def test_too_small() -> None:
    check_pair(GOOD, GOOD, least_side=20)
    with pytest.raises(ConfigError, match="30x20, this metric needs at least 21"):
        check_pair(GOOD, GOOD, least_side=21)


def test_batches_hold_every_frame_once() -> None:
    video = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3), dtype=np.uint8)
    found = list(batches(video, size=2))
    assert [tuple(batch.shape) for batch in found] == [(2, 3, 4, 6), (2, 3, 4, 6), (1, 3, 4, 6)]
    assert found[1][0, 2, 3, 5] == video[2, 3, 5, 2]
    assert sum(float(batch.sum()) for batch in found) == video.sum()


def test_frames_without_a_value_do_not_count() -> None:
    assert known_mean(np.array([1.0, np.nan, 4.0])) == 2.5
    assert known_mean(np.array([np.nan, np.inf])) is None
