"""tools/demo.py on the tiny model."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import av
import pytest


@pytest.fixture(scope="module")
def demo(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("tools/demo.py")


def test_help(demo: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        demo.main(["--help"])
    assert stopped.value.code == 0
    assert "side by side" in capsys.readouterr().out


def test_both_pictures_are_written(
    demo: ModuleType, talking_clip: Path, weights_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert demo.main([str(talking_clip), "--weights", "tiny", "--no-crop", "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert f"{(tmp_path / 'demo.bcd').stat().st_size:,} bytes" in out
    assert "bits/frame of motion at 12.5 fps" in out
    assert frames(tmp_path / "side_by_side.mp4") == [(512, 256)] * 25
    assert frames(tmp_path / "contact_sheet.png") == [(demo.SHEET_COLUMNS * 256, 512)]


def test_long_clips_are_cut(demo: ModuleType, talking_clip: Path, tmp_path: Path) -> None:
    assert demo.shorten(talking_clip, tmp_path / "short.mp4", 60) == talking_clip
    short = demo.shorten(talking_clip, tmp_path / "short.mp4", 1)
    assert 25 <= len(frames(short)) < 30  # frames are stored out of order, a few later ones come along


def test_a_failure_is_one_line(demo: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main([str(tmp_path / "missing.mp4"), "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("demo: ")


def frames(path: Path) -> list[tuple[int, int]]:
    with av.open(str(path)) as media:
        return [(frame.width, frame.height) for frame in media.decode(video=0)]
