"""BD-rates of made-up curves whose answers are known, and why there is none of others."""

from collections.abc import Callable
from typing import Any

import pytest

from bcdcodec.studies.rate_distortion.bd_rates import (
    ALWAYS_BETTER,
    ALWAYS_WORSE,
    FEW_POINTS,
    NO_OVERLAP,
    bd_rate,
)
from bcdcodec.studies.rate_distortion.scores import Curve

Make = Callable[..., Any]


@pytest.fixture
def made(swept: Make, results: Make) -> Make:
    def make(metric: str, **changes: float) -> Curve:
        found = results(swept("x", "a", **changes)).curve("x", metric)
        assert found is not None
        return found

    return make


@pytest.mark.parametrize("metric", ["psnr", "lpips-alex"])
def test_the_same_curve_at_half_the_bytes(made: Make, metric: str) -> None:
    pytest.importorskip("bjontegaard")
    anchor, half = made(metric), made(metric, factor=0.5)
    found = bd_rate(half, anchor)
    assert found.percent == pytest.approx(-50, abs=0.1)
    assert bd_rate(anchor, half).percent == pytest.approx(100, abs=0.1)
    assert bd_rate(anchor, anchor).percent == pytest.approx(0, abs=1e-6)
    assert found.overlap == pytest.approx((min(anchor.values), max(anchor.values)))
    assert (found.share, found.points, found.why) == (pytest.approx(1), (6, 6), "")


@pytest.mark.parametrize("metric", ["psnr", "lpips-alex"])
def test_no_quality_in_common_is_always_better_or_worse(made: Make, metric: str) -> None:
    low, high = made(metric), made(metric, gain=40)
    assert (bd_rate(high, low).percent, bd_rate(high, low).why) == (None, ALWAYS_BETTER)
    assert (bd_rate(low, high).percent, bd_rate(low, high).why) == (None, ALWAYS_WORSE)
    assert bd_rate(low, high).overlap is None


def test_how_thin_an_overlap_is(made: Make) -> None:
    pytest.importorskip("bjontegaard")
    # 15.05 dB each, 12 dB apart: 3.05 in common of 27.05.
    found = bd_rate(made("psnr", gain=12), made("psnr"))
    assert found.share == pytest.approx(3.05 / 27.05, abs=1e-3)
    assert found.percent is not None


def test_points_that_cost_more_for_less_do_not_count(made: Make) -> None:
    pytest.importorskip("bjontegaard")
    anchor = made("psnr")
    dented = Curve(series="d", metric="psnr", kbps=(*anchor.kbps, 40.0), values=(*anchor.values, 20.5), clips=1)
    assert bd_rate(dented, anchor).percent == pytest.approx(0, abs=1e-6)
    few = Curve(series="f", metric="psnr", kbps=(1, 2, 3, 4, 5), values=(24.0, 25.0, 26.0, 26.0, 22.0), clips=1)
    assert bd_rate(few, anchor).points == (3, 6)


@pytest.mark.parametrize("places", [(1, 3), (0, 2, 5)])
def test_two_points_are_a_curve_and_one_is_none(made: Make, places: tuple[int, ...]) -> None:
    pytest.importorskip("bjontegaard")
    anchor = made("psnr")
    cheap = Curve(
        series="c",
        metric="psnr",
        kbps=tuple(anchor.kbps[place] / 2 for place in places),
        values=tuple(anchor.values[place] for place in places),
        clips=1,
    )
    found = bd_rate(cheap, anchor)
    assert found.points == (len(places), 6) and found.percent == pytest.approx(-50, abs=8)
    alone = Curve(series="a", metric="psnr", kbps=cheap.kbps[:1], values=cheap.values[:1], clips=1)
    assert (bd_rate(alone, anchor).percent, bd_rate(alone, anchor).why) == (None, FEW_POINTS)
    assert FEW_POINTS.startswith("- (")


def test_curves_without_a_common_quality_say_so(made: Make) -> None:
    pytest.importorskip("bjontegaard")
    anchor = made("psnr")
    # Its second point is as good as the anchor's worst, and the first, no better than a cheaper one, does not count.
    top = max(anchor.values)
    apart = Curve(series="d", metric="psnr", kbps=(1.0, 2.0, 3.0), values=(top, top + 1, top - 1), clips=1)
    assert (bd_rate(apart, anchor).percent, bd_rate(apart, anchor).why) == (None, NO_OVERLAP)
