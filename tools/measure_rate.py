"""Hold encoded clips against their bitrates. In: a folder of clips. Out: benchmarks/results/rate.json and a page.

Every clip is encoded at every target. Said of each file: what it takes on disk against what was asked for, how full a
bucket of the asked size ever was (from the packets alone, by the definition of a leaky bucket), what its codes take in
each mode, and how near that is to the cross-entropy of the context model.
"""

import argparse
import functools
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from tqdm import tqdm

from bcdcodec import BcdError, CodecModel
from bcdcodec.atomic import file_hash, write_bytes
from bcdcodec.bitstream.packet import MotionPayload
from bcdcodec.bitstream.records import CodingMode
from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.codec.encode.encoder import EncodeSettings
from bcdcodec.codec.encode.file import encode_file
from bcdcodec.entropy.context import context_bits
from bcdcodec.errors import RateError
from bcdcodec.evaluation.harness.clips import read_clips
from bcdcodec.evaluation.harness.experiment import kept_json
from bcdcodec.ratecontrol.bucket import LeakyBucket
from bcdcodec.ratecontrol.timeline import Timeline

ROOT = Path(__file__).resolve().parents[1]
TARGETS = (1000, 2000, 4000, 8000)
BUCKET_S = 1.0
#: Shorter ones may take what ten seconds may, so that their own rate says nothing.
LONG_S = 10.0
DENOISER = "bcd.dit."


def measure(model: CodecModel, clip: Path, target: int, stream: Path) -> dict[str, Any]:
    """One clip at one target."""
    settings = EncodeSettings(bitrate=target, bucket_s=BUCKET_S)
    try:
        result = encode_file(clip, stream, model=model, settings=settings, crop=False, audio_bitrate=None)
    except RateError as error:
        return {"clip": clip.stem, "target": target, "refused": str(error)}
    with stream.open("rb") as file:
        reader = StreamReader(file, keep_packets=True)
        packets = [packet.record() for packet in reader]
    stats, header = reader.stats, reader.header
    timeline = Timeline.of_packets(stats.packets, header.video.frame_rate)
    fills = timeline.fill(LeakyBucket(target, BUCKET_S))[1]
    found = {
        "clip": clip.stem,
        "target": target,
        "seconds": result.duration_s,
        "bits": stats.total_bits,
        "content_bits": stats.content_bits,
        "contents": 1 + stats.content_packets,
        "frames": stats.motion_frames,
        "held_frames": result.skipped_frames,
        "fps": float(header.video.frame_rate),
        "groups": header.coding.groups,
        "mode": header.coding.mode.name.lower(),
        "fill": max(fills) / (target * BUCKET_S),
    }
    own = model.coder(header.coding.mode, header.coding.groups)
    blocks = [own.decode(record.codes, record.frames) for record in packets if isinstance(record, MotionPayload)]
    return found | entropies(model, blocks)


def entropies(model: CodecModel, blocks: list[Any]) -> dict[str, float]:
    """Bits a frame of packets of codes [n, G]: coded in each mode, and by the context model without a coder."""
    frames, groups = sum(len(block) for block in blocks), blocks[0].shape[1]
    found = {}
    for mode in CodingMode:
        if mode is CodingMode.CONTEXT and model.predictor is None:
            continue
        coder = model.coder(mode, groups)
        found[f"{mode.name.lower()}_bits"] = 8 * sum(len(coder.encode(block)) for block in blocks) / frames
    if model.predictor is not None:
        bits = 0.0
        for block in blocks:
            costs = context_bits(block, model.predictor.first(groups))
            bits += float(np.take_along_axis(costs, block[..., None].astype(np.int64), -1).sum())
        found["model_bits"] = bits / frames
    return found


def encoder_hash(model: CodecModel) -> str:
    """Names everything in the weights that streams depend on: all but the denoiser, which only decoders use."""
    found = hashlib.sha256()
    with safe_open(str(model.weights.path), framework="numpy") as file:
        for name in sorted(file.keys()):
            if not name.startswith(DENOISER):
                found.update(name.encode() + file.get_tensor(name).tobytes())
    return found.hexdigest()[:12]


