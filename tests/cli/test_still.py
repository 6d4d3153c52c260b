"""`bcd still`: pictures of a stream without torch."""

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.codec.stills import SHEET_COLUMNS, iter_stills
from bcdcodec.evaluation.report.sheets import load_png

Bcd = Callable[..., Any]
GOLDEN = Path(__file__).parents[1] / "data" / "golden"


def test_the_first_picture_and_the_sheet_of_all(bcd: Bcd, tmp_path: Path) -> None:
    stream = tmp_path / "talk.bcd"
    stream.write_bytes((GOLDEN / "gallery.bcd").read_bytes())
    stills = list(iter_stills(StreamReader(io.BytesIO(stream.read_bytes()))))
    side = len(stills[0].pixels)
    assert len(stills) > 2 and [still.number for still in stills[:2]] == [0, 1]
    assert [still.time_s for still in stills] == sorted(still.time_s for still in stills)
    done = bcd("still", stream)
    assert done.code == 0 and f"{tmp_path / 'talk.png'}: 1 picture of {stills[0].bits // 8} bytes\n" == done.out
    assert np.array_equal(load_png(tmp_path / "talk.png"), stills[0].pixels)
    assert bcd("still", stream, tmp_path / "all.png", "--all").code == 0
    sheet = load_png(tmp_path / "all.png")
    assert sheet.shape[1] == min(len(stills), SHEET_COLUMNS) * (side + 4) - 4
    assert np.array_equal(sheet[:side, side + 4 : 2 * side + 4], stills[1].pixels)
    assert bcd("still", stream, tmp_path / "icon.png", "--size", "16").code == 0
    assert load_png(tmp_path / "icon.png").shape == (16, 16, 3)


def test_what_comes_before_damage_is_shown(bcd: Bcd, tmp_path: Path) -> None:
    data = (GOLDEN / "gallery.bcd").read_bytes()
    (tmp_path / "cut.bcd").write_bytes(data[: len(data) * 2 // 3])
    done = bcd("still", tmp_path / "cut.bcd", "--all")
    assert done.code == 0 and "the rest is damaged" in done.out


@pytest.mark.parametrize(
    ("name", "target", "reason"),
    [("coded.bcd", "a.png", "levels"), ("gallery.bcd", "a.jpg", ".png"), ("missing.bcd", "a.png", "missing.bcd")],
)
def test_what_cannot_be_shown(name: str, target: str, reason: str, bcd: Bcd, tmp_path: Path) -> None:
    done = bcd("still", GOLDEN / name, tmp_path / target)
    assert done.code == 2 and reason in done.err and not list(tmp_path.iterdir())


def test_torch_is_not_imported(tmp_path: Path) -> None:
    code = "import sys; from bcdcodec.cli.main import main; main(sys.argv[1:]); print('torch' in sys.modules)"
    line = [sys.executable, "-c", code, "still", str(GOLDEN / "gallery.bcd"), str(tmp_path / "a.png"), "-q"]
    assert subprocess.run(line, capture_output=True, text=True, check=True).stdout == "False\n"
