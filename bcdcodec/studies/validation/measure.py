"""One clip through the codec, compared with its source frame by frame.

    clip -> encode_file -> .bcd on disk -> Decoder (own content) ----------.
                                        -> Decoder (content of a donor) ---+-> compared with the source
    first source frame, repeated (freeze frame) ---------------------------'

Frames are compared as uint8 at the codec's rate and model size. One frame of each stream is in memory at a time.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bcdcodec.bitstream.stats import StreamStats
from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.codec.decode.decoder import DecodedFrame
from bcdcodec.codec.encode.file import encode_file
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.codec.transfer import content_of_file
from bcdcodec.config import SamplingConfig
from bcdcodec.errors import VideoError
from bcdcodec.evaluation.harness.clips import Clip
from bcdcodec.evaluation.harness.decoding import decoded_frames
from bcdcodec.evaluation.metrics.psnr import psnr_db
from bcdcodec.evaluation.report.sheets import spread_indices
from bcdcodec.frame import Frame
from bcdcodec.studies.validation.scores import ClipScore, QualitySums
from bcdcodec.video.crop import crop
from bcdcodec.video.landmarks import Points, landmarks
from bcdcodec.video.reader import VideoReader

#: Frames of a strip, spread evenly over the clip.
STRIP_COLUMNS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureSettings:
    """sampling: of the decoder. bitrate: bit/s. limit_s: compare only the first seconds. faces: measure landmarks."""

    sampling: SamplingConfig
    bitrate: float = 4000.0
    limit_s: float | None = None
    faces: bool = True


@dataclass(slots=True)
class _Sums:
    """Sums of one clip. columns: of the strip, source above decoded."""

    codec: QualitySums = field(default_factory=QualitySums)
    freeze_frame: QualitySums = field(default_factory=QualitySums)
    mismatched_content: QualitySums = field(default_factory=QualitySums)
    source_misses: int = 0
    columns: list[NDArray[np.uint8]] = field(default_factory=list)


def measure_clip(
    model: CodecModel,
    clip: Clip,
    donor: Clip | None,
    *,
    stream: Path,
    settings: MeasureSettings,
) -> tuple[ClipScore, NDArray[np.uint8]]:
    """Encode `clip` into the file `stream`, decode that and compare. Returns the score and a strip [2 * side, ...].

    The first frame is excluded: the freeze frame equals the source there.
    """
    encoded = encode_file(
        clip.path,
        stream,
        model=model,
        settings=EncodeSettings(bitrate=settings.bitrate),
        crop=False,
        audio_bitrate=None,
    )
    total = encoded.stats.motion_frames
    if settings.limit_s is not None:
        total = min(total, max(2, round(settings.limit_s * model.frame_rate)))
    if total < 2:
        raise VideoError(f"{clip.path} has {total} frames at the codec's rate, needs at least 2 to compare")
    sums = _compare(model, clip, donor, stream=stream, settings=settings, total=total)
    score = _score(model, clip, donor, stream, encoded.stats, encoded.duration_s, sums)
    return score, np.concatenate(sums.columns, axis=1)


def _compare(
    model: CodecModel,
    clip: Clip,
    donor: Clip | None,
    *,
    stream: Path,
    settings: MeasureSettings,
    total: int,
) -> _Sums:
    sums, shown = _Sums(), set(spread_indices(total, STRIP_COLUMNS))
    own = decoded_frames(model, stream, settings.sampling)
    mismatched: Iterator[DecodedFrame] | None = None
    if donor is not None:
        content = content_of_file(model, donor.path, crop=False)
        mismatched = decoded_frames(model, stream, settings.sampling, content=content)
    first: tuple[Frame, Points | None] | None = None
    with VideoReader(clip.path, model.frame_rate) as reader:
        for index, (whole, decoded) in enumerate(itertools.islice(zip(reader, own, strict=False), total)):
            source = crop(whole, decoded.box, decoded.height)
            face = landmarks(source) if settings.faces else None
            candidates = [(sums.codec, decoded)]
            if mismatched is not None:
                candidates.append((sums.mismatched_content, next(mismatched)))
            if first is None:
                first = source, face
            else:
                sums.source_misses += settings.faces and face is None
                for quality, candidate in candidates:
                    mesh = None if face is None else landmarks(candidate)
                    _add(quality, candidate, mesh, source, face)
                _add(sums.freeze_frame, *first, source, face)
            if index in shown:
                sums.columns.append(np.concatenate([source.pixels, decoded.pixels]))
    return sums


def _add(sums: QualitySums, candidate: Frame, mesh: Points | None, source: Frame, face: Points | None) -> None:
    sums.add_picture(psnr_db(candidate.pixels, source.pixels))
    if face is not None:
        sums.add_face(mesh, face)


def _score(
    model: CodecModel,
    clip: Clip,
    donor: Clip | None,
    stream: Path,
    stats: StreamStats,
    seconds: float,
    sums: _Sums,
) -> ClipScore:
    size = stream.stat().st_size
    with stream.open("rb") as file:
        coding = StreamReader(file).header.coding
    return ClipScore(
        clip=clip.name,
        person=clip.person,
        license_class=clip.license_class,
        donor=None if donor is None else donor.name,
        seconds=seconds,
        frames=sums.codec.frames,
        file_bytes=size,
        kbps=8 * size / seconds / 1000,
        header_content_bits=stats.header_bits + stats.content_bits,
        motion_bits_per_frame=stats.motion_bits / stats.motion_frames,
        packed_kbps=float(coding.groups * coding.bits_per_code * model.frame_rate / 1000),
        source_misses=sums.source_misses,
        codec=sums.codec.quality(),
        freeze_frame=sums.freeze_frame.quality(),
        mismatched_content=None if donor is None else sums.mismatched_content.quality(),
    )
