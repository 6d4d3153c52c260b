"""Value of each rate-control tool: quality of clips with one tool switched off or moved.

Every clip is encoded and decoded with all tools, and with each of them alone switched off at the targets where it could
matter. Pictures are compared at the model's frame rate, as a player shows them.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from bcdcodec.bitstream.records import CodingMode
from bcdcodec.codec.encode.file import encode_file
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.errors import RateError
from bcdcodec.evaluation.harness.decoding import decoded_frames
from bcdcodec.evaluation.metrics.table import loaded
from bcdcodec.ratecontrol.tuning import RateTuning
from bcdcodec.studies.rate_control.bitrates import TARGETS, ClipTarget
from bcdcodec.video.reader import read_clip

METRIC_NAMES = ("psnr", "lpips-alex", "flicker", "landmarks-mouth", "landmarks-contour")
#: Frame step of the metrics but flicker, which needs every frame.
FRAME_STEP = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One way to encode. settings: what differs from the default EncodeSettings."""

    name: str
    targets: tuple[int, ...] = TARGETS
    settings: dict[str, Any] = field(default_factory=dict)


def _tuned(name: str, *targets: int, **tuning: Any) -> Variant:
    return Variant(name=name, targets=targets, settings={"tuning": RateTuning(**tuning)})


VARIANTS = (
    Variant(name="all tools"),
    _tuned("frame rate never halved", 1000, 2000, min_motion_ratio=0.0),
    _tuned("all codes in every frame", 1000, 2000, 4000, min_codes_ratio=0.0),
    _tuned("one new picture a segment", 4000, 8000, max_segment_references=1),
    _tuned("picture of the most central frame", 2000, 8000, central_reference=True),
    _tuned("pictures of 8 kbit", 2000, 4000, fixed_reference_bits=8000),
    _tuned("codes of least distortion or least rate only", 1000, 4000, rdo=False),
    Variant(name="25 frames a second", targets=(4000, 8000), settings={"frame_rate": Fraction(25)}),
    Variant(name="codes by the table (`coded`)", targets=(1000, 4000), settings={"mode": CodingMode.CODED}),
    Variant(name="8 frames a packet", targets=(4000,), settings={"packet_windows": 1}),
    Variant(name="no bucket", targets=(8000,), settings={"bucket_s": None}),
    Variant(name="with 5 steps of refinement", targets=(4000,), settings={"effort": 5}),
)


def measure_variant(model: CodecModel, item: ClipTarget) -> dict[str, Any]:
    """Encode one clip by one variant, decode it and compare; the stream lies beside the record."""
    stream = item.record.with_suffix(".bcd")
    (variant,) = [variant for variant in VARIANTS if variant.name == item.variant]
    record: dict[str, Any] = {"clip": item.clip.stem, "variant": variant.name, "target": item.target}
    try:
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
