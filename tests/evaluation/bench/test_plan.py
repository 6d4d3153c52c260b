"""Plans: what a file becomes, and what is refused before anything runs."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.bench.plan import read_plan

GOOD = """
seconds = 2.0
metrics = ["psnr"]
[[codec]]
name = "bcdcodec"
frame_rates = ["12.5"]
points = [1000, 2000, 3000, 4000, 5000]
[[codec]]
name = "x264"
frame_rates = ["25/2", "25"]
sides = [256, 128]
profiles = ["lookahead", "low-delay"]
points = [51, 45, 40, 35, 30]
"""
OWN = 'name = "bcdcodec"\nframe_rates = ["12.5"]\npoints = [1000, 2000, 3000, 4000, 5000]'
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "plan.toml"
        path.write_text(text)
        return path

    return write


def test_forms_multiply(write: Write) -> None:
    plan = read_plan(write(GOOD))
    assert (plan.seconds, plan.clips, plan.metrics, plan.transfer) == (2.0, (), ("psnr",), None)
    assert [series.name for series in plan.series] == [
        "bcdcodec 12.5",
        *(f"x264 {side} {profile} 12.5" for side in (256, 128) for profile in ("lookahead", "low-delay")),
        *(f"x264 {side} {profile} 25" for side in (256, 128) for profile in ("lookahead", "low-delay")),
    ]
    assert plan.series[0].rate == Fraction(25, 2)


def test_pairs_lie_beside_the_plan(write: Write, tmp_path: Path) -> None:
    plan = read_plan(write(GOOD + '[transfer]\npairs = "pairs.csv"\nseconds = 1.5\n'))
    assert plan.transfer is not None
    assert (plan.transfer.pairs, plan.transfer.seconds) == (tmp_path / "pairs.csv", 1.5)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("seconds = 2.0", "", "misses 'seconds'"),
        ("seconds = 2.0", "seconds = 0.1", "0.1 seconds"),
        ("seconds = 2.0", "seconds = 2.0\nspeed = 3", "has speed"),
        ('["psnr"]', '["psnr", "taste"]', "taste"),
        ('["psnr"]', "[]", "names metrics"),
        ('["psnr"]', '["psnr"]\n[every_nth]\npsnr = 0', "below 1"),
        ("[51, 45, 40, 35, 30]", "[51, 45, 40, 35, 35]", "4 points for x264, needs 5"),
        ("[51, 45, 40, 35, 30]", "[52, 45, 40, 35, 30]", "found 52"),
        ('name = "x264"', 'name = "x999"', "'x999'"),
        ('name = "x264"', 'name = "vvenc"', "'low-delay'"),
        ('"low-delay"', '"fast"', "profiles"),
        ("[256, 128]", "[256, 127]", "even sides"),
        ('["12.5"]', '["0"]', "frame rates"),
        ('["25/2", "25"]', '["12.5", "25/2"]', "twice"),
        (OWN, OWN.replace("bcdcodec", "x265").replace("000", "0"), "no codec bcdcodec"),
        ("seconds = 2.0", "seconds = ", "not TOML"),
    ],
)
def test_mistakes_are_named(write: Write, old: str, new: str, says: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError, match=says):
        read_plan(write(GOOD.replace(old, new)))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml"):
        read_plan(tmp_path / "nowhere.toml")


@pytest.mark.parametrize("name", ["rd_small.toml", "rd_full.toml"])
def test_the_plans_that_ship_are_plans(name: str) -> None:
    plan = read_plan(Path(__file__).parents[3] / "benchmarks" / name)
    assert plan.transfer is not None
    assert plan.transfer.pairs.is_file()
