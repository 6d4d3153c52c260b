"""Clips of one source: H.264 files of 256x256 pixels at 25 fps without audio, and a `SourceRecord`.

    shots -> those with a face -> pieces of a few seconds -> the shot's square, scaled -> H.264

One thread decodes and encodes, so that a source gives the same bytes on every machine.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

from bcdcodec.atomic import file_hash
from bcdcodec.errors import ConfigError, VideoError
from bcdcodec.frame import Frame
from bcdcodec.preparation.people import FaceVectors, Vector, mean_face
from bcdcodec.preparation.record import ClipRecord, SourceRecord
from bcdcodec.video.crop import crop
from bcdcodec.video.reader import VideoReader
from bcdcodec.video.shots import Shot, find_shots
from bcdcodec.video.writer import VideoWriter

RATE = Fraction(25)
PIXELS = 256
#: Minimum length of the last piece of a shot.
MIN_CLIP_SECONDS = 1.0
#: Frames of a clip whose faces are recognised.
FACES_PER_CLIP = 3
RECORDS = "sources"
#: Hexadecimal digits of names: 64 bits, so that a million clips do not collide.
NAME_DIGITS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings of all clips of a folder. person: `faces` or `source`."""

    clip_seconds: float
    person: str

    def __post_init__(self) -> None:
        if self.clip_seconds < MIN_CLIP_SECONDS:
            raise ConfigError(
                f"clips of {self.clip_seconds:g} s are asked for, at least {MIN_CLIP_SECONDS:g} s are needed"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A source, and the folder of its clips."""

    source: Path
    folder: Path
    settings: Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A record, or the reason in one line why there is none. made: now, not before."""

    record: SourceRecord | None = None
    failure: str = ""
    made: bool = False


def prepare_source(job: Job) -> Outcome:
    """Make the clips of a source and its record, unless they exist.

    A file that cannot be read or written is an outcome. MissingExtraError where faces cannot be found or compared.
    """
    try:
        digest = file_hash(job.source)
        path = job.folder / RECORDS / f"{digest[:NAME_DIGITS]}.json"
        record = SourceRecord.read(path)
        if record is not None and all((job.folder / clip.clip).is_file() for clip in record.clips):
            return Outcome(record=record)
        record = _make(job, digest)
        record.write(path)
        return Outcome(record=record, made=True)
    except OSError as error:  # VideoError is one
        return Outcome(failure=" ".join(str(error).split()))


def _make(job: Job, digest: str) -> SourceRecord:
    with VideoReader(job.source, RATE, threads=1) as reader:
        shots = find_shots(reader)
    shown = [shot for shot in shots if shot.has_face]
    clips = tuple(_pieces(shown, job.settings, digest))
    sums: dict[int, Vector] = {}
    with VideoReader(job.source, RATE, threads=1) as reader:
        frames = iter(reader)
        for clip in clips:
            for face in _write(job, clip, shown[clip.shot], frames):
                sums[clip.shot] = sums[clip.shot] + face if clip.shot in sums else face
    by_faces = job.settings.person == "faces"
    return SourceRecord(
        source=digest[:NAME_DIGITS],
        shots=len(shots),
        shots_without_face=len(shots) - len(shown),
        clips=clips,
        faces=tuple(mean_face(sums.get(shot)) for shot in range(len(shown))) if by_faces else (),
    )


def _pieces(shots: list[Shot], settings: Settings, digest: str) -> Iterator[ClipRecord]:
    """The clips of a source, without their pictures.

    Names derive from the bytes of the source, not from its path: they survive renaming and reveal nothing of the name.
    """
    whole = round(settings.clip_seconds * RATE)
    for index, shot in enumerate(shots):
        end = shot.start + shot.frames
        for start in range(shot.start, end, whole):
            frames = min(whole, end - start)
            if frames < MIN_CLIP_SECONDS * RATE:
                continue
            name = hashlib.sha256(f"{digest} {start}".encode()).hexdigest()[:NAME_DIGITS]
            box = shot.box
            yield ClipRecord(
                clip=f"{name}.mp4", shot=index, start=start, frames=frames, x=box.x, y=box.y, size=box.size
            )


def _write(job: Job, clip: ClipRecord, shot: Shot, frames: Iterator[Frame]) -> list[Vector]:
    """Write a clip from the remaining frames of its source; returns the identity vectors of a few frames."""
    recognised = {(2 * i + 1) * clip.frames // (2 * FACES_PER_CLIP) for i in range(FACES_PER_CLIP)}
    faces = []
    with VideoWriter(job.folder / clip.clip, PIXELS, PIXELS, rate=RATE, threads=1) as writer:
        for index in range(clip.frames):
            frame = next((frame for frame in frames if frame.index >= clip.start), None)
            if frame is None:
                raise VideoError(f"{job.source} gave fewer frames than when its shots were found")
            picture = Frame(pixels=crop(frame, shot.box, PIXELS).pixels, index=index)
            writer.write(picture)
            if job.settings.person == "faces" and index in recognised:
                face = _vectors().of(picture)
                faces += [] if face is None else [face]
    return faces


@cache
def _vectors() -> FaceVectors:
    return FaceVectors()
