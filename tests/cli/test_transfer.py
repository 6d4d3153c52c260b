"""`bcd transfer` on the tiny model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Bcd = Callable[..., Any]
TINY = ("--weights", "tiny", "--no-crop", "--device", "cpu")


def test_a_video_moves_as_another(bcd: Bcd, talking_clip: Path, stream_file: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    done = bcd("transfer", "--content", talking_clip, "--motion", stream_file, target, *TINY, "--preset", "realtime")
    assert (done.code, done.out, done.err) == (0, f"{target}: 25 frames\n", "")
    assert target.stat().st_size > 0


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
