"""Value of each rate-control tool: quality of clips with one tool switched off or moved.

Every clip is encoded and decoded with all tools, and with each of them alone switched off at the targets where it could
matter. Pictures are compared at the model's frame rate, as a player shows them.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from bcdcodec.bitstream.records import CodingMode
from bcdcodec.codec import reference
from bcdcodec.codec.encode import packetizer
from bcdcodec.codec.encode.file import encode_file
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.errors import RateError
from bcdcodec.evaluation.harness.decoding import decoded_frames
from bcdcodec.evaluation.metrics.table import loaded
from bcdcodec.model.disentangle import central_frame
from bcdcodec.ratecontrol import plan
from bcdcodec.ratecontrol.rdo import Codes, rdo_quantize
from bcdcodec.ratecontrol.tuning import RateTuning
from bcdcodec.studies.rate_control.items import ClipTarget
from bcdcodec.video.reader import read_clip

TARGETS = (1000, 2000, 4000, 8000)
METRIC_NAMES = ("psnr", "lpips-alex", "flicker", "landmarks-mouth", "landmarks-contour")
#: Frame step of the metrics but flicker, which needs every frame.
FRAME_STEP = 4


@dataclass(frozen=True, kw_only=True)
class Variant:
    """settings: what differs from the default; switched_off: context without a tool that has no setting."""

    name: str
    targets: tuple[int, ...] = TARGETS
    settings: dict[str, Any] = field(default_factory=dict)
    switched_off: Callable[[], AbstractContextManager[Any]] = nullcontext


def _min_distortion_codes(distances: NDArray[np.float32], rate_bits: NDArray[np.float64], **limits: Any) -> Codes:
    """`rdo_quantize` with a rate of zero: the codes of minimum distortion, or RateError."""
    return rdo_quantize(distances, np.zeros_like(rate_bits), **limits)


VARIANTS = (
    Variant(name="all tools"),
    Variant(
        name="frame rate never halved",
        targets=(1000, 2000),
        settings={"tuning": RateTuning(min_motion_ratio=0.0)},
    ),
    Variant(
        name="all codes in every frame",
        targets=(1000, 2000, 4000),
        settings={"tuning": RateTuning(min_codes_ratio=0.0)},
    ),
    Variant(
        name="one picture a shot",
        targets=(4000, 8000),
        settings={"tuning": RateTuning(min_refresh_s=1e6)},
    ),
    Variant(
        name="picture of the most central frame",
        targets=(2000, 8000),
        switched_off=lambda: patch.object(
            reference, "select_reference_frame", lambda model, z: int(central_frame(z[None]))
        ),
    ),
    Variant(
        name="pictures of 8 kbit",
        targets=(2000, 4000),
        switched_off=lambda: patch.object(plan.RatePlan, "picture_bits", lambda self, at_s, **_: 8000),
    ),
    Variant(
        name="codes of least distortion or least rate only",
        targets=(1000, 4000),
        switched_off=lambda: patch.object(packetizer, "rdo_quantize", _min_distortion_codes),
    ),
    Variant(name="25 frames a second", targets=(4000, 8000), settings={"frame_rate": Fraction(25)}),
    Variant(name="codes by the table (`coded`)", targets=(1000, 4000), settings={"mode": CodingMode.CODED}),
    Variant(name="8 frames a packet", targets=(4000,), settings={"packet_windows": 1}),
    Variant(name="no bucket", targets=(8000,), settings={"bucket_s": None}),
    Variant(name="with 5 steps of refinement", targets=(4000,), settings={"effort": 5}),
)


def measure_variant(model: CodecModel, item: ClipTarget) -> dict[str, Any]:
    """Encode one clip by one variant, decode it and compare; the stream lies beside the record."""
    item.record.parent.mkdir(parents=True, exist_ok=True)
    stream = item.record.with_suffix(".bcd")
    (variant,) = [variant for variant in VARIANTS if variant.name == item.variant]
    record: dict[str, Any] = {"clip": item.clip.stem, "variant": variant.name, "target": item.target}
    try:
        with variant.switched_off():
            settings = EncodeSettings(bitrate=item.target, **variant.settings)
            result = encode_file(item.clip, stream, model=model, settings=settings, crop=False, audio_bitrate=None)
    except RateError as error:
        return record | {"refused": str(error)}
    sampling = model.config.sampling["standard"]
    decoded = np.stack([frame.pixels for frame in decoded_frames(model, stream, sampling)])
    source = np.stack(list(read_clip(item.clip, rate=model.frame_rate, pixels=model.config.pixels)))
    decoded = decoded[:: round(settings.frame_rate / model.frame_rate) if settings.frame_rate else 1]
    frames = min(len(decoded), len(source))
    for name in METRIC_NAMES:
        step = 1 if name == "flicker" else FRAME_STEP
        record[name] = float(np.nanmean(loaded(name)(decoded[:frames:step], source[:frames:step])))
    kbps = result.stats.total_bits / result.duration_s / 1000
    return record | {"kbps": kbps, "skipped_frames": result.skipped_frames}
