"""`bcd transfer` on the tiny model."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bcdcodec.video.reader import read_clip

Bcd = Callable[..., Any]
TINY = ("--weights", "tiny", "--no-crop", "--device", "cpu")


def test_a_video_moves_as_another(bcd: Bcd, talking_clip: Path, stream_file: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    done = bcd("transfer", "--content", talking_clip, "--motion", stream_file, target, *TINY, "--preset", "fast")
    assert (done.code, done.out, done.err) == (0, f"{target}: 25 frames\n", "")
    assert target.stat().st_size > 0


def test_a_face_takes_the_place_of_the_other_or_moves_from_its_own(
    bcd: Bcd, talking_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faces = iter(np.random.default_rng(0).uniform(60, 200, (478, 3)).astype(np.float32) + 30 * i for i in range(900))
    monkeypatch.setattr("bcdcodec.codec.window.follow_landmarks", lambda frame, before: next(faces) % 250)
    plain = ("transfer", "--content", talking_clip, "--motion", talking_clip)
    pictures = []
    for name, options in (("absolute.mp4", ()), ("relative.mp4", ("--relative",))):
        assert bcd(*plain, tmp_path / name, *TINY, "--steps", 0, *options).code == 0
        pictures.append(next(read_clip(tmp_path / name, rate=Fraction(25, 2), pixels=256)))
    assert np.abs(pictures[0].astype(int) - pictures[1]).mean() > 1


def test_existing_files_and_sources_are_kept(bcd: Bcd, talking_clip: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    target.write_bytes(b"mine")
    plain = ("transfer", "--content", talking_clip, "--motion", talking_clip)
    assert bcd(*plain, target, *TINY).code == 2
    assert bcd("transfer", "--content", target, "--motion", talking_clip, target, *TINY, "-f").code == 2
    assert target.read_bytes() == b"mine"


@pytest.mark.parametrize("pair", [("-", "b.mp4"), ("a.mp4", "-"), ("missing.mp4", "missing.mp4")])
def test_sources_that_cannot_be_read(pair: tuple[str, str], bcd: Bcd, tmp_path: Path) -> None:
    done = bcd("transfer", "--content", pair[0], "--motion", pair[1], tmp_path / "out.mp4", *TINY)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert list(tmp_path.iterdir()) == []
