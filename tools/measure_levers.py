"""What each lever of the encoder is worth. In: clips. Out: benchmarks/results/levers.json and a table.

Every clip is encoded and decoded at every target with all levers of the rate control, and with each of them alone taken
away where it could matter; what is lost then is the lever's worth. At one target codes are refined as well. Pictures
are compared at the model's frame rate, as a player shows them.
"""

import argparse
import functools
import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from bcdcodec import BcdError, CodecModel
from bcdcodec.atomic import file_hash, write_bytes
from bcdcodec.bitstream.records import CodingMode
from bcdcodec.codec import reference
from bcdcodec.codec.encode import first_pass, packetizer
from bcdcodec.codec.encode.encoder import EncodeSettings
from bcdcodec.codec.encode.file import encode_file
from bcdcodec.errors import RateError
from bcdcodec.evaluation.harness.experiment import kept_json
from bcdcodec.evaluation.measure import decoded_frames
from bcdcodec.evaluation.metrics.table import METRICS
from bcdcodec.model.disentangle import central_frame
from bcdcodec.ratecontrol import plan
from bcdcodec.ratecontrol.rdo import Codes, rdo_quantize
from bcdcodec.video.clip import read_clip

ROOT = Path(__file__).resolve().parents[1]
TARGETS = (1000, 2000, 4000, 8000)
NAMES = ("psnr", "lpips-alex", "flicker", "landmarks-mouth", "landmarks-contour")
#: One frame of so many is compared, but for flicker, which needs them all.
EVERY = 4


@dataclass(frozen=True, kw_only=True)
class Variant:
    """settings: what differs from the default; without: switches a lever off that has no setting."""

    name: str
    targets: tuple[int, ...] = TARGETS
    settings: dict[str, Any] = field(default_factory=dict)
    without: Callable[[], AbstractContextManager[Any]] = nullcontext


def _nearest_codes(distances: NDArray[np.float32], rate_bits: NDArray[np.float64], **limits: Any) -> Codes:
    """`rdo_quantize` without prices: the nearest, or RateError."""
    return rdo_quantize(distances, np.zeros_like(rate_bits), **limits)


VARIANTS = (
    Variant(name="all levers"),
    Variant(
        name="frame rate never halved",
        targets=(1000, 2000),
        without=lambda: patch.object(first_pass, "LEAST_MOTION_RATIO", 0.0),
    ),
    Variant(
        name="all codes in every frame",
        targets=(1000, 2000, 4000),
        without=lambda: patch.object(first_pass, "LEAST_CODES_RATIO", 0.0),
    ),
    Variant(name="one picture a shot", targets=(4000, 8000), without=lambda: patch.object(plan, "MIN_REFRESH_S", 1e6)),
    Variant(
        name="picture of the most central frame",
        targets=(2000, 8000),
        without=lambda: patch.object(reference, "select_reference_frame", lambda model, z: int(central_frame(z[None]))),
    ),
    Variant(
        name="pictures of 8 kbit",
        targets=(2000, 4000),
        without=lambda: patch.object(plan.FilePlan, "picture_bits", lambda self, at_s, **_: 8000),
    ),
    Variant(
        name="nearest codes or cheapest, nothing between",
        targets=(1000, 4000),
        without=lambda: patch.object(packetizer, "rdo_quantize", _nearest_codes),
    ),
    Variant(name="25 frames a second", targets=(4000, 8000), settings={"frame_rate": Fraction(25)}),
    Variant(name="codes by the table (`coded`)", targets=(1000, 4000), settings={"mode": CodingMode.CODED}),
    Variant(name="8 frames a packet", targets=(4000,), settings={"packet_windows": 1}),
    Variant(name="no bucket", targets=(8000,), settings={"bucket_s": None}),
    Variant(name="with 5 steps of refinement", targets=(4000,), settings={"effort": 5}),
)


