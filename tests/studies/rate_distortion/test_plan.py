"""Plans: what a file becomes, and what is refused before anything runs."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from bcdcodec.errors import ConfigError
from bcdcodec.studies.rate_distortion.baselines import BASELINES, PROFILES
from bcdcodec.studies.rate_distortion.plan import STANDARD, quick_plan, read_plan

GOOD = """
seconds = 2.0
metrics = ["psnr"]
[[codec]]
name = "bcdcodec"
frame_rates = ["12.5", "25"]
points = [1000, 2000, 3000, 4000, 5000]
[[codec]]
name = "x264"
frame_rates = ["25/2", "25"]
sides = [256, 128]
profiles = ["lookahead", "low-delay"]
points = [51, 45, 40, 35, 30]
"""
OWN = 'name = "bcdcodec"\nframe_rates = ["12.5", "25"]\npoints = [1000, 2000, 3000, 4000, 5000]'
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
    assert (plan.seconds, plan.clips, plan.metrics) == (2.0, (), ("psnr",))
    assert [series.name for series in plan.series] == [
        *("bcdcodec 12.5", "bcdcodec 25"),
        *(f"x264 {side} {profile} 12.5" for side in (256, 128) for profile in ("lookahead", "low-delay")),
        *(f"x264 {side} {profile} 25" for side in (256, 128) for profile in ("lookahead", "low-delay")),
        *("freeze frame 12.5", "freeze frame 25"),
    ]
    assert plan.series[0].rate == Fraction(25, 2)


def test_one_point_will_do(write: Write) -> None:
    plan = read_plan(write(GOOD.replace("[1000, 2000, 3000, 4000, 5000]", "[4000]")))
    assert plan.series[0].points == (4000,)


def test_the_plan_of_the_package_names_no_clips_and_no_binary() -> None:
    plan = read_plan(None)
    assert plan == read_plan(STANDARD) and plan.clips == ()
    assert {series.codec for series in plan.series} == {"bcdcodec", "x264", "x265", "vp9", "svt-av1", "freeze frame"}
    assert not any(BASELINES[series.codec].by_binary for series in plan.series if series.codec in BASELINES)


def test_a_quick_plan_keeps_the_ends_of_every_series(write: Write) -> None:
    plan = quick_plan(read_plan(write(GOOD)), seconds=1.5, points=3)
    assert plan.seconds == 1.5
    assert {series.points for series in plan.series} == {(1000, 3000, 5000), (51, 40, 30), (0,)}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("seconds = 2.0", "", "misses 'seconds'"),
        ("seconds = 2.0", "seconds = 0.1", "seconds = 0.1, needs a number of 1 to 3600"),
        ("seconds = 2.0", 'seconds = "2"', "seconds = '2', needs a number"),
        ("seconds = 2.0", "seconds = true", "seconds = True"),
        ("seconds = 2.0", "seconds = 2.0\nspeed = 3", "has speed in the plan"),
        ("seconds = 2.0", "seconds = 2.0\nevery_nth = 3", r"every_nth = 3, needs a table \[every_nth\]"),
        ("seconds = 2.0", 'seconds = 2.0\ntransfer = "x"', "has transfer in the plan"),
        ("seconds = 2.0", 'seconds = 2.0\nclips = "a"', "clips = 'a', needs a list"),
        ("seconds = 2.0", "seconds = 2.0\nclips = [1]", "an item of clips = 1, needs a text"),
        (
            "seconds = 2.0",
            "seconds = 2.0\ndistribution_every_nth = 2.5",
            "distribution_every_nth = 2.5, needs a whole number",
        ),
        ("seconds = 2.0", 'seconds = 2.0\ninception = "w.pth"', "inception without distribution_every_nth"),
        ("points = [51", "speed = 3\npoints = [51", "has speed in x264"),
        ('["psnr"]', '"psnr"', "metrics = 'psnr', needs a list of texts"),
        ('["psnr"]', '["psnr", "taste"]', "taste"),
        ('["psnr"]', "[]", r"metrics = \[\], needs a list"),
        ('["psnr"]', '["csim", "psnr"]', "metrics of faces .csim. without faces-lost"),
        ('["psnr"]', '["psnr"]\n[every_nth]\npsnr = 0', "psnr of every_nth = 0"),
        ('["psnr"]', '["psnr"]\n[every_nth]\npsnr = "2"', "psnr of every_nth = '2'"),
        ('["psnr"]', '["vmaf"]\n[every_nth]\nvmaf = 2', "vmaf, which need every frame"),
        ('["psnr"]', '["flicker"]\n[every_nth]\nflicker = 2', "flicker, which need every frame"),
        ("[[codec]]", "[codec]", r"needs \[\[codec\]\] with two brackets"),
        ("[51, 45, 40, 35, 30]", "[51, 45, 45]", r"points \[51, 45, 45\] for x264, needs each once"),
        ("[51, 45, 40, 35, 30]", "[]", "needs a list"),
        ("[51, 45, 40, 35, 30]", "[52, 45, 40, 35, 30]", "points of x264 = 52, needs a whole number of 0 to 51"),
        ("[51, 45, 40, 35, 30]", "[20.5, 45, 40, 35, 30]", "points of x264 = 20.5"),
        ("[51, 45, 40, 35, 30]", "30", "points of x264 = 30, needs a list"),
        ("[1000, 2000", "[400, 2000", "points of bcdcodec = 400, needs a whole number of 500 to 64000"),
        ("[1000, 2000", "[64001, 2000", "points of bcdcodec = 64001"),
        ('name = "x264"', 'name = "x999"', "'x999'"),
        ('name = "x264"', "name = 7", "name = 7, needs a text"),
        ('"low-delay"', '"fast"', "profiles lookahead, fast for x264"),
        ("[256, 128]", "[256, 127]", "even sides"),
        ("[256, 128]", "[256, 62]", "sides of x264 = 62"),
        ("[256, 128]", "128", "sides of x264 = 128, needs a list"),
        ('["12.5", "25"]', '["0"]', "frame rate '0'"),
        ('["12.5", "25"]', '["fast"]', "frame rate 'fast'"),
        ('["12.5", "25"]', '"25"', "frame_rates of bcdcodec = '25', needs a list"),
        ('["12.5", "25"]', '["12.5"]', "but bcdcodec at no such frame rate"),
        ('["25/2", "25"]', '["12.5", "25/2"]', "twice"),
        (OWN, OWN.replace("bcdcodec", "x265").replace("000", "0"), "no codec bcdcodec"),
        ("seconds = 2.0", "seconds = ", "not TOML"),
    ],
)
def test_mistakes_are_named(write: Write, old: str, new: str, says: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError, match=says) as found:
        # [codec] stands once: a second would be no TOML.
        text = GOOD.replace(old, new) if new != "[codec]" else GOOD.split("[[codec]]")[0] + "[codec]\n" + OWN
        read_plan(write(text))
    assert "\n" not in str(found.value)
    assert "plan.toml" in str(found.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml"):
        read_plan(tmp_path / "nowhere.toml")


def test_every_encoder_has_both_profiles(write: Write) -> None:
    for name, baseline in BASELINES.items():
        plan = read_plan(write(GOOD.replace("x264", name)))
        assert {series.profile for series in plan.series if series.codec == name} == {*baseline.profiles} == {*PROFILES}


def test_weights_of_inception_lie_beside_the_plan(write: Write, tmp_path: Path) -> None:
    text = GOOD.replace("seconds = 2.0", 'seconds = 2.0\ndistribution_every_nth = 3\ninception = "w.pth"')
    assert read_plan(write(text)).inception == tmp_path / "w.pth"


@pytest.mark.parametrize("name", ["rd_small.toml", "rd_full.toml"])
def test_the_plans_that_ship_are_plans(name: str) -> None:
    plan = read_plan(Path(__file__).parents[3] / "benchmarks" / name)
    own = [series for series in plan.series if series.codec == "bcdcodec"]
    assert {series.rate for series in own} == {series.rate for series in plan.series}
