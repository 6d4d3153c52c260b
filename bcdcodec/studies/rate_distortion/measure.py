"""One rate-distortion point: a clip coded by one codec at one operating point, decoded and compared with its source.

    lossless excerpt -> bcdcodec or a baseline -> file on disk -> bytes
                                                              -> decoded frames -> metrics against the excerpt

The freeze frame (first frame of the excerpt, lossless, repeated) takes no bytes and bounds every codec from below.
Streams of bcdcodec may also be decoded without the denoiser, and their references shown without motion (plan.py).

WORK/points/KEY.json, KEY.png and KEY.npy are the record, a picture and the features of a point; WORK/streams holds what
bcdcodec wrote. The key names everything that the numbers depend on but the code, which VERSION stands for: the content
of the clip, not its name, and the releases of the packages that bring encoders.
"""

import dataclasses
import functools
import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from bcdcodec.atomic import write_bytes
from bcdcodec.codec.encode.file import encode_file
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.errors import VideoError
from bcdcodec.evaluation.harness.clips import read_frames
from bcdcodec.evaluation.harness.decoding import Codec, decoded_frames, held_references
from bcdcodec.evaluation.harness.experiment import record_path
from bcdcodec.evaluation.harness.timing import now, processor
from bcdcodec.evaluation.metrics.features import Features
from bcdcodec.evaluation.metrics.fid import SHA256 as INCEPTION
from bcdcodec.evaluation.metrics.fid import Inception
from bcdcodec.evaluation.metrics.pair import known_mean
from bcdcodec.evaluation.metrics.table import loaded
from bcdcodec.evaluation.report.sheets import load_png, save_png
from bcdcodec.studies.rate_distortion.baselines import BASELINES, encode_by_binary
from bcdcodec.studies.rate_distortion.plan import FREEZE_FRAME, HELD, OWN, OWN_STREAMS, SIDE, WARPED, Plan, Series
from bcdcodec.studies.rate_distortion.scores import RDPoint, RDResult
from bcdcodec.video.crop import scale
from bcdcodec.video.payload import payload_bytes
from bcdcodec.video.reference_codecs import decode_classical, encode_classical

#: Counts up when the same point measures something else.
VERSION = 2
#: Counts up when the encoder or decoder of bcdcodec changes; points of other codecs stay valid.
OWN_VERSION = 3
#: PyAV and the FFmpeg binary: they encode, decode and scale.
_PACKAGES = ("av", "imageio-ffmpeg")
#: Position of the frame of a sheet in its clip: late enough that every codec shows its treatment of motion.
SHEET_POSITION = 0.6

Frames = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Settings that every worker needs. weights: a name or path; device as `CodecModel.load` takes it."""

    plan: Plan
    work: Path
    weights: str
    device: str
    preset: str


@dataclass(frozen=True, slots=True)
class Bench:
    """A setting with its networks loaded, and the files of its points."""

    setting: Setting
    codec: Codec

    @classmethod
    def open(cls, setting: Setting) -> Self:
        """Load the networks: a second, once a process. WeightsError where they cannot be read."""
        return cls(setting, Codec.load(setting.weights, setting.device, setting.preset))

    def path(self, point: RDPoint, suffix: str = ".json") -> Path:
        """A file of one point; `.json` is its record."""
        plan, series = self.setting.plan, point.series
        settings: object = None
        if series.codec == OWN:
            settings = [OWN_VERSION, self.codec.model_id, dataclasses.asdict(self.codec.sampling)]
        elif series.codec in OWN_STREAMS:
            settings = [OWN_VERSION, self.codec.model_id]
        elif series.codec != FREEZE_FRAME:
            settings = BASELINES[series.codec].options(series.profile, point.operating_point)
        steps = {name: plan.every_nth.get(name, 1) for name in sorted(plan.metrics)}
        metrics = [steps, plan.distribution_every_nth, *([] if plan.inception is None else [INCEPTION])]
        releases = {name: _release(name) for name in _PACKAGES}
        key = (VERSION, releases, point.content_hash, plan.seconds, series.name, point.operating_point, settings)
        return record_path(self.setting.work / "points", *key, metrics, suffix=suffix)

    def stream(self, point: RDPoint) -> Path:
        """File of what bcdcodec wrote at a point, the same for all of OWN_STREAMS."""
        key = (OWN_VERSION, self.codec.model_id, point.content_hash, self.setting.plan.seconds, str(point.series.rate))
        return record_path(self.setting.work / "streams", *key, point.operating_point, suffix=".bcd")

    def picture(self, point: RDPoint) -> Frames:
        """The decoded frame at SHEET_POSITION, as saved."""
        return load_png(self.path(point, ".png"))

    def features(self, point: RDPoint) -> NDArray[np.float64]:
        """Features [2, n, D] of decoded and source frames, as saved."""
        features: NDArray[np.float64] = np.load(self.path(point, ".npy"), allow_pickle=False).astype(np.float64)
        return features

    def device_name(self, series: Series) -> str:
        """The hardware of a series: bcdcodec on the model's device, the others on one thread."""
        own = series.codec in OWN_STREAMS
        device, threads = self.codec.model.device, torch.get_num_threads() if own else 1
        if own and device.type == "cuda":
            return str(torch.cuda.get_device_name(device))
        return f"{processor()}, {threads} thread{'s' * (threads != 1)}"


