"""One clip through the codec and compared with its source. In: a Clip. Out: a ClipScore and a strip of pictures.

    clip -> encode_file -> .bcd on disk -> Decoder (own content) ------.
                                       '-> Decoder (content of another) -> frame by frame against the source
    first source frame, held ------------------------------------------'

Frames are compared as uint8 at the codec's rate and model size. One frame of each stream is held at a time.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bcdcodec.bitstream.stats import StreamStats
from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.codec.decode.decoder import DecodedFrame, Decoder
from bcdcodec.codec.encode.encoder import EncodeSettings
from bcdcodec.codec.encode.file import encode_file
from bcdcodec.codec.model import CodecModel
from bcdcodec.codec.transfer import content_of_file
from bcdcodec.config import SamplingConfig
from bcdcodec.errors import VideoError
from bcdcodec.evaluation.harness.clips import Clip
from bcdcodec.evaluation.metrics.psnr import psnr_db
from bcdcodec.evaluation.scores import ClipScore, Quality, QualitySums
from bcdcodec.frame import Frame
from bcdcodec.video.crop import crop
from bcdcodec.video.landmarks import Points, landmarks
from bcdcodec.video.reader import VideoReader

#: Columns of a strip: this many frames spread evenly over the clip.
STRIP_COLUMNS = 8
#: (frames done, frames in all)
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureSettings:
    """sampling: how frames are painted. limit_s: compare only the first seconds. faces: measure landmarks too."""

    sampling: SamplingConfig
    bitrate: float = 4000.0
    limit_s: float | None = None
    faces: bool = True


@dataclass(slots=True)
class _Tally:
    """The sums of one clip. columns: of the strip, source above decoded."""

    codec: QualitySums = field(default_factory=QualitySums)
    frozen: QualitySums = field(default_factory=QualitySums)
    borrowed: QualitySums = field(default_factory=QualitySums)
    source_misses: int = 0
    columns: list[NDArray[np.uint8]] = field(default_factory=list)


def measure_clip(
    model: CodecModel,
    clip: Clip,
    lender: Clip | None,
    *,
    stream: Path,
    settings: MeasureSettings,
    progress: Progress = lambda done, total: None,
) -> tuple[ClipScore, NDArray[np.uint8]]:
    """Encode `clip` into the file `stream`, decode that and compare. Returns the score and a strip [2 * side, ...].

    The first frame counts for nothing: the frozen baseline is the source there.
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
    tally = _compare(model, clip, lender, stream=stream, settings=settings, total=total, progress=progress)
    score = _score(model, clip, lender, stream, encoded.stats, encoded.duration_s, tally)
    return score, np.concatenate(tally.columns, axis=1)


def _compare(
    model: CodecModel,
    clip: Clip,
    lender: Clip | None,
    *,
    stream: Path,
    settings: MeasureSettings,
    total: int,
    progress: Progress,
) -> _Tally:
    tally, shown = _Tally(), set(np.linspace(0, total - 1, min(STRIP_COLUMNS, total)).round().astype(int).tolist())
    own = decoded_frames(model, stream, settings.sampling)
    other: Iterator[DecodedFrame] | None = None
    if lender is not None:
        content = content_of_file(model, lender.path, crop=False)
        other = decoded_frames(model, stream, settings.sampling, content=content)
    first: tuple[Frame, Points | None] | None = None
    with VideoReader(clip.path, model.frame_rate) as reader:
        for index, (whole, painted) in enumerate(itertools.islice(zip(reader, own, strict=False), total)):
            source = crop(whole, painted.box, painted.height)
            face = landmarks(source) if settings.faces else None
            candidates = [(tally.codec, painted)]
            if other is not None:
                candidates.append((tally.borrowed, next(other)))
            if first is None:
                first = source, face
            else:
                tally.source_misses += settings.faces and face is None
                for sums, candidate in candidates:
                    mesh = None if face is None else landmarks(candidate)
                    _add(sums, candidate, mesh, source, face)
                _add(tally.frozen, *first, source, face)
            if index in shown:
                tally.columns.append(np.concatenate([source.pixels, painted.pixels]))
            progress(index + 1, total)
    return tally


def _add(sums: QualitySums, candidate: Frame, mesh: Points | None, source: Frame, face: Points | None) -> None:
    sums.add_picture(psnr_db(candidate.pixels, source.pixels))
    if face is not None:
        sums.add_face(mesh, face)


def decoded_frames(
    model: CodecModel, stream: Path, sampling: SamplingConfig, *, content: Any = None
) -> Iterator[DecodedFrame]:
    """What a player shows of a stream on disk, at the model's frame rate: where there is no frame, the one before.

    content: a content map that replaces the stream's own.
    """
    with stream.open("rb") as file:
        reader = StreamReader(file)
        decoder = Decoder(model, reader.header, sampling=sampling, content=content)
        shown: DecodedFrame | None = None
        for frame in _painted(reader, decoder):
            if shown is not None:
                for index in range(shown.index + 1, frame.index):
                    yield replace(shown, index=index)
            shown = frame
            yield frame
        if shown is not None:
            for index in range(shown.index + 1, reader.stats.end_tick * decoder.frame_multiplier):
                yield replace(shown, index=index)


def _painted(reader: StreamReader, decoder: Decoder) -> Iterator[DecodedFrame]:
    for packet in reader:
        yield from decoder.push(packet)
    yield from decoder.flush()


def _score(
    model: CodecModel,
    clip: Clip,
    lender: Clip | None,
    stream: Path,
    stats: StreamStats,
    seconds: float,
    tally: _Tally,
) -> ClipScore:
    size = stream.stat().st_size
    with stream.open("rb") as file:
        coding = StreamReader(file).header.coding
    borrowed: Quality | None = tally.borrowed.quality() if lender is not None else None
    return ClipScore(
        clip=clip.name,
        person=clip.person,
        license_class=clip.license_class,
        lender=None if lender is None else lender.name,
        seconds=seconds,
        frames=tally.codec.frames,
        file_bytes=size,
        kbps=8 * size / seconds / 1000,
        header_content_bits=stats.header_bits + stats.content_bits,
        motion_bits_per_frame=stats.motion_bits / stats.motion_frames,
        packed_kbps=float(coding.groups * coding.bits_per_code * model.frame_rate / 1000),
        source_misses=tally.source_misses,
        codec=tally.codec.quality(),
        frozen=tally.frozen.quality(),
        borrowed=borrowed,
    )
