"""One clip through the codec, compared with its source frame by frame.

    clip -> encode_file -> .bcd on disk -> Decoder (own content) ----------.
                                        -> Decoder (content of a donor) ---+-> compared with the source
    first source frame, repeated (freeze frame) ---------------------------'

Frames are compared as uint8 at the codec's rate and model size. One frame of each stream is in memory at a time.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

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
from bcdcodec.studies.validation.scores import ClipScore, FrameScores
from bcdcodec.video.crop import crop
from bcdcodec.video.landmarks import Points, landmarks
from bcdcodec.video.reader import VideoReader

#: Frames of a strip, spread evenly over the clip.
STRIP_COLUMNS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureSettings:
    """Settings of a comparison.

    sampling: of the decoder. bitrate: bit/s. limit_s: compare only the first seconds. faces: measure landmarks."""

    sampling: SamplingConfig
    bitrate: float = 4000.0
    limit_s: float | None = None
    faces: bool = True


def measure_clip(
    model: CodecModel, clip: Clip, donor: Clip | None, *, stream: Path, settings: MeasureSettings
) -> tuple[ClipScore, NDArray[np.uint8]]:
    """Encode `clip` into the file `stream`, decode that and compare. Returns the score and a strip [2 * side, ...].

    The first frame is excluded: the freeze frame equals the source there.
    """
    encoding = EncodeSettings(bitrate=settings.bitrate)
    encoded = encode_file(clip.path, stream, model=model, settings=encoding, crop=False, audio_bitrate=None)
    total, stats = encoded.stats.motion_frames, encoded.stats
    if settings.limit_s is not None:
        total = min(total, max(2, round(settings.limit_s * model.frame_rate)))
    if total < 2:
        raise VideoError(f"{clip.path} has {total} frames at the codec's rate, needs at least 2 to compare")
    candidates = {"codec": decoded_frames(model, stream, settings.sampling)}
    if donor is not None:
        content = content_of_file(model, donor.path, crop=False)
        candidates["mismatched_content"] = decoded_frames(model, stream, settings.sampling, content=content)
    found, source_misses, strip = _compare(model, clip, candidates, settings=settings, total=total)
    size = stream.stat().st_size
    with stream.open("rb") as file:
        coding = StreamReader(file).header.coding
    score = ClipScore(
        clip=clip.name,
        person=clip.person,
        license_class=clip.license_class,
        donor=None if donor is None else donor.name,
        seconds=encoded.duration_s,
        frames=len(found["codec"].psnr_db),
        file_bytes=size,
        kbps=8 * size / encoded.duration_s / 1000,
        header_content_bits=stats.header_bits + stats.content_bits,
        motion_bits_per_frame=stats.motion_bits / stats.motion_frames,
        packed_kbps=float(coding.groups * coding.bits_per_code * model.frame_rate / 1000),
        source_misses=source_misses,
        codec=found["codec"].quality(),
        freeze_frame=found["freeze_frame"].quality(),
        mismatched_content=None if donor is None else found["mismatched_content"].quality(),
    )
    return score, strip


def _compare(
    model: CodecModel,
    clip: Clip,
    candidates: dict[str, Iterator[DecodedFrame]],
    *,
    settings: MeasureSettings,
    total: int,
) -> tuple[dict[str, FrameScores], int, NDArray[np.uint8]]:
    """Scores of the candidates and of the freeze frame, source frames without a face, and the strip."""
    scores = {name: FrameScores() for name in (*candidates, "freeze_frame")}
    columns, source_misses, shown = [], 0, set(spread_indices(total, STRIP_COLUMNS))
    first: tuple[Frame, Points | None] | None = None
    with VideoReader(clip.path, model.frame_rate) as reader:
        together = zip(reader, *candidates.values(), strict=False)
        for index, (whole, *frames) in enumerate(itertools.islice(together, total)):
            decoded = dict(zip(candidates, frames, strict=True))
            source = crop(whole, decoded["codec"].box, decoded["codec"].height)
            face = landmarks(source) if settings.faces else None
            if first is None:
                first = source, face
            else:
                source_misses += settings.faces and face is None
                for name, frame in decoded.items():
                    _add(scores[name], frame, None if face is None else landmarks(frame), source, face)
                _add(scores["freeze_frame"], *first, source, face)
            if index in shown:
                columns.append(np.concatenate([source.pixels, decoded["codec"].pixels]))
    return scores, source_misses, np.concatenate(columns, axis=1)


def _add(scores: FrameScores, candidate: Frame, mesh: Points | None, source: Frame, face: Points | None) -> None:
    scores.psnr_db.append(psnr_db(candidate.pixels, source.pixels))
    if face is not None:
        scores.add_face(mesh, face)
