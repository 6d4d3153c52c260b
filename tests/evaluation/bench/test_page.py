"""The page: what is said of whom follows the intervals over people, and every number stands in a table."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from bcdcodec.evaluation.bench.comparison import compare
from bcdcodec.evaluation.bench.page import Findings, page
from bcdcodec.evaluation.bench.plan import Plan
from bcdcodec.evaluation.bench.results import Results
from bcdcodec.evaluation.bench.runner import Failure
from bcdcodec.evaluation.bench.series import HELD, Series
from bcdcodec.evaluation.bench.sets import SetDistance

Make = Callable[..., Any]
RATE = Fraction(25, 2)
POINTS = (1, 2, 3, 4, 5, 6)
PEOPLE = "abcdef"


def series(codec: str, side: int = 128, *, rate: Fraction = RATE, points: tuple[int, ...] = POINTS) -> Series:
    profile = "" if codec in ("bcdcodec", HELD) else "lookahead"
    return Series(codec=codec, side=side, profile=profile, rate=rate, points=points)


PLAN = Plan(
    seconds=8.0, clips=(), metrics=("psnr", "csim", "faces-lost"), every_nth={}, transfer=None, sets_every_nth=0,
    inception=None, series=(
        series("bcdcodec", 256), series("x264"), series("x265"), series("vp9"), series("svt-av1"),
        series("svt-av1", 64), series(HELD, 256, points=(0,)),
    ),
)  # fmt: skip


@pytest.fixture
def made(swept: Make, result: Make, results: Make) -> Results:
    """bcdcodec against one that is worse, one that is better, one that varies, and one in two forms, of which one
    cannot go so low. The last point of bcdcodec, 32 kbps, is the nearest to the limit.
    """
    cells = []
    for k, clip in enumerate(PEOPLE):
        near, far = 0.01 * k, (-1) ** k * 3.0
        cells += swept("bcdcodec 12.5", clip)
        cells += swept("x264 128 lookahead 12.5", clip, factor=2, gain=-4 + near, lost=(60.0, 0.0, 0.0, 0.0, 0.0, 0.0))
        cells += swept("x265 128 lookahead 12.5", clip, factor=2, gain=5 + near)
        cells += swept("vp9 128 lookahead 12.5", clip, factor=2, gain=far)
        cells += swept("svt-av1 128 lookahead 12.5", clip, factor=64, gain=30 + near)
        cells += swept("svt-av1 64 lookahead 12.5", clip, factor=1, gain=2 + near)
        cells.append(result("first frame held 12.5", clip, 0, 0.0, psnr=20.0 + near, csim=0.2, faces_lost=0.0))
    return results(cells)


def findings(made: Results, plan: Plan = PLAN, **changes: Any) -> Findings:
    facts: dict[str, Any] = {
        "plan": plan, "about": ["About."], "results": made, "comparisons": compare(plan, made), "sets": [],
        "plots": {"12.5": ["results/psnr.png"]}, "sheet": ["SHEET"], "transfer": ["TRANSFER"], "failures": [],
    }  # fmt: skip
    return Findings(**{**facts, **changes})


def line_of(text: str, start: str) -> str:
    (line,) = [line for line in text.splitlines() if line.startswith(start)]
    return line


def test_three_sentences_answer_by_whom_and_how_much(made: Results) -> None:
    text = page(findings(made))
    # At 32 kbps bcdcodec has 35.05 dB; x264 has 32.04 - 4 there (half its rate at equal quality, 4 dB below).
    better, worse, rest = (line_of(text, f"{k}. ") for k in (1, 2, 3))
    assert "x264 by psnr (6.99 dB)" in better and "csim" in better
    assert "x265 by psnr (2.0" in worse and "svt-av1 by psnr (2.0" in worse
    assert "vp9" not in worse and "vp9 by psnr" in rest.lower() and rest.startswith("3. Not clearly apart")


def test_each_codec_answers_in_its_best_form(made: Results) -> None:
    row = line_of(page(findings(made)), "| psnr ↑ | **")
    cells = row.strip("| ").split(" | ")
    assert cells[1].startswith("**+6.99") and cells[1].endswith("better**")
    assert "(64 lookahead)" in cells[4] and "worse" in cells[4]
    assert cells[5].startswith("**+15.0") and cells[5].endswith("better**")


def test_a_codec_that_cannot_go_so_low_is_called_neither(made: Results) -> None:
    plan = Plan(
        **{**{name: getattr(PLAN, name) for name in Plan.__slots__}, "series": (*PLAN.series[:5], PLAN.series[-1])}
    )
    text = page(findings(made, plan))
    assert "svt-av1" not in line_of(text, "1. ") + line_of(text, "2. ")
    assert "o low cannot go svt-av1 by psnr, its least 64.00 kbps, 100 % more bytes: -14.9" in line_of(text, "3. ")
    assert "cannot go so low (its least 64.00 kbps, 100 % more bytes: -14.9" in line_of(text, "| psnr ↑ | **")


def test_frame_rates_are_never_mixed(swept: Make, results: Make) -> None:
    """At 25 frames a second the rival is far better; at 12.5 it is worse, and nothing of the other is seen there."""
    cells = []
    for k, clip in enumerate(PEOPLE):
        cells += swept("bcdcodec 12.5", clip) + swept("bcdcodec 25", clip)
        cells += swept("x264 128 lookahead 12.5", clip, gain=-3 - 0.01 * k)
        cells += swept("x264 128 lookahead 25", clip, gain=9 + 0.01 * k)
    both = (RATE, Fraction(25))
    plan = Plan(**{
        **{name: getattr(PLAN, name) for name in Plan.__slots__},
        "series": tuple(series(codec, 128, rate=rate) for rate in both for codec in ("bcdcodec", "x264")),
    })  # fmt: skip
    slow, fast = compare(plan, results(cells))
    assert [item.own.rate for item in (slow, fast)] == list(both)
    for found, rate, verdict in ((slow, "12.5", "better"), (fast, "25", "worse")):
        assert {item.rival for item in found.matches} == {f"x264 128 lookahead {rate}"}
        assert {item.anchor for item in found.bd_rates} == {f"x264 128 lookahead {rate}"}
        assert {item.series for item in found.curves} == {f"x264 128 lookahead {rate}", f"bcdcodec {rate}"}
        assert next(item for item in found.matches if item.metric == "psnr").verdict == verdict
    text = page(findings(results(cells), plan))
    assert text.index("### 12.5 frames a second, 32.00 kbps") < text.index("### 25 frames a second, 32.00 kbps")


def test_few_people_get_no_verdict(swept: Make, results: Make) -> None:
    few = results([
        cell for clip in "abcde"
        for cell in swept("bcdcodec 12.5", clip) + swept("x264 128 lookahead 12.5", clip, gain=-9)
    ])  # fmt: skip
    text = page(findings(few))
    assert "better than no codec by any metric" in line_of(text, "1. ")
    assert "oo few people to tell there are for x264 by psnr" in line_of(text, "3. ")


def test_tables_hold_every_number(made: Results) -> None:
    text = page(findings(
        made, sets=[SetDistance(series="bcdcodec 12.5", point=1, frames=40, frechet=1.5, kernel=0.25)],
        failures=[Failure(what="a, x264", said="no memory")],
    ))  # fmt: skip
    assert "| bcdcodec 12.5 | 1 | 1.00 | 40 | 1.50 | 0.2500 |" in text
    assert "| bcdcodec 12.5 | 1 | 1.00 | 0.50 | 6 | 20.00 | 0.000 | 0.00 |" in text
    assert "| x264 128 lookahead 12.5 | 1 | 2.00 | 0.50 | 6 | 16.0" in text
    assert " | (-0.39" in text and "| 60.00 |" in text
    assert "x264 128 lookahead 12.5 at 1 (60 % lost)" in text
    assert "| bcdcodec 12.5 | 0.125 | 0.062 | 0.250 | 0.188 | a machine |" in text
    assert "| x264 128 lookahead 12.5 | +" not in line_of(text, "| x264 128 lookahead 12.5 | -")
    assert "- a, x264: no memory" in text
    for part in ("About.", "![results/psnr.png](results/psnr.png)", "SHEET", "TRANSFER", "self-reconstruction"):
        assert part in text
    for part in ("Cross-identity transfer", "Unseen people"):
        assert part in text


def test_why_there_is_no_bd_rate(made: Results) -> None:
    lines = page(findings(made)).splitlines()
    rows = [line for line in lines[lines.index("![results/psnr.png](results/psnr.png)") :] if line.startswith("| svt")]
    assert rows[0].startswith("| svt-av1 128 lookahead 12.5 | always worse")
    assert "% (22.0" in rows[1] and "6 and 6 points" in rows[1]
