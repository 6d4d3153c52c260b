"""Peak memory of `bcd encode` and `bcd decode` over the length of a video, which it must not depend on.

Both run as processes of their own on a video of one minute and one of N; the table and results/memory.json say what
the most memory was that each held at a time.
"""

import argparse
import itertools
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bcdcodec.errors import BcdError
from bcdcodec.frame import Frame
from bcdcodec.video.reader import read_clip
from bcdcodec.video.writer import VideoWriter

RESULTS = Path(__file__).resolve().parent / "results" / "memory.json"
SIDE, RATE = 256, Fraction(25, 2)
#: A clip is held in memory to be looped, so only its start is.
MAX_LOOP_FRAMES = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    command: str
    minutes: float
    frames: int
    peak_mib: float
    wall_s: float


def head_pictures() -> list[NDArray[np.uint8]]:
    """Two seconds of an oval that sways and opens its mouth before a background: something that loops without a cut."""
    count = int(2 * RATE)
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float64)
    background = np.stack([90 + x / 4, 110 + y / 5, 150 - x / 6], axis=-1)
    pictures = []
    for index in range(count):
        phase = 2 * np.pi * index / count
        left, top = 128 + 10 * np.sin(phase), 120 + 4 * np.sin(2 * phase)
        picture = background.copy()
        picture[((x - left) / 60) ** 2 + ((y - top) / 80) ** 2 < 1] = (205, 160, 130)
        for eye in (-24, 24):
            picture[((x - left - eye) / 9) ** 2 + ((y - top + 18) / 5) ** 2 < 1] = (40, 30, 30)
        picture[((x - left) / 20) ** 2 + ((y - top - 38) / (3 + 7 * abs(np.sin(3 * phase)))) ** 2 < 1] = (120, 40, 40)
        pictures.append(picture.astype(np.uint8))
    return pictures


def clip_pictures(path: Path) -> list[NDArray[np.uint8]]:
    """The start of a clip, played forwards and backwards so that the loop has no cut."""
    pictures = list(itertools.islice(read_clip(path, rate=RATE, pixels=SIDE), MAX_LOOP_FRAMES))
    return pictures + pictures[-2:0:-1]


def write_video(path: Path, pictures: list[NDArray[np.uint8]], frames: int) -> None:
    with VideoWriter(path, SIDE, SIDE, rate=RATE) as writer:
        for index in range(frames):
            writer.write(Frame(pixels=pictures[index % len(pictures)], index=index))


def peak_of(arguments: Sequence[str]) -> tuple[float, float]:
    """Run `bcd` with some arguments; MiB and seconds. ChildProcessError if it fails."""
    command = [sys.executable, "-m", "bcdcodec", *arguments]
    started = time.monotonic()
    process = os.posix_spawn(sys.executable, command, os.environ)
    _, status, usage = os.wait4(process, 0)
    if code := os.waitstatus_to_exitcode(status):
        raise ChildProcessError(f"bcd {' '.join(arguments)} ended with exit code {code}")
    unit = 1 if platform.system() == "Darwin" else 1024  # Linux counts in KiB
    return usage.ru_maxrss * unit / 2**20, time.monotonic() - started


def measure(
    folder: Path, pictures: list[NDArray[np.uint8]], minutes: float, weights: list[str]
) -> Iterator[Measurement]:
    """Encode and decode one video of that many minutes."""
    source, stream, decoded = (folder / name for name in ("talk.mp4", "talk.bcd", "decoded.mp4"))
    frames = max(1, round(minutes * 60 * RATE))
    write_video(source, pictures, frames)
    common = ["--force", "--quiet", *weights]
    for name, arguments in {
        "encode": ["encode", str(source), str(stream), "--no-crop", "--no-audio", *common],
        "decode": ["decode", str(stream), str(decoded), "--preset", "standard", *common],
    }.items():
        peak_mib, wall_s = peak_of(arguments)
        yield Measurement(
            command=name, minutes=minutes, frames=frames, peak_mib=round(peak_mib, 1), wall_s=round(wall_s, 1)
        )


def run(options: argparse.Namespace) -> list[Measurement]:
    pictures = clip_pictures(options.clip) if options.clip else head_pictures()
    weights = ["--weights", str(options.weights)] if options.weights else []
    found: list[Measurement] = []
    print(f"{'command':8} {'minutes':>8} {'frames':>8} {'peak MiB':>9} {'seconds':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for minutes in (options.short, options.minutes):
            for item in measure(Path(folder), pictures, minutes, weights):
                found.append(item)
                row = f"{item.command:8} {item.minutes:8g} {item.frames:8} {item.peak_mib:9.1f} {item.wall_s:8.1f}"
                print(row, flush=True)
    return found


def minutes(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 600:
        raise argparse.ArgumentTypeError(f"{text!r} is no length, needs minutes above 0 and up to 600")
    return value


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="memory", description="Peak memory of bcd encode and bcd decode.")
    parser.add_argument("clip", nargs="?", type=Path, help="a video to loop (default: a drawn head)")
    parser.add_argument("--minutes", type=minutes, default=10.0, metavar="N", help="length of the long video (10)")
    parser.add_argument("--short", type=minutes, default=1.0, metavar="N", help="length of the short video (1)")
    parser.add_argument("--weights", metavar="NAME|PATH", help="model weights (those that ship)")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="FILE", help="(benchmarks/results/memory.json)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    options = build_parser().parse_args(argv)
    try:
        found = run(options)
    except (BcdError, OSError) as error:
        print(f"memory: {error}", file=sys.stderr)
        return 2
    options.out.parent.mkdir(parents=True, exist_ok=True)
    results = {"preset": "standard", "measurements": [asdict(item) for item in found]}
    options.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
