"""Tables of results.md: verdicts follow the intervals over people, and every number stands in a table."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from bcdcodec.studies.rate_distortion.comparison import compare
from bcdcodec.studies.rate_distortion.plan import FREEZE_FRAME, Plan, Series
from bcdcodec.studies.rate_distortion.scores import DistributionDistance, Results
from bcdcodec.studies.rate_distortion.tables import page_tables, run_lines

Make = Callable[..., Any]
RATE = Fraction(25, 2)
POINTS = (1, 2, 3, 4, 5, 6)
PEOPLE = "abcdef"


def series(codec: str, side: int = 128, *, rate: Fraction = RATE, points: tuple[int, ...] = POINTS) -> Series:
    profile = "" if codec in ("bcdcodec", FREEZE_FRAME) else "lookahead"
    return Series(codec=codec, side=side, profile=profile, rate=rate, points=points)


PLAN = Plan(
    seconds=8.0, clips=(), metrics=("psnr", "csim", "faces-lost"), every_nth={}, distribution_every_nth=0,
    inception=None, series=(
        series("bcdcodec", 256), series("x264"), series("x265"), series("vp9"), series("svt-av1"),
        series("svt-av1", 64), series(FREEZE_FRAME, 256, points=(0,)),
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
        cells.append(result("freeze frame 12.5", clip, 0, 0.0, psnr=20.0 + near, csim=0.2, faces_lost=0.0))
    return results(cells)


def tables_of(
    made: Results, plan: Plan = PLAN, distances: tuple[DistributionDistance, ...] = ()
) -> dict[str, list[str]]:
    return page_tables(plan, made, compare(plan, made), distances)


def row_of(lines: list[str], start: str) -> list[str]:
    (line,) = [line for line in lines if line.startswith(start)]
    return line.strip("| ").split(" | ")


def test_gains_are_those_over_the_strongest_form(made: Results) -> None:
    gains = tables_of(made)["gains"]
    assert gains[0] == ("12.5 frames a second, 32.00 kbps on disk with a limit of 0.006 kbps, 6 clips of 6 people:")
    head, row = row_of(gains, "| gain of bcdcodec"), row_of(gains, "| psnr ↑ | **")
    assert head[1:] == ["x264", "x265", "vp9", "svt-av1", "freeze frame (no bytes)"]
    # At 32 kbps bcdcodec has 35.05 dB; x264 has 32.04 - 4 there (half its rate at equal quality, 4 dB below).
    assert row[1] == "**+6.99 better**"
    assert row[2].startswith("**-2.0") and row[2].endswith("worse**")
    assert row[3].endswith("not significant") and "**" not in row[3]
    assert row[4].startswith("**-2.0") and row[4].endswith("worse** (64 lookahead)")
    assert row[5].startswith("**+15.0") and row[5].endswith("better**")
    assert row_of(gains, "| csim")[1].endswith("better**")


def test_a_codec_that_cannot_reach_the_rate_has_no_verdict(made: Results) -> None:
    plan = Plan(
        **{**{name: getattr(PLAN, name) for name in Plan.__slots__}, "series": (*PLAN.series[:5], PLAN.series[-1])}
    )
    found = tables_of(made, plan)
    assert row_of(found["gains"], "| psnr ↑ | **")[4].startswith("n/a (minimum 64.00 kbps, 100 % more: -14.9")
    row = row_of(found["equal-rate"], "| svt-av1 128")
    assert row[1:4] == ["0 clips", "6 clips", "64.00"] and row[4].startswith("(more) -14.9")


def test_frame_rates_are_never_mixed(swept: Make, results: Make) -> None:
    """At 25 frames a second the baseline is far better; at 12.5 it is worse, and nothing of the other is seen there."""
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
        assert {item.baseline for item in found.equal_rate} == {f"x264 128 lookahead {rate}"}
        assert {item.baseline for item in found.bd_rates} == {f"x264 128 lookahead {rate}"}
        assert {item.series for item in found.curves} == {f"x264 128 lookahead {rate}", f"bcdcodec {rate}"}
        assert next(item for item in found.equal_rate if item.metric == "psnr").verdict == verdict
    lines = tables_of(results(cells), plan)["gains"]
    captions = [line for line in lines if "frames a second" in line]
    assert [line.split(" frames a second, 32.00 kbps")[0] for line in captions] == ["12.5", "25"]


def test_few_people_get_no_verdict(swept: Make, results: Make) -> None:
    few = results([
        cell for clip in "abcde"
        for cell in swept("bcdcodec 12.5", clip) + swept("x264 128 lookahead 12.5", clip, gain=-9)
    ])  # fmt: skip
    row = row_of(tables_of(few)["gains"], "| psnr ↑ | +")
    assert row[1] == "+9.00 (+9.00 to +9.00) too few people" and row[2] == "-"


def test_one_person_and_one_point_still_fill_the_page(swept: Make, results: Make) -> None:
    one = [cell for cell in swept("bcdcodec 12.5", "a") if cell.operating_point == 6]
    baseline = swept("x264 128 lookahead 12.5", "a", gain=-9)
    found = tables_of(results([*one, *baseline]))
    assert row_of(found["gains"], "| psnr ↑ | +")[1] == "+9.00 too few people"
    near = tables_of(results([*one, *swept("x264 128 lookahead 12.5", "a")]))
    assert row_of(near["bd-rates"], "| x264 128 lookahead 12.5")[1].startswith("- (one point is no curve)")
    # A baseline of one cheaper point never encloses the rate.
    cheap = tables_of(results([*one, *baseline[:1]]))
    (row,) = [line for line in cheap["gains"] if line.startswith("| psnr")]
    assert row.split(" | ")[1] == "- (its points end below the rate)"


def test_tables_hold_every_number(made: Results) -> None:
    distance = DistributionDistance(series="bcdcodec 12.5", operating_point=1, frames=40, frechet=1.5, kernel=0.25)
    found = tables_of(made, distances=(distance,))
    assert "| bcdcodec 12.5 | 1 | 1.00 | 40 | 1.50 | 0.2500 |" in found["distribution"]
    assert "| bcdcodec 12.5 | 1 | 1.00 | 0.50 | 6 | 20.00 | 0.000 | 0.00 |" in found["points"]
    row = row_of(found["points"], "| x264 128 lookahead 12.5 | 1 ")
    assert row[2] == "2.00" and row[5].startswith("16.0") and row[6].startswith("(-0.39") and row[7] == "60.00"
    assert "| x264 128 lookahead 12.5 | 1 | 60 |" in found["excluded"]
    assert "| bcdcodec 12.5 | 0.125 | 0.062 | 0.250 | 0.188 | a machine |" in found["speed"]
    assert row_of(found["bd-rates"], "| x264 128 lookahead 12.5")[1].startswith("-")
    assert tables_of(made)["distribution"] == []


def test_why_there_is_no_bd_rate(made: Results) -> None:
    rows = [line for line in tables_of(made)["bd-rates"] if line.startswith("| svt")]
    assert rows[0].startswith("| svt-av1 128 lookahead 12.5 | always worse")
    assert "% (22.0" in rows[1] and "6 and 6 points" in rows[1]


def test_runs_are_named_with_their_failures() -> None:
    facts: dict[str, Any] = {
        "command": "bcd bench rate-distortion plan.toml CLIPS", "clips": 2, "people": 1, "seconds": 8.0,
        "frame_rates": [12.5, 25.0], "weights": "face", "model_id": "0a", "sampler_steps": 1, "points": 9, "jobs": 2,
        "threads": 1, "processor": "a machine", "device": "cpu",
    }  # fmt: skip
    lines = run_lines(facts, [{"item": "a, x264", "reason": "no memory"}])
    assert "- Weights `face`, id `0a`; 1 sampling step." in lines
    assert "- a, x264: no memory" in lines and "**1 measurements failed" in "\n".join(lines)
    assert len(run_lines(facts, [])) == 4
