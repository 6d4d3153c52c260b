"""The page: whom bcdcodec beats is said by the interval of the gain, not by its mean."""

from fractions import Fraction

from bcdcodec.evaluation.bench.cell import CellResult
from bcdcodec.evaluation.bench.curves import BdRate, Match
from bcdcodec.evaluation.bench.page import Findings, page
from bcdcodec.evaluation.bench.plan import Plan, Series
from bcdcodec.evaluation.bench.sets import SetDistance
from bcdcodec.evaluation.interval import Interval

SERIES = tuple(
    Series(codec=codec, side=128, profile="lookahead" if codec != "bcdcodec" else "", rate=Fraction(25), points=(1,))
    for codec in ("x264", "x265", "vp9", "bcdcodec")
)
NAMES = [series.name for series in SERIES]


def findings() -> Findings:
    gains = [Interval(1.0, 0.5, 1.5), Interval(-1.0, -1.5, -0.5), Interval(1.0, -0.5, 2.5)]
    matches = [
        Match(rival=name, metric="psnr", clips=4, reached=3, wins=2, kbps=3.5, rival_kbps=4.25, gain=gain)
        for name, gain in zip(NAMES, gains, strict=False)
    ]
    results = [
        CellResult(
            clip="a", series=name, point=1, seconds=2.0, frames=50, file_bytes=1500, payload_bytes=1000,
            encode_s=1.0, decode_s=4.0, peak_mib=peak, metrics={"psnr": None if name == NAMES[0] else 30.0},
            missing={"psnr": 7},
        )
        for name, peak in zip(NAMES, (None, 100.0, 200.0, 300.0), strict=True)
    ]  # fmt: skip
    bd_rates = [
        BdRate(series="bcdcodec 25", anchor=NAMES[0], metric="psnr", percent=-12.3, overlap=(28.0, 31.0)),
        BdRate(series="bcdcodec 25", anchor=NAMES[1], metric="psnr", percent=None, overlap=None),
    ]
    plan = Plan(seconds=2.0, clips=(), metrics=("psnr",), every_nth={}, series=SERIES, transfer=None, sets_every_nth=0)
    return Findings(
        plan=plan, about=["About."], results=results, own="bcdcodec 25", point=4000, matches=matches, bd_rates=bd_rates,
        sets=[SetDistance(series=NAMES[0], point=1, frames=40, frechet=1.5, kernel=0.25)],
        plots=["results/psnr.png"], sheet=["SHEET"], transfer=["TRANSFER"],
    )  # fmt: skip


def test_verdicts_follow_the_interval() -> None:
    text = page(findings())
    line = next(line for line in text.splitlines() if line.startswith("- **psnr**"))
    assert line == (
        "- **psnr**: better than x264 128 lookahead 25; worse than x265 128 lookahead 25; "
        "not clearly apart from vp9 128 lookahead 25."
    )
    assert "`bcdcodec 25` at 4 kbps asked for, 3.50 kbps on disk" in text


def test_tables_hold_every_number() -> None:
    text = page(findings())
    assert "| x264 128 lookahead 25 | 4.25 | 3/4 | 1.00 (0.50 to 1.50), 2/4 |" in text
    assert "| x264 128 lookahead 25 | -12 % (28.00 to 31.00) |" in text
    assert "| x265 128 lookahead 25 | none |" in text
    assert "| x264 128 lookahead 25 | 1 | 4.00 | 1.50 | 0.2500 |" in text
    assert "| x264 128 lookahead 25 | 1 | 4.00 | 2.00 | 7 | - |" in text
    assert "| bcdcodec 25 | 0.500 | 2.000 | 300 |" in text
    assert text.index("| bcdcodec 25 | 0.500") < text.index("| x264 128 lookahead 25 | 0.500 | 2.000 | - |")
    for part in ("About.", "![results/psnr.png](results/psnr.png)", "SHEET", "TRANSFER"):
        assert part in text
