"""Value of the reference pictures: clips coded with one picture a shot and with as many as the encoder chooses, each
decoded, and its pictures held still.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bcdcodec.codec.encode.file import encode_file
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.errors import RateError
from bcdcodec.evaluation.harness.clips import read_frames
from bcdcodec.evaluation.harness.decoding import decoded_frames, held_references
from bcdcodec.evaluation.metrics.pair import known_mean
from bcdcodec.evaluation.metrics.table import loaded
from bcdcodec.ratecontrol.tuning import RateTuning

TARGETS = (1000, 2000, 4000, 8000)
#: Every which frame a metric looks at.
METRICS = {"psnr": 1, "lpips-alex": 5, "dists": 12, "flicker": 1, "landmarks-mouth": 4, "landmarks-contour": 4}
#: Metrics of the references held.
HELD_METRICS = ("psnr", "lpips-alex", "dists")
#: More windows than any shot has: the pictures of a shot are decided on at once.
WHOLE_SHOT = 1_000_000
VARIANTS = {
    "one picture a shot": RateTuning(segment_windows=WHOLE_SHOT, max_segment_references=1),
    "several": RateTuning(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Coding:
    """A lossless excerpt to code at a target in bit/s by one of VARIANTS, and the file of its record."""

    clip: str
    source: Path
    target: int
    variant: str
    record: Path


def measure_references(model: CodecModel, item: Coding) -> dict[str, Any]:
    """Encode, decode and compare; the stream lies beside the record."""
    stream = item.record.with_suffix(".bcd")
    settings = EncodeSettings(bitrate=item.target, tuning=VARIANTS[item.variant])
    record: dict[str, Any] = {"clip": item.clip, "target": item.target, "variant": item.variant}
    try:
        result = encode_file(item.source, stream, model=model, settings=settings, crop=False, audio_bitrate=None)
    except RateError as error:
        return record | {"refused": str(error)}
    source, stats = read_frames(item.source, model.frame_rate), result.stats
    decoded = [frame.pixels for frame in decoded_frames(model, stream, model.config.sampling["standard"])]
    held = [frame.pixels for frame in held_references(model, stream)]
    return record | {
        "pictures": 1 + stats.content_packets,
        "kbps": {
            "pictures": stats.content_bits / result.duration_s / 1000,
            "motion": stats.motion_bits / result.duration_s / 1000,
            "all": stats.total_bits / result.duration_s / 1000,
        },
        "decoded": _scores(np.stack(decoded), source, tuple(METRICS)),
        "held": _scores(np.stack(held), source, HELD_METRICS),
    }


def _scores(found: NDArray[np.uint8], expected: NDArray[np.uint8], metrics: tuple[str, ...]) -> dict[str, float | None]:
    frames = min(len(found), len(expected))  # where half the frames are coded, the last one always stands for two
    steps = {name: METRICS[name] for name in metrics}
    return {name: known_mean(loaded(name)(found[:frames:step], expected[:frames:step])) for name, step in steps.items()}
