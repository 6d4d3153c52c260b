"""`bcd compare`: the page, the video, the sheet and the numbers."""

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from bcdcodec.evaluation.comparison import columns
from bcdcodec.evaluation.report.sheets import load_png
from bcdcodec.video.reader import VideoReader

Bcd = Callable[..., Any]


@pytest.fixture(autouse=True)
def few_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "METRICS", ("psnr",))


def test_streams_and_bitrates_stand_beside_the_source(bcd: Bcd, talking_clip: Path, tmp_path: Path) -> None:
    tiny = ("--weights", "tiny", "--device", "cpu", "--no-crop")
    stream = tmp_path / "mine.bcd"
    assert bcd("encode", talking_clip, stream, *tiny).code == 0
    out = tmp_path / "page"
    done = bcd("compare", talking_clip, stream, "--bitrates", "2k,6k", "-o", out, *tiny)
    assert done.code == 0, done.err
    assert done.out.splitlines()[-1] == str(out / "index.html")
    numbers = json.loads((out / "numbers.json").read_text())
    assert [column["name"] for column in numbers] == ["mine", "2 kbps", "6 kbps"]
    assert [column["asked_kbps"] for column in numbers] == [None, 2.0, 6.0]
    assert all(column["values"]["psnr"] > 5 for column in numbers)
    page = (out / "index.html").read_text()
    for name in ("side_by_side.mp4", "sheet.png", *(column["stream"] for column in numbers[1:])):
        assert name in page and (out / name).stat().st_size > 0
    with VideoReader(out / "side_by_side.mp4", Fraction(25, 2)) as reader:
        assert (reader.width, reader.height) == (4 * 256, 256) and reader.has_audio
        assert sum(1 for _ in reader) == 25
    assert load_png(out / "sheet.png").shape[0] == 4 * columns.CELL
    done = bcd("compare", talking_clip, stream, "-o", out, *tiny)
    assert done.code == 2 and "not empty" in done.err


def test_names_of_files_are_text_on_the_page(bcd: Bcd, talking_clip: Path, tmp_path: Path) -> None:
    source = tmp_path / "a<b>&.mp4"
    source.write_bytes(talking_clip.read_bytes())
    done = bcd("compare", source, "--bitrates", "4k", "--weights", "tiny", "--device", "cpu", "--no-crop", "--json")
    assert done.code == 0 and json.loads(done.out)[0]["stream"] == "a<b>&-4k.bcd"
    page = (tmp_path / "a<b>&-compared" / "index.html").read_text()
    assert "<b>" not in page and "a&lt;b&gt;&amp;.mp4" in page


@pytest.mark.parametrize("line", [[], ["--bitrates", "1k,2k,3k,4k,5k,6k,7k,8k,9k"], ["--bitrates", "fast"]])
def test_nothing_and_too_much_are_refused(line: list[str], bcd: Bcd, talking_clip: Path, tmp_path: Path) -> None:
    done = bcd("compare", talking_clip, "-o", tmp_path / "out", *line)
    assert done.code == 2 and not (tmp_path / "out").exists()


def test_a_failure_leaves_no_folder(bcd: Bcd, talking_clip: Path, tmp_path: Path) -> None:
    done = bcd("compare", talking_clip, "--bitrates", "4k", "-o", tmp_path / "out", "--weights", "tiny", "--crop")
    assert done.code == 2 and "no face found" in done.err and not (tmp_path / "out").exists()
