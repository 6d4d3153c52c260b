"""Curves and comparisons of made-up results whose answers are known."""

import numpy as np
import pytest

from bcdcodec.evaluation.bench.cell import CellResult
from bcdcodec.evaluation.bench.curves import Curve, bd_rate, curve, match

POINTS = (1, 2, 3, 4, 5, 6)


def result(series: str, clip: str, point: int, kbps: float, **metrics: float | None) -> CellResult:
    size = round(kbps * 1000)  # of 8 seconds
    return CellResult(
        clip=clip, series=series, point=point, seconds=8.0, frames=100, file_bytes=size + 500, payload_bytes=size,
        encode_s=1.0, decode_s=2.0, peak_mib=None, metrics=metrics, missing={},
    )  # fmt: skip


def swept(series: str, clip: str, *, factor: float = 1.0, gain: float = 0.0) -> list[CellResult]:
    """PSNR 20 + 10 log10(rate) + gain, at rates 1 to 32 kbps times a factor; LPIPS falls by 0.1 an octave."""
    rates = [2.0**k for k in range(len(POINTS))]
    return [
        result(
            series, clip, point, rate * factor,
            **{"psnr": 20 + 10 * np.log10(rate) + gain, "lpips-alex": 0.9 - 0.1 * np.log2(rate) - gain / 10},
        )
        for point, rate in zip(POINTS, rates, strict=True)
    ]  # fmt: skip


def made(results: list[CellResult], series: str, metric: str) -> Curve:
    found = curve(results, series, metric)
    assert found is not None
    return found


def test_a_curve_is_the_mean_over_clips_by_rising_rate() -> None:
    results = [
        result("x", "a", 9, 4.0, psnr=30.0), result("x", "b", 9, 6.0, psnr=32.0),
        result("x", "a", 3, 2.0, psnr=26.0), result("x", "b", 3, 2.0, psnr=None), result("y", "a", 3, 9.0, psnr=1.0),
    ]  # fmt: skip
    found = made(results, "x", "psnr")
    assert (found.kbps, found.values) == ((2.0, 5.0), (26.0, 31.0))
    assert curve(results, "z", "psnr") is None
    assert curve([result("x", "a", 1, 1.0, psnr=None)], "x", "psnr") is None


@pytest.mark.parametrize("metric", ["psnr", "lpips-alex"])
def test_bd_rate_of_the_same_curve_at_half_the_bytes(metric: str) -> None:
    pytest.importorskip("bjontegaard")
    results = swept("anchor", "a") + swept("half", "a", factor=0.5)
    anchor, half = made(results, "anchor", metric), made(results, "half", metric)
    assert bd_rate(half, anchor).percent == pytest.approx(-50, abs=0.1)
    assert bd_rate(anchor, half).percent == pytest.approx(100, abs=0.1)
    assert bd_rate(anchor, anchor).percent == pytest.approx(0, abs=1e-6)
    overlap = bd_rate(half, anchor).overlap
    assert overlap == pytest.approx((min(anchor.values), max(anchor.values)))


def test_bd_rate_without_a_quality_in_common_is_none() -> None:
    pytest.importorskip("bjontegaard")
    results = swept("anchor", "a") + swept("far", "a", gain=40)
    found = bd_rate(made(results, "far", "psnr"), made(results, "anchor", "psnr"))
    assert (found.percent, found.overlap) == (None, None)


def test_bd_rate_skips_points_that_cost_more_for_less() -> None:
    pytest.importorskip("bjontegaard")
    anchor = made(swept("anchor", "a"), "anchor", "psnr")
    dented = Curve(series="dented", metric="psnr", kbps=(*anchor.kbps, 40.0), values=(*anchor.values, 20.0))
    assert bd_rate(dented, anchor).percent == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("metric", ["psnr", "lpips-alex"])
def test_at_equal_bytes_more_is_better_whichever_way_the_metric_goes(metric: str) -> None:
    results = [cell for clip in "abc" for cell in swept("own", clip, gain=1.0) + swept("rival", clip)]
    found = match(results, own="own", point=3, rival="rival", metric=metric)
    assert found is not None
    assert (found.clips, found.reached, found.wins) == (3, 3, 3)
    assert found.kbps == found.rival_kbps == pytest.approx(4.0)
    assert found.gain.mean == pytest.approx(1.0 if metric == "psnr" else 0.1)
    turned = match(results, own="rival", point=3, rival="own", metric=metric)
    assert turned is not None
    assert turned.wins == 0
    assert turned.gain.mean == pytest.approx(-found.gain.mean)


def test_a_rival_that_cannot_go_so_low_is_read_at_its_least() -> None:
    results = [*swept("own", "a", factor=0.25, gain=5), *swept("rival", "a")]
    found = match(results, own="own", point=2, rival="rival", metric="psnr")
    assert found is not None
    assert (found.reached, found.kbps, found.rival_kbps) == (0, 0.5, 1.0)
    assert found.gain.mean == pytest.approx(10 * np.log10(2) + 5)


def test_clips_without_a_value_do_not_count() -> None:
    results = [result("own", "a", 1, 1.0, csim=None), *swept("rival", "a")]
    assert match(results, own="own", point=1, rival="rival", metric="csim") is None
