"""The first hour of a new user, as the programs that they start: what a person would look at is checked here."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av import VideoStream
from browser_kit import CHROMIUM
from numpy.typing import NDArray

from bcdcodec.evaluation.report.sheets import load_png
from bcdcodec.video.reader import VideoReader

pytestmark = pytest.mark.slow
CLIPS, FRAMES = 10, 24
#: Window of the browser, and the share of it that the video of `bcd play` takes.
WINDOW, SHARE = 800, 0.96
Pixels = NDArray[np.uint8]


def bcd(*line: object, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bcdcodec", *map(str, line)]
    return subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ten videos of a face, each with a tint of its own, that moves a pixel a frame."""
    from skimage import data

    folder = tmp_path_factory.mktemp("home")
    (folder / "videos").mkdir()
    face = np.ascontiguousarray(data.astronaut()[:256, 96:352]).astype(int)
    for clip in range(CLIPS):
        tint = np.array([clip, -clip, 0])
        with av.open(str(folder / f"videos/clip{clip}.mp4"), "w") as container:
            video = container.add_stream("libx264", rate=25, options={"crf": "16", "preset": "veryfast"})
            assert isinstance(video, VideoStream)
            video.width, video.height, video.pix_fmt = 256, 256, "yuv420p"
            for index in range(FRAMES):
                moved = np.roll((face + tint).clip(0, 255).astype(np.uint8), index, axis=1)
                frame = av.VideoFrame.from_ndarray(moved, format="rgb24")
                frame.pts, frame.time_base = index, Fraction(1, 25)
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
    return folder


@pytest.fixture(scope="module")
def streams(home: Path) -> Path:
    done = bcd("encode", "videos", "-o", "streams", "-j", 2, folder=home)
    assert done.returncode == 0, done.stderr
    return home / "streams"


def pictures(path: Path, rate: int | Fraction = 25) -> list[Pixels]:
    with VideoReader(path, Fraction(rate)) as reader:
        return [frame.pixels for frame in reader]


def screenshot(address: str, path: Path, *, width: int = WINDOW, height: int = WINDOW) -> Pixels:
    """What headless Chromium shows of an address after three seconds."""
    assert CHROMIUM is not None
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=3000"]
    shot = [f"--window-size={width},{height}", f"--screenshot={path}", f"--user-data-dir={path.with_suffix('')}"]
    subprocess.run([CHROMIUM, *options, *shot, address], capture_output=True, check=True, timeout=300)
    return load_png(path)


def resized(picture: Pixels, height: int, width: int) -> NDArray[np.float64]:
    from skimage.transform import resize

    return np.asarray(255 * resize(picture, (height, width), anti_aliasing=True))


