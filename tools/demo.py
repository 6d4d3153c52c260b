"""Encode and decode a talking-head clip; write side_by_side.mp4 and contact_sheet.png, print rates and times.

Without a clip, tools/fetch_demo_clip.py gets one. What is measured is the file on disk over its duration.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from bcdcodec import BcdError, CodecModel, Frame, decode_file, encode_file
from bcdcodec.codec.encode.file import EncodeResult
from bcdcodec.evaluation.report.sheets import save_png, spread_indices
from bcdcodec.video.crop import crop
from bcdcodec.video.reader import VideoReader
from bcdcodec.video.shots import Shot
from bcdcodec.video.writer import VideoWriter
from bcdcodec.weightfile import DEFAULT_NAME

ROOT = Path(__file__).resolve().parents[1]
#: Longer clips are cut to this, so that the demo takes minutes on a laptop.
MAX_SECONDS = 12
SHEET_COLUMNS = 8

Pixels = NDArray[np.uint8]


def fetch_clip(folder: Path) -> Path:
    """The default clip, fetched once."""
    command = [sys.executable, str(ROOT / "tools" / "fetch_demo_clip.py"), "--out", str(folder)]
    return Path(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip())


def shorten(source: Path, target: Path, seconds: float) -> Path:
    """The source itself if it is short enough, else a copy of its packets up to `seconds`."""
    with av.open(str(source)) as media:
        if media.duration is None or media.duration / av.time_base <= seconds:
            return source
        with av.open(str(target), "w") as out:
            chosen = [*media.streams.video[:1], *media.streams.audio[:1]]
            copies = {stream.index: out.add_stream_from_template(stream) for stream in chosen}
            for packet in media.demux(chosen):
                if packet.dts is not None and packet.dts * packet.time_base < seconds:
                    packet.stream = copies[packet.stream.index]
                    out.mux(packet)
    return target


def pairs(source: Path, decoded: Path, shots: list[Shot], rate: Fraction) -> Iterator[tuple[Frame, Frame]]:
    """Source frames, cropped and scaled as the encoder saw them, with the decoded ones."""
    with VideoReader(source, rate) as before, VideoReader(decoded, rate) as after:
        boxes = (shot.box for shot in shots for _ in range(shot.frames))
        for original, shown, box in zip(before, after, boxes, strict=False):
            yield crop(original, box, shown.height), shown


def compare(source: Path, decoded: Path, folder: Path, result: EncodeResult, rate: Fraction) -> tuple[Path, Path]:
    """Write the side-by-side video and the contact sheet; returns their paths."""
    video, sheet = folder / "side_by_side.mp4", folder / "contact_sheet.png"
    total = sum(shot.frames for shot in result.shots)
    chosen = set(spread_indices(total, SHEET_COLUMNS))
    columns: list[Pixels] = []
    side = result_side(decoded)
    with VideoWriter(video, 2 * side, side, rate=rate) as writer:
        for original, shown in pairs(source, decoded, result.shots, rate):
            both = np.concatenate([original.pixels, shown.pixels], axis=1)
            writer.write(Frame(pixels=both, index=shown.index))
            if shown.index in chosen:
                columns.append(np.concatenate([original.pixels, shown.pixels], axis=0))
    save_png(sheet, np.concatenate(columns, axis=1))
    return video, sheet


def result_side(decoded: Path) -> int:
    """Width of the decoded pictures, which are square."""
    with av.open(str(decoded)) as media:
        return media.streams.video[0].width


def run(options: argparse.Namespace) -> None:
    folder: Path = options.out
    folder.mkdir(parents=True, exist_ok=True)
    clip = options.clip or fetch_clip(folder)
    source = shorten(clip, folder / "shortened.mp4", MAX_SECONDS)
    model = CodecModel.load(options.weights)
    stream, decoded = folder / "demo.bcd", folder / "decoded.mp4"
    started = time.monotonic()
    result = encode_file(source, stream, model=model, crop=options.crop)
    encoded = time.monotonic()
    print(f"encoded {source} in {encoded - started:.1f} s", flush=True)
    decode_file(stream, decoded, model=model)
    print(f"decoded in {time.monotonic() - encoded:.1f} s", flush=True)
    video, sheet = compare(source, decoded, folder, result, model.frame_rate)

    stats, size, seconds = result.stats, stream.stat().st_size, result.duration_s
    print(f"\n{source.stat().st_size:9,} bytes  {source}")
    print(f"{size:9,} bytes  {stream}")
    print(f"  {size * 8 / seconds / 1000:.2f} kbps over {seconds:.2f} s, sound and everything else included")
    print(f"  {(8 * size - stats.audio_bits) / seconds / 1000:.2f} kbps without the sound")
    print(f"  {stats.motion_bits / stats.motion_frames:.1f} bits/frame of motion at {float(model.frame_rate):g} fps")
    print(f"  {stats.content_bits} bits of content token")
    print(f"\nsource on the left, decoded on the right: {video}\nsource above, decoded below: {sheet}")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Encode and decode a clip and show both side by side.")
    parser.add_argument("clip", nargs="?", type=Path, help="a video of your own (default: fetch one)")
    parser.add_argument("--weights", default=DEFAULT_NAME, metavar="NAME|PATH", help=f"model weights ({DEFAULT_NAME})")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "demo", metavar="FOLDER", help="(build/demo)")
    parser.add_argument("--crop", action=argparse.BooleanOptionalAction, default=True, help="follow the face (crop)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    try:
        run(build_parser().parse_args(argv))
    except (BcdError, OSError, av.error.FFmpegError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as error:
        return error.returncode  # the tool that failed has said why
    return 0


if __name__ == "__main__":
    sys.exit(main())