def measure_rd_point(bench: Bench, point: RDPoint) -> RDResult:
    """Measure one point and write its picture and features.

    VideoError where a baseline fails, RateError where bcdcodec cannot reach the bitrate.
    """
    plan, rate = bench.setting.plan, point.series.rate
    source = read_frames(point.source, rate)
    own = point.series.codec in OWN_STREAMS
    # Two workers may have one clip under two names.
    coded = bench.stream(point) if own else bench.path(point, f".{os.getpid()}.mp4")
    try:
        began = now()
        file_bytes, payload = _encode(bench.codec, point, source, coded)
        encoded = now()
        decoded = _decode(bench.codec, point, source, coded)
        encoding, decoding = encoded - began, now() - encoded
    finally:
        if not own:
            coded.unlink(missing_ok=True)
    means, missing = {}, {}
    for name in plan.metrics:
        step = plan.every_nth.get(name, 1)
        values = loaded(name)(decoded[::step], source[::step])
        means[name], missing[name] = known_mean(values), int((~np.isfinite(values)).sum())
    save_png(bench.path(point, ".png"), decoded[sheet_frame(len(source))])
    if step := plan.distribution_every_nth:
        extract, file = _feature_network(plan.inception), io.BytesIO()
        features = np.stack([extract(video[::step]) for video in (decoded, source)])
        np.save(file, features.astype(np.float32), allow_pickle=False)
        write_bytes(bench.path(point, ".npy"), file.getvalue())
    return RDResult(
        clip=point.clip,
        series=point.series.name,
        operating_point=point.operating_point,
        seconds=float(len(source) / rate),
        frames=len(source),
        file_bytes=file_bytes,
        payload_bytes=payload,
        encode_s=encoding.wall,
        decode_s=decoding.wall,
        encode_cpu_s=encoding.cpu,
        decode_cpu_s=decoding.cpu,
        on=bench.device_name(point.series),
        metrics=means,
        missing=missing,
    )


def sheet_frame(frames: int) -> int:
    """Index of the frame of a clip that a sheet shows."""
    return int(SHEET_POSITION * frames)


def _encode(codec: Codec, point: RDPoint, source: Frames, coded: Path) -> tuple[int, int]:
    """Bytes of the file, and of its payload."""
    series, operating_point = point.series, point.operating_point
    if series.codec == FREEZE_FRAME:
        return 0, 0
    if series.codec in OWN_STREAMS:
        if series.codec == OWN or not coded.exists():  # its own point is the one that is timed
            # At its own frame rate the model may code half the frames and interpolate the others.
            rate = None if series.rate == codec.model.frame_rate else series.rate
            settings = EncodeSettings(bitrate=float(operating_point), frame_rate=rate)
            coded.parent.mkdir(parents=True, exist_ok=True)
            encode_file(point.source, coded, model=codec.model, settings=settings, crop=False, audio_bitrate=None)
        return coded.stat().st_size, coded.stat().st_size
    baseline = BASELINES[series.codec]
    options, encoder = baseline.options(series.profile, operating_point), baseline.encoder
    if baseline.by_binary:
        encode_by_binary(point.source, coded, side=series.side, rate=series.rate, encoder=encoder, options=options)
    else:
        small = (scale(pixels, series.side, series.side) for pixels in source)
        encode_classical(coded, small, rate=series.rate, encoder=encoder, options=options)
    return coded.stat().st_size, payload_bytes(coded)


def _decode(codec: Codec, point: RDPoint, source: Frames, coded: Path) -> Frames:
    series = point.series
    if series.codec == FREEZE_FRAME:
        return np.broadcast_to(source[:1], source.shape)
    if series.codec in OWN_STREAMS:
        steps = 0 if series.codec == WARPED else codec.sampling.steps
        if series.codec == HELD:
            shown = held_references(codec.model, coded)
        else:
            shown = decoded_frames(codec.model, coded, dataclasses.replace(codec.sampling, steps=steps))
        frames = np.stack([frame.pixels for frame in shown])
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


@functools.cache
def _release(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"
