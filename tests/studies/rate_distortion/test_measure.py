"""One cell: what is measured where the codec codes half the frames."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bcdcodec.errors import VideoError
from bcdcodec.studies.rate_distortion import measure
from bcdcodec.studies.rate_distortion.measure import Bench, Setting, measure_rd_point
from bcdcodec.studies.rate_distortion.plan import HELD, OWN, SIDE, WARPED, Plan, Series
from bcdcodec.studies.rate_distortion.scores import RDPoint, RDResult
from bcdcodec.video.lossless import write_lossless

RATE = Fraction(25, 2)


def measured(
    tmp_path: Path, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch, *, decoded: int, codec: str = OWN
) -> RDResult:
    """A source of five frames of which so many come back, all as they were and the last one over and over."""
    source = np.random.default_rng(0).integers(0, 256, (5, SIDE, SIDE, 3), dtype=np.uint8)
    write_lossless(tmp_path / "source.mkv", source, rate=RATE)

    def shown(*_: Any) -> Iterator[SimpleNamespace]:
        return (SimpleNamespace(pixels=source[min(number, 4)]) for number in range(decoded))

    monkeypatch.setattr(measure, "encode_file", lambda source, coded, **_: coded.write_bytes(b"x"))
    monkeypatch.setattr(measure, "decoded_frames", shown)
    monkeypatch.setattr(measure, "held_references", lambda *_: (SimpleNamespace(pixels=source[0]) for _ in range(5)))
    series = Series(codec=codec, side=SIDE, profile="", rate=RATE, points=(1000,))
    plan = Plan(
        seconds=1.0, clips=(), metrics=("flicker",), every_nth={}, series=(series,),
        distribution_every_nth=0, inception=None,
    )  # fmt: skip
    cell = RDPoint(clip="a", content_hash="0", source=tmp_path / "source.mkv", series=series, operating_point=1000)
    work = tmp_path / "work"
    (work / "points").mkdir(parents=True, exist_ok=True)
    setting = Setting(plan=plan, work=work, weights=str(tiny_weights), device="cpu", preset="standard")
    return measure_rd_point(Bench.open(setting), cell)


def test_the_frame_that_stands_for_one_after_the_end_is_not_measured(
    tmp_path: Path, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = measured(tmp_path, tiny_weights, monkeypatch, decoded=6)
    assert found.frames == 5 and found.metrics["flicker"] == 0


@pytest.mark.parametrize("decoded", [4, 7])
def test_other_counts_are_failures(
    tmp_path: Path, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch, decoded: int
) -> None:
    with pytest.raises(VideoError, match=f"has {decoded} frames, its source 5"):
        measured(tmp_path, tiny_weights, monkeypatch, decoded=decoded)


def test_the_baselines_are_made_from_the_same_stream(
    tmp_path: Path, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = measured(tmp_path, tiny_weights, monkeypatch, decoded=5)
    (stream,) = (tmp_path / "work/streams").glob("*.bcd")
    stream.write_bytes(b"kept")
    warped, held = (measured(tmp_path, tiny_weights, monkeypatch, decoded=5, codec=codec) for codec in (WARPED, HELD))
    assert [*(tmp_path / "work/streams").iterdir()] == [stream] and stream.read_bytes() == b"kept"
    assert warped.file_bytes == held.file_bytes == 4 and own.file_bytes == 1
    assert own.metrics["flicker"] == warped.metrics["flicker"] == 0
    assert (held.metrics["flicker"] or 0) > 50  # noise that changes, against one picture
