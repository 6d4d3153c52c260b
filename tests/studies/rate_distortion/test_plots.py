"""The sheet: the point nearest in rate, of the same frame rate alone."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bcdcodec.studies.rate_distortion import plots
from bcdcodec.studies.rate_distortion.plan import FREEZE_FRAME, Series
from bcdcodec.studies.rate_distortion.plots import matched_rate_sheet
from bcdcodec.studies.rate_distortion.scores import RDPoint, RDResult

Make = Callable[..., Any]


def series(codec: str, rate: int = 25) -> Series:
    return Series(
        codec=codec, side=128, profile="lookahead" if codec == "x264" else "", rate=Fraction(rate), points=(1, 2, 3)
    )


class Pictures:
    """A store whose picture of a cell is its point."""

    def picture(self, cell: RDPoint) -> np.ndarray:
        return np.full((2, 2, 3), cell.operating_point, np.uint8)


@pytest.fixture
def cells(result: Make) -> dict[RDPoint, RDResult]:
    made = {}
    for clip in "ab":
        for item in (series("bcdcodec"), series("x264"), series("x264", 50), series(FREEZE_FRAME)):
            for point in item.points:
                cell = RDPoint(clip=clip, content_hash=clip, source=Path(clip), series=item, operating_point=point)
                made[cell] = result(item.name, clip, point, 2.0**point * (1.4 if item.codec == "x264" else 1.0))
    return made


def test_the_nearest_rate_by_ratio_of_the_same_frame_rate(
    cells: dict[RDPoint, RDResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[tuple[Any, Any, Any]] = []
    monkeypatch.setattr(
        plots, "picture_grid", lambda _, rows, *, columns, captions: drawn.append((rows, columns, captions))
    )
    monkeypatch.setattr(plots, "read_frames", lambda path, rate: np.full((5, 2, 2, 3), 9, np.uint8))
    store: Any = Pictures()
    path = Path("sheet.png")
    assert matched_rate_sheet(path, cells, store, own=series("bcdcodec"), operating_point=2, clips=["a", "b"])
    ((rows, columns, captions),) = drawn
    assert columns == ["source", "bcdcodec 25", "x264 128 lookahead 25"]
    # 4 kbps lie between 2.8 and 5.6: 1.43 times the one, the other is 1.4 times as much.
    assert [[picture.max() for picture in row] for row in rows] == [[9, 2, 2]] * 2
    assert captions[0] == ["a", "4.00 kbps", "5.60 kbps"]
    # A clip of which something could not be measured is in no sheet.
    lacking = {
        cell: found for cell, found in cells.items() if (cell.clip, cell.series.name) != ("a", "x264 128 lookahead 25")
    }
    assert matched_rate_sheet(path, lacking, store, own=series("bcdcodec"), operating_point=2, clips=["a", "b"])
    assert [row[0] for row in drawn[-1][2]] == ["b"]
    assert not matched_rate_sheet(path, lacking, store, own=series("bcdcodec"), operating_point=2, clips=["a"])
    assert len(drawn) == 2