def page(results: list[dict[str, Any]], model: CodecModel) -> str:
    """The table, in Markdown."""
    lines = [
        "# Bitrates",
        "",
        "Written by `tools/measure_rate.py`; do not edit.",
        "",
        f"Weights `{model.weights.model_id.hex()}`, bucket of {BUCKET_S:g} s. *Error*: size on disk over length",
        f"against the target, clips of {LONG_S:g} s and more; shorter ones may take what {LONG_S:g} s may. *Fill*: the",
        "fullest that the bucket ever was, in % of its size. *Held*: frames that got no packet. Bits a frame are those",
        "of the codes, the same ones in each mode; *model*: cross-entropy of the context model, without a coder.",
        "",
        "| target, bit/s | clips | refused | long ones | error, %, mean and worst | fill, worst | held | fps "
        "| codes a frame | contents | packed | coded | context | model |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for target in TARGETS:
        own = [row for row in results if row["target"] == target]
        rows = [row for row in own if "refused" not in row]
        if not rows:
            continue
        errors = [100 * (r["bits"] / r["seconds"] / target - 1) for r in rows if r["seconds"] >= LONG_S]
        worst = max(errors, key=abs) if errors else float("nan")
        mean = float(np.mean(errors)) if errors else float("nan")

        def taken(name: str, rows: list[dict[str, Any]] = rows) -> str:
            return ", ".join(f"{value:g} in {count}" for value, count in sorted(Counter(r[name] for r in rows).items()))

        def bits(name: str, rows: list[dict[str, Any]] = rows) -> str:
            rows = [row for row in rows if name in row]
            if not rows:
                return "none"
            frames = sum(row["frames"] for row in rows)
            return f"{sum(row[name] * row['frames'] for row in rows) / frames:.1f}"

        fill, held = 100 * max(row["fill"] for row in rows), sum(row["held_frames"] for row in rows)
        lines.append(
            f"| {target} | {len(own)} | {len(own) - len(rows)} | {len(errors)} | {mean:.2f}, {worst:.2f} "
            f"| {fill:.0f} | {held} | {taken('fps')} | {taken('groups')} | {sum(row['contents'] for row in rows)} "
            f"| {bits('packed_bits')} | {bits('coded_bits')} | {bits('context_bits')} | {bits('model_bits')} |"
        )
    refused = [row for row in results if "refused" in row]
    lines += ["", *(f"- `{row['clip']}` at {row['target']}: {row['refused']}." for row in refused)]
    return "\n".join(lines).rstrip() + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, with finished clips kept in a work folder."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("clips", type=Path, help="folder of clips with a clips.csv")
    parser.add_argument("--work", type=Path, required=True, help="folder for streams and finished results")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results", help="folder for the results")
    parser.add_argument("--weights", default="face", help="name or path (face)")
    options = parser.parse_args(arguments)
    try:
        model = CodecModel.load(options.weights, device="cpu")
        options.work.mkdir(parents=True, exist_ok=True)
        encoder = encoder_hash(model)
        results = []
        for clip in tqdm(read_clips(options.clips), unit="clip"):
            for target in TARGETS:
                key = f"{clip.name}-{file_hash(clip.path)[:8]}-{encoder}-{target}"
                stream = options.work / f"{key}.bcd"
                make = functools.partial(measure, model, clip.path, target, stream)
                results.append(kept_json(options.work / f"{key}.json", make))
    except BcdError as error:
        print(f"measure_rate: error: {error}", file=sys.stderr)
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    summary = {"weights": model.weights.model_id.hex(), "bucket_s": BUCKET_S, "clips": results}
    write_bytes(options.out / "rate.json", (json.dumps(summary, indent=1) + "\n").encode())
    write_bytes(options.out / "rate.md", page(results, model).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