def measure(model: CodecModel, clip: Path, variant: Variant, target: int, stream: Path) -> dict[str, Any]:
    """One clip one way."""
    found: dict[str, Any] = {"clip": clip.stem, "variant": variant.name, "target": target}
    try:
        with variant.without():
            settings = EncodeSettings(bitrate=target, **variant.settings)
            result = encode_file(clip, stream, model=model, settings=settings, crop=False, audio_bitrate=None)
    except RateError as error:
        return found | {"refused": str(error)}
    sampling = model.config.sampling["standard"]
    shown = np.stack([frame.pixels for frame in decoded_frames(model, stream, sampling)])
    source = np.stack(list(read_clip(clip, rate=model.frame_rate, pixels=model.config.pixels)))
    shown = shown[:: round(settings.frame_rate / model.frame_rate) if settings.frame_rate else 1]
    frames = min(len(shown), len(source))
    for name in NAMES:
        step = 1 if name == "flicker" else EVERY
        values = METRICS[name].load()(shown[:frames:step], source[:frames:step])
        found[name] = float(np.nanmean(values))
    return found | {"kbps": result.stats.total_bits / result.duration_s / 1000, "held_frames": result.skipped_frames}


def page(results: list[dict[str, Any]], model: CodecModel) -> str:
    """The table, in Markdown."""
    clips = sorted({row["clip"] for row in results})
    lines = [
        "# Levers of the encoder",
        "",
        "Written by `tools/measure_levers.py`; do not edit.",
        "",
        f"Weights `{model.weights.model_id.hex()}`. Means over {len(clips)} clips: {', '.join(clips)}.",
        "Each row but the first takes one lever away, or moves it. PSNR in dB, higher is better; lower:",
        "LPIPS, flicker (8-bit levels) and landmarks (% of the distance between the eyes).",
        "",
        "| target, bit/s | | kbps | PSNR | LPIPS | flicker | mouth | outline | held | refused |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for target in TARGETS:
        for variant in VARIANTS:
            own = [row for row in results if row["target"] == target and row["variant"] == variant.name]
            rows = [row for row in own if "refused" not in row]
            if not rows:
                continue
            means = {name: float(np.mean([row[name] for row in rows])) for name in (*NAMES, "kbps")}
            lines.append(
                f"| {target} | {variant.name} | {means['kbps']:.2f} | {means['psnr']:.2f} | {means['lpips-alex']:.4f} "
                f"| {means['flicker']:.2f} | {means['landmarks-mouth']:.2f} | {means['landmarks-contour']:.2f} "
                f"| {sum(row['skipped_frames'] for row in rows)} | {len(own) - len(rows)} |"
            )
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, with finished cells kept in a work folder."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("clips", type=Path, nargs="+", help="clips of 10 s and longer, none of them for validation")
    parser.add_argument("--work", type=Path, required=True, help="folder for streams and finished results")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results", help="folder for the results")
    parser.add_argument("--weights", default="face", help="name or path (face)")
    options = parser.parse_args(arguments)
    try:
        model = CodecModel.load(options.weights, device="cpu")
        options.work.mkdir(parents=True, exist_ok=True)
        results = []
        cells = [
            (clip, target, variant) for clip in options.clips for variant in VARIANTS for target in variant.targets
        ]
        for clip, target, variant in tqdm(cells, unit="cell"):
            name = hashlib.sha256(variant.name.encode()).hexdigest()[:8]
            key = f"{clip.stem}-{file_hash(clip)[:8]}-{model.weights.model_id.hex()[:8]}-{target}-{name}"
            make = functools.partial(measure, model, clip, variant, target, options.work / f"{key}.bcd")
            results.append(kept_json(options.work / f"{key}.json", make))
    except BcdError as error:
        print(f"measure_levers: error: {error}", file=sys.stderr)
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    summary = {"weights": model.weights.model_id.hex(), "cells": results}
    write_bytes(options.out / "levers.json", (json.dumps(summary, indent=1) + "\n").encode())
    write_bytes(options.out / "levers.md", page(results, model).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