@contextlib.contextmanager
def played(stream: Path) -> Iterator[str]:
    """The address of the page that `bcd play` serves."""
    line = [sys.executable, "-m", "bcdcodec", "play", str(stream), "--player", "browser", "--no-open", "-q"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[0]
        finally:
            process.terminate()


def test_a_folder_goes_in_and_videos_come_out(home: Path, streams: Path) -> None:
    assert sorted(path.name for path in streams.iterdir()) == [f"clip{clip}.bcd" for clip in range(CLIPS)]
    # A clip of a second may take what ten seconds may.
    assert all(path.stat().st_size <= 4000 * 10 / 8 for path in streams.iterdir())
    done = bcd("decode", "streams", "-o", "again", "-j", 2, folder=home)
    assert done.returncode == 0, done.stderr
    for clip in range(CLIPS):
        decoded = pictures(home / f"again/clip{clip}.mp4", Fraction(25, 2))
        source = pictures(home / f"videos/clip{clip}.mp4", Fraction(25, 2))
        assert len(decoded) == len(source) == FRAMES // 2
        errors = [float(np.square(a.astype(int) - b).mean()) for a, b in zip(decoded, source, strict=True)]
        assert 10 * np.log10(255**2 / np.mean(errors)) > 20  # the same person in the same place
    before = {path: path.stat().st_mtime_ns for path in (home / "again").iterdir()}
    assert bcd("decode", "streams", "-o", "again", folder=home).returncode == 0
    assert before == {path: path.stat().st_mtime_ns for path in (home / "again").iterdir()}  # nothing is done twice


@pytest.mark.skipif(CHROMIUM is None, reason="pages are looked at by Chromium")
def test_a_comparison_is_a_page(home: Path, streams: Path) -> None:
    done = bcd("compare", "videos/clip0.mp4", "--bitrates", "2k,4k", "-o", "page", folder=home)
    assert done.returncode == 0, done.stderr
    numbers = json.loads((home / "page/numbers.json").read_text())
    assert [column["asked_kbps"] for column in numbers] == [2, 4]
    assert numbers[0]["values"]["psnr"] > 20 and numbers[1]["values"]["psnr"] > 20
    shown = screenshot((home / "page/index.html").as_uri(), home / "page.png", width=1400, height=2400)
    sheet = load_png(home / "page/sheet.png")
    width, left = 1280, 60  # the page is at most 80 rem wide
    small = resized(sheet, round(sheet.shape[0] * width / sheet.shape[1] / 8), width // 8)
    page = resized(shown[:, left : left + width], shown.shape[0] // 8, width // 8)
    fits = [
        np.abs(page[y : y + len(small)] - small).mean() for y in range(page.shape[0] - len(small) + 1)
    ]  # the sheet is somewhere on the page
    assert min(fits) < 12


@pytest.mark.skipif(CHROMIUM is None, reason="pages are looked at by Chromium")
def test_a_stream_is_played_in_a_browser(home: Path, streams: Path) -> None:
    with played(streams / "clip0.bcd") as address:
        shown = screenshot(address, home / "play.png")
    side = round(WINDOW * SHARE)
    edge = (WINDOW - side) // 2
    video = resized(shown[edge : edge + side, edge : edge + side], 64, 64)[:56]  # without the controls
    decoded = pictures(bcd_decoded(home, streams), Fraction(25, 2))
    differences = [np.abs(video - resized(picture, 64, 64)[:56]).mean() for picture in decoded]
    assert min(differences) < 15


def bcd_decoded(home: Path, streams: Path) -> Path:
    target = home / "played.mp4"
    assert bcd("decode", streams / "clip0.bcd", target, "-f", folder=home).returncode == 0
    return target


def test_a_still_and_twice_the_frames(home: Path, streams: Path) -> None:
    assert bcd("still", streams / "clip3.bcd", "face.png", folder=home).returncode == 0
    still, first = load_png(home / "face.png"), pictures(home / "videos/clip3.mp4")
    assert min(np.abs(still.astype(int) - picture).mean() for picture in first) < 12
    assert bcd("decode", streams / "clip3.bcd", "smooth.mp4", "--fps", 25, folder=home).returncode == 0
    with VideoReader(home / "smooth.mp4", Fraction(25)) as reader:
        assert abs(sum(1 for _ in reader) - FRAMES) <= 1


def test_what_goes_wrong_says_what_next(home: Path, streams: Path) -> None:
    wrong = bcd("encode", "videos/clip0.mp4", "--bitrates", "2k", folder=home)
    assert wrong.returncode == 2 and wrong.stderr.startswith("usage: bcd encode")
    missing = bcd("decode", "no.bcd", folder=home)
    assert missing.returncode == 2 and missing.stderr.count("\n") == 1 and "no.bcd" in missing.stderr
    whole = (streams / "clip1.bcd").read_bytes()
    (home / "damaged.bcd").write_bytes(whole[: len(whole) // 2] + bytes(8) + whole[len(whole) // 2 + 8 :])
    damaged = bcd("decode", "damaged.bcd", "rest.mp4", folder=home)
    assert damaged.returncode == 2 and "damaged.bcd" in damaged.stderr and "--salvage" in damaged.stderr
    assert "Traceback" not in damaged.stderr and not (home / "rest.mp4").exists()
