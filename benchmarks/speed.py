"""Seconds that whole commands take for a second of video, on one core and on all: encode, decode, decode to the warp.

Each runs as a process of its own, its start included, `--repeats` times; the table and results/speed.json have the
medians, and what the machine is. Nothing else should run meanwhile.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.errors import BcdError

RESULTS = Path(__file__).resolve().parent / "results" / "speed.json"
#: Commands by name: of the clip CLIP, the stream STREAM and the decoded video OUT.
COMMANDS = {
    "encode": ["encode", "CLIP", "STREAM", "--no-audio"],
    "decode": ["decode", "STREAM", "OUT"],
    "decode to the warp": ["decode", "STREAM", "OUT", "--steps", "0"],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """seconds: of the process for one second of video."""

    command: str
    threads: int
    seconds: float


def machine() -> str:
    """Name of the processor, as Linux knows it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def cores() -> list[int]:
    """Numbers of the cores that this process may use."""
    return sorted(os.sched_getaffinity(0))


def seconds_of(arguments: Sequence[str], threads: int) -> float:
    """Run `bcd` with so many threads; its wall time. CalledProcessError if it fails."""
    started = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "bcdcodec", *arguments, "--quiet", "--force"],
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": str(threads)},
        preexec_fn=lambda: os.sched_setaffinity(0, cores()[:threads]),
        stderr=subprocess.DEVNULL,
    )
    return time.monotonic() - started


def measure(clip: Path, *, repeats: int) -> Iterator[Measurement]:
    """Measure all commands, on one core first."""
    with tempfile.TemporaryDirectory() as folder:
        names = {"CLIP": str(clip), "STREAM": f"{folder}/talk.bcd", "OUT": f"{folder}/talk.mp4"}
        for threads in dict.fromkeys((1, len(cores()))):
            for command, words in COMMANDS.items():
                arguments = [names.get(word, word) for word in words]
                taken = [seconds_of(arguments, threads) for _ in range(repeats)]
                with open(names["STREAM"], "rb") as file:
                    reader = StreamReader(file)
                    for _ in reader:
                        pass
                length_s = float(reader.stats.end_tick / reader.header.video.frame_rate)
                yield Measurement(
                    command=command, threads=threads, seconds=round(statistics.median(taken) / length_s, 2)
                )


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="speed", description="Speed of bcd encode and bcd decode.")
    parser.add_argument("clip", type=Path, help="a video of one face")
    parser.add_argument("--repeats", type=int, default=1, metavar="N", help="runs of each command (1)")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="FILE", help="(benchmarks/results/speed.json)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    options = build_parser().parse_args(argv)
    found: list[Measurement] = []
    try:
        for item in measure(options.clip, repeats=options.repeats):
            found.append(item)
            print(f"{item.command:20} {item.threads} threads {item.seconds:6.2f} s for a second", flush=True)
    except (BcdError, OSError, subprocess.CalledProcessError) as error:
        print(f"speed: {error}", file=sys.stderr)
        return 2
    options.out.parent.mkdir(parents=True, exist_ok=True)
    results = {
        "machine": machine(),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "measurements": [asdict(item) for item in found],
    }
    options.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
