"""One clip, one codec, one point: coded, decoded, compared. In: a `Cell`. Out: a `CellResult` and a picture.

lossless clip -> bcdcodec or a rival -> file on disk -> its bytes
                                                     '-> decoded frames -> metrics against the clip

Beside the codecs stands the clip's first frame held, which has no bytes: what a codec has to be better than.
"""

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bcdcodec.codec.encode.file import encode_file
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.config import SamplingConfig
from bcdcodec.errors import VideoError
from bcdcodec.evaluation.bench.binary import encode_by_binary
from bcdcodec.evaluation.bench.plan import Plan
from bcdcodec.evaluation.bench.rivals import RIVALS
from bcdcodec.evaluation.bench.series import HELD, OWN, SIDE, Series
from bcdcodec.evaluation.bench.stopwatch import now
from bcdcodec.evaluation.measure import decoded_frames
from bcdcodec.evaluation.metrics.features import Features
from bcdcodec.evaluation.metrics.fid import Inception
from bcdcodec.evaluation.metrics.pair import known_mean
from bcdcodec.evaluation.metrics.table import loaded
from bcdcodec.video.crop import scale
from bcdcodec.video.payload import payload_bytes
from bcdcodec.video.reader import VideoReader
from bcdcodec.video.reference_codecs import decode_classical, encode_classical

Frames = NDArray[np.uint8]
#: The frame of a sheet, as a share of the clip: late enough that every codec shows what it does to motion.
SHOWN_AT = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """source: the clip without loss, SIDE x SIDE, at the rate of the series. content: hash of its file."""

    clip: str
    content: str
    source: Path
    series: Series
    point: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CellResult:
    """payload_bytes: without the container, which a .bcd does not have (video/payload.py). encode_s, decode_s: wall
    time; encode_cpu_s, decode_cpu_s: of all processors; on: what it ran on.
    metrics: means over the frames looked at, None where none had a value. missing: frames looked at that had none, by
    metric: no face was found in them, so that the mean tells nothing of them.
    """

    clip: str
    series: str
    point: int
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
    """What a cell leaves. picture: the decoded one of SHOWN_AT. features: [2, n, D] of decoded and source frames, None
    where the plan has no distances between sets.
    """

    result: CellResult
    picture: Frames
    features: NDArray[np.float64] | None


def run_cell(
    cell: Cell,
    model: CodecModel,
    *,
    sampling: SamplingConfig,
    coded: Path,
    plan: Plan,
    on: str,
) -> Measured:
    """Measure one cell; `coded` is written where the cell has a file. on: the machine's name. VideoError where a rival
    fails, RateError where bcdcodec cannot reach the bitrate.
    """
    rate = cell.series.rate
    source = read_all(cell.source, rate)
    began = now()
    file_bytes, payload = _encode(cell, source, model, coded)
    encoded = now()
    decoded = _decode(cell, model, sampling, coded, source)
    encoding, decoding = encoded - began, now() - encoded
    means, missing = {}, {}
    for name in plan.metrics:
        step = plan.every_nth.get(name, 1)
        values = loaded(name)(decoded[::step], source[::step])
        means[name] = known_mean(values)
        missing[name] = int((~np.isfinite(values)).sum())
    result = CellResult(
        clip=cell.clip,
        series=cell.series.name,
        point=cell.point,
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
    if step := plan.sets_every_nth:
        measure = _features(plan.inception)
        features = np.stack([measure(video[::step]) for video in (decoded, source)])
    return Measured(result, decoded[shown_frame(len(source))], features)


def shown_frame(frames: int) -> int:
    """Which frame of a clip goes into a sheet."""
    return int(SHOWN_AT * frames)


def read_all(path: Path, rate: Fraction) -> Frames:
    """Every frame of a lossless clip [T, SIDE, SIDE, 3]."""
    with VideoReader(path, rate) as reader:
        return np.stack([frame.pixels for frame in reader])


def _encode(cell: Cell, source: Frames, model: CodecModel, coded: Path) -> tuple[int, int]:
    """Bytes of the file, and of its payload."""
    series = cell.series
    if series.codec == HELD:
        return 0, 0
    if series.codec == OWN:
        # At its own frame rate the model may code half the frames and have the others painted in between.
        rate = None if series.rate == model.frame_rate else series.rate
        settings = EncodeSettings(bitrate=float(cell.point), frame_rate=rate)
        encode_file(cell.source, coded, model=model, settings=settings, crop=False, audio_bitrate=None)
        return coded.stat().st_size, coded.stat().st_size
    rival = RIVALS[series.codec]
    options = rival.options(series.profile, cell.point)
    if rival.by_binary:
        encode_by_binary(cell.source, coded, side=series.side, rate=series.rate, encoder=rival.encoder, options=options)
    else:
        small = (scale(pixels, series.side, series.side) for pixels in source)
        encode_classical(coded, small, rate=series.rate, encoder=rival.encoder, options=options)
    return coded.stat().st_size, payload_bytes(coded)


def _decode(cell: Cell, model: CodecModel, sampling: SamplingConfig, coded: Path, source: Frames) -> Frames:
    if cell.series.codec == HELD:
        return np.broadcast_to(source[:1], source.shape)
    if cell.series.codec == OWN:
        frames = np.stack([frame.pixels for frame in decoded_frames(model, coded, sampling)])
        if len(frames) == len(source) + 1:  # where half the frames are coded, the last one always stands for two
            frames = frames[:-1]
    else:
        small = decode_classical(coded, rate=cell.series.rate, count=len(source))
        frames = np.stack([scale(pixels, SIDE, SIDE) for pixels in small])
    if len(frames) != len(source):
        raise VideoError(f"{coded.name} has {len(frames)} frames, its source {len(source)}")
    return frames


@functools.cache
def _features(inception: Path | None) -> Callable[[Frames], NDArray[np.float64]]:
    """The network is read once a process."""
    return Features() if inception is None else Inception(inception)
