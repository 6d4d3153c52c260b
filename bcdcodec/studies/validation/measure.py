"""One clip through the codec, compared with its source frame by frame.

    clip -> encode_file -> .bcd on disk -> Decoder (own content) ----------.
                                        -> Decoder (without denoiser) -----+
                                        -> references, without motion -----+
                                        -> Decoder (content of a donor) ---+-> compared with the source
    first source frame, repeated (freeze frame) ---------------------------'

Frames are compared as uint8 at the codec's rate and model size. One frame of each stream is in memory at a time. Every
judge looks for a face in every picture by itself.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
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
from bcdcodec.errors import ConfigError, VideoError
from bcdcodec.evaluation.harness.clips import Clip
from bcdcodec.evaluation.harness.decoding import decoded_frames, held_references
from bcdcodec.evaluation.metrics.judges import JUDGES
from bcdcodec.evaluation.metrics.landmarks import Landmarks
from bcdcodec.evaluation.metrics.psnr import psnr_db
from bcdcodec.evaluation.report.sheets import spread_indices
from bcdcodec.frame import Frame
from bcdcodec.studies.validation.chain import MODEL_JUDGE, clip_chain
from bcdcodec.studies.validation.model_landmarks import model_landmarks
from bcdcodec.studies.validation.scores import ClipScore, FrameScores, LinkScore
from bcdcodec.video.crop import crop
from bcdcodec.video.reader import VideoReader

#: Frames of a strip, spread evenly over the clip.
STRIP_COLUMNS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureSettings:
    """Settings of a comparison.

    sampling: of the decoder. bitrate: bit/s. limit_s: compare only the first seconds. judges: of faces, names of
    JUDGES; empty for pictures alone. Raises ConfigError for an unknown judge."""

    sampling: SamplingConfig
    bitrate: float = 4000.0
    limit_s: float | None = None
    judges: tuple[str, ...] = tuple(JUDGES)

    def __post_init__(self) -> None:
        if unknown := [name for name in self.judges if name not in JUDGES]:
            raise ConfigError(f"judge is {', '.join(unknown)}, allowed are {', '.join(JUDGES)}")


@dataclass(slots=True)
class _Compared:
    """Scores of the columns, the source's landmarks of the same frames by judge, and the columns of the strip."""

    scores: dict[str, FrameScores]
    source: dict[str, list[Landmarks | None]]
    strip: list[NDArray[np.uint8]] = field(default_factory=list)


def measure_clip(
    model: CodecModel, clip: Clip, donor: Clip | None, *, stream: Path, settings: MeasureSettings
) -> tuple[ClipScore, NDArray[np.uint8]]:
    """Encode `clip` into the file `stream`, decode that and compare. Returns the score and a strip [2 * side, ...].

    The first frame is excluded: the freeze frame equals the source there.
    """
    encoding = EncodeSettings(bitrate=settings.bitrate)
    encoded = encode_file(clip.path, stream, model=model, settings=encoding, crop=clip.crop, audio_bitrate=None)
    total, stats = encoded.stats.motion_frames, encoded.stats
    if settings.limit_s is not None:
        total = min(total, max(2, round(settings.limit_s * model.frame_rate)))
    if total < 2:
        raise VideoError(f"{clip.path} has {total} frames at the codec's rate, needs at least 2 to compare")
    candidates = {"codec": decoded_frames(model, stream, settings.sampling)}
    if model.bcd.warper is not None:
        if settings.sampling.steps:
            candidates["warp_only"] = decoded_frames(model, stream, replace(settings.sampling, steps=0))
        candidates["references_held"] = held_references(model, stream)
    if donor is not None:
        content = content_of_file(model, donor.path, crop=donor.crop)
        candidates["mismatched_content"] = decoded_frames(
            model, stream, settings.sampling, content=content, relative=True
        )
    compared = _compare(model, clip, candidates, settings=settings, total=total)
    columns = {name: scores.quality(compared.source) for name, scores in compared.scores.items()}
    size = stream.stat().st_size
    with stream.open("rb") as file:
        coding = StreamReader(file).header.coding
    score = ClipScore(
        clip=clip.name,
        person=clip.person,
        license_class=clip.license_class,
        donor=None if donor is None else donor.name,
        seconds=encoded.duration_s,
        frames=len(compared.scores["codec"].psnr_db),
        file_bytes=size,
        kbps=8 * size / encoded.duration_s / 1000,
        header_content_bits=stats.header_bits + stats.content_bits,
        motion_bits_per_frame=stats.motion_bits / stats.motion_frames,
        packed_kbps=float(coding.groups * coding.bits_per_code * model.frame_rate / 1000),
        source_misses={name: sum(face is None for face in track) for name, track in compared.source.items()},
        codec=columns["codec"],
        warp_only=columns.get("warp_only"),
        references_held=columns.get("references_held"),
        freeze_frame=columns["freeze_frame"],
        mismatched_content=columns.get("mismatched_content"),
        chain=_chain(model, clip, stream, compared),
    )
    return score, np.concatenate(compared.strip, axis=1)


def _compare(
    model: CodecModel,
    clip: Clip,
    candidates: dict[str, Iterator[DecodedFrame]],
    *,
    settings: MeasureSettings,
    total: int,
) -> _Compared:
    """Compare the candidates and the freeze frame with the source, over all frames but the first."""
    judges = {name: JUDGES[name] for name in settings.judges}
    scores = {name: FrameScores(faces={judge: [] for judge in judges}) for name in (*candidates, "freeze_frame")}
    compared = _Compared(scores, {judge: [] for judge in judges})
    shown = set(spread_indices(total, STRIP_COLUMNS))
    first: tuple[Frame, dict[str, Landmarks | None]] | None = None
    with VideoReader(clip.path, model.frame_rate) as reader:
        together = zip(reader, *candidates.values(), strict=False)
        for index, (whole, *frames) in enumerate(itertools.islice(together, total)):
            decoded = dict(zip(candidates, frames, strict=True))
            source = crop(whole, decoded["codec"].box, decoded["codec"].height)
            faces = {name: judge.find(source.pixels) for name, judge in judges.items()}
            if first is None:
                first = source, faces
            else:
                for name, face in faces.items():
                    compared.source[name].append(face)
                    for column, frame in decoded.items():
                        # A face that the source does not show is not looked for.
                        found = None if face is None else judges[name].find(frame.pixels)
                        scores[column].faces[name].append(found)
                    scores["freeze_frame"].faces[name].append(first[1][name])
                for column, frame in (*decoded.items(), ("freeze_frame", first[0])):
                    scores[column].psnr_db.append(psnr_db(frame.pixels, source.pixels))
            if index in shown:
                compared.strip.append(np.concatenate([source.pixels, decoded["codec"].pixels]))
    return compared


def _chain(model: CodecModel, clip: Clip, stream: Path, compared: _Compared) -> dict[str, dict[str, LinkScore]]:
    """The chain of landmarks over the frames compared; empty without judges, or in a model without a warper."""
    if not compared.source or model.bcd.warper is None:
        return {}
    held = None
    if MODEL_JUDGE in compared.source:
        with VideoReader(clip.path, model.frame_rate) as reader:
            held = model_landmarks(model, stream, reader)
    frames = len(compared.scores["codec"].psnr_db)
    pictures = {"decoded": compared.scores["codec"].faces}
    if "warp_only" in compared.scores:
        pictures = {"warped": compared.scores["warp_only"].faces, **pictures}
    return clip_chain(None if held is None else held.part(1, 1 + frames), compared.source, pictures)
