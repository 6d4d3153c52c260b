"""One rate-distortion point: a clip coded by one codec at one operating point, decoded and compared with its source.

    lossless excerpt -> bcdcodec or a baseline -> file on disk -> bytes
                                                              -> decoded frames -> metrics against the excerpt

The freeze frame (first frame of the excerpt, lossless, repeated) takes no bytes and bounds every codec from below.
"""

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bcdcodec.codec.encode.file import encode_file
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.config import SamplingConfig
from bcdcodec.errors import VideoError
from bcdcodec.evaluation.harness.clips import read_frames
from bcdcodec.evaluation.harness.decoding import decoded_frames
from bcdcodec.evaluation.harness.timing import now
from bcdcodec.evaluation.metrics.features import Features
from bcdcodec.evaluation.metrics.fid import Inception
from bcdcodec.evaluation.metrics.pair import known_mean
from bcdcodec.evaluation.metrics.table import loaded
from bcdcodec.studies.rate_distortion.baselines import BASELINES, encode_by_binary
from bcdcodec.studies.rate_distortion.plan import FREEZE_FRAME, OWN, SIDE, Plan, Series
from bcdcodec.video.crop import scale
from bcdcodec.video.payload import payload_bytes
from bcdcodec.video.reference_codecs import decode_classical, encode_classical

Frames = NDArray[np.uint8]
#: Position of the frame of a sheet in its clip: late enough that every codec shows its treatment of motion.
SHEET_POSITION = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class RDPoint:
    """source: the lossless excerpt, SIDE x SIDE, at the rate of the series. content_hash: of the clip's file."""

    clip: str
    content_hash: str
    source: Path
    series: Series
    operating_point: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RDResult:
    """payload_bytes: without the container, which a .bcd does not have (video/payload.py). encode_s, decode_s: wall
    time; encode_cpu_s, decode_cpu_s: over all processors; on: the machine. metrics: means over the frames measured,
    None where no frame had a value. missing: frames measured without a value, by metric: no face was found in them.
    """

    clip: str
    series: str
    operating_point: int
    seconds: float
    frames: int
    file_bytes: int
    payload_bytes: int
    encode_s: float
    decode_s: float
    encode_cpu_s: float
    decode_cpu_s: float
    on: str
    metrics: dict[str, float | None]
    missing: dict[str, int]

    @property
    def kbps(self) -> float:
        """Payload over duration."""
        return 8 * self.payload_bytes / self.seconds / 1000

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Self:
        """Inverse of `to_json`; TypeError if it is from another release."""
        return cls(**found)


@dataclass(frozen=True, slots=True)
class Measured:
    """picture: the decoded frame at SHEET_POSITION. features: [2, n, D] of decoded and source frames, None where the
    plan has no distribution metrics.
    """

    result: RDResult
    picture: Frames
    features: NDArray[np.float64] | None


def measure_rd_point(
    rd_point: RDPoint,
    model: CodecModel,
    *,
    sampling: SamplingConfig,
    coded: Path,
    plan: Plan,
    on: str,
) -> Measured:
    """Measure one point; `coded` is written where it has a file. on: the machine's name.

    VideoError where a baseline fails, RateError where bcdcodec cannot reach the bitrate.
    """
    rate = rd_point.series.rate
    source = read_frames(rd_point.source, rate)
    began = now()
    file_bytes, payload = _encode(rd_point, source, model, coded)
    encoded = now()
    decoded = _decode(rd_point, model, sampling, coded, source)
    encoding, decoding = encoded - began, now() - encoded
    means, missing = {}, {}
    for name in plan.metrics:
        step = plan.every_nth.get(name, 1)
        values = loaded(name)(decoded[::step], source[::step])
        means[name] = known_mean(values)
        missing[name] = int((~np.isfinite(values)).sum())
    result = RDResult(
        clip=rd_point.clip,
        series=rd_point.series.name,
        operating_point=rd_point.operating_point,
        seconds=float(len(source) / rate),
        frames=len(source),
        file_bytes=file_bytes,
        payload_bytes=payload,
        encode_s=encoding.wall,
        decode_s=decoding.wall,
        encode_cpu_s=encoding.cpu,
        decode_cpu_s=decoding.cpu,
        on=on,
        metrics=means,
        missing=missing,
    )
    features = None
    if step := plan.distribution_every_nth:
        extract = _feature_network(plan.inception)
        features = np.stack([extract(video[::step]) for video in (decoded, source)])
    return Measured(result, decoded[sheet_frame(len(source))], features)


def sheet_frame(frames: int) -> int:
    """Index of the frame of a clip that a sheet shows."""
    return int(SHEET_POSITION * frames)


def _encode(rd_point: RDPoint, source: Frames, model: CodecModel, coded: Path) -> tuple[int, int]:
    """Bytes of the file, and of its payload."""
    series, operating_point = rd_point.series, rd_point.operating_point
    if series.codec == FREEZE_FRAME:
        return 0, 0
    if series.codec == OWN:
        # At its own frame rate the model may code half the frames and interpolate the others.
        rate = None if series.rate == model.frame_rate else series.rate
        settings = EncodeSettings(bitrate=float(operating_point), frame_rate=rate)
        encode_file(rd_point.source, coded, model=model, settings=settings, crop=False, audio_bitrate=None)
        return coded.stat().st_size, coded.stat().st_size
    baseline = BASELINES[series.codec]
    options, encoder = baseline.options(series.profile, operating_point), baseline.encoder
    if baseline.by_binary:
        encode_by_binary(rd_point.source, coded, side=series.side, rate=series.rate, encoder=encoder, options=options)
    else:
        small = (scale(pixels, series.side, series.side) for pixels in source)
        encode_classical(coded, small, rate=series.rate, encoder=encoder, options=options)
    return coded.stat().st_size, payload_bytes(coded)


def _decode(rd_point: RDPoint, model: CodecModel, sampling: SamplingConfig, coded: Path, source: Frames) -> Frames:
    series = rd_point.series
    if series.codec == FREEZE_FRAME:
        return np.broadcast_to(source[:1], source.shape)
    if series.codec == OWN:
        frames = np.stack([frame.pixels for frame in decoded_frames(model, coded, sampling)])
        if len(frames) == len(source) + 1:  # where half the frames are coded, the last one always stands for two
            frames = frames[:-1]
    else:
        small = decode_classical(coded, rate=series.rate, count=len(source))
        frames = np.stack([scale(pixels, SIDE, SIDE) for pixels in small])
    if len(frames) != len(source):
        raise VideoError(f"{coded.name} has {len(frames)} frames, its source {len(source)}")
    return frames


@functools.cache
def _feature_network(inception: Path | None) -> Callable[[Frames], NDArray[np.float64]]:
    """The network of distribution metrics, loaded once a process."""
    return Features() if inception is None else Inception(inception)
