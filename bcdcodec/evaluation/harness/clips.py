"""Test clips: a folder with a list, clips.csv, or any folder of videos; and lossless excerpts that every codec gets.

The clips of a list are framed already: their pictures are squares around a face. Videos of a folder without one are
not; each is of a person of its own, and of unknown licence.
"""

import csv
import itertools
import logging
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bcdcodec.atomic import file_hash
from bcdcodec.errors import ConfigError, VideoError
from bcdcodec.frame import CropBox
from bcdcodec.video.crop import crop
from bcdcodec.video.lossless import write_lossless
from bcdcodec.video.media import VIDEO_SUFFIXES
from bcdcodec.video.reader import VideoReader, read_clip
from bcdcodec.video.shots import LOOKS_PER_SECOND
from bcdcodec.video.track import FaceTracker

_log = logging.getLogger(__name__)

LIST = "clips.csv"
#: Licence class of clips whose frames may be published.
PUBLISHABLE = "permissive"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """One row of the list, or a video of a folder without one.

    person: anonymous id of the subject. seconds: 1 where nobody says. framed: its pictures are squares around a face.
    """

    path: Path
    person: str
    seconds: float
    source: str
    license: str
    license_class: str
    framed: bool = True

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def may_be_shown(self) -> bool:
        return self.license_class == PUBLISHABLE

    @property
    def credit(self) -> str:
        """Source and licence, as they stand under a published picture."""
        return f"{self.name}: {self.source}, {self.license}"

    @property
    def crop(self) -> bool | None:
        """How an encoder frames it, as in `encode_file`: as it is, or as the model needs it."""
        return False if self.framed else None


def read_clips(folder: Path) -> list[Clip]:
    """Every clip of a folder, by person and name: those of its list, or every video that can be read.

    ConfigError where the list is malformed, where it names a clip that is missing, or where there is no clip.
    """
    if not (folder / LIST).exists():
        return _unlisted(folder)
    try:
        with (folder / LIST).open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise ConfigError(f"cannot read {folder / LIST}: {error.strerror}") from error
    clips = [_clip(folder, row) for row in rows]
    if not clips:
        raise ConfigError(f"{folder / LIST} names no clip, needs at least one")
    return sorted(clips, key=lambda clip: (clip.person, clip.name))


def choose_donor(clip: Clip, clips: list[Clip]) -> Clip | None:
    """The clip that gives `clip` a mismatched content: the next one of another person, cyclically; None without one."""
    at = clips.index(clip)
    return next((other for other in clips[at:] + clips[:at] if other.person != clip.person), None)


def choose_clips(clips: list[Clip], names: list[str]) -> list[Clip]:
    """The clips of these names (with or without suffix), in the order of the folder; ConfigError on unknown ones."""
    wanted = {Path(name).stem for name in names}
    unknown = wanted - {clip.name for clip in clips}
    if unknown:
        raise ConfigError(f"no clips named {', '.join(sorted(unknown))} in the list of {len(clips)}")
    return [clip for clip in clips if clip.name in wanted]


@dataclass(frozen=True, slots=True)
class Excerpts:
    """Lossless starts of clips in a folder, named by what the clips hold."""

    folder: Path
    _hashes: dict[Path, str] = field(default_factory=dict)

    def content_hash(self, path: Path) -> str:
        """SHA-256 of a file, read once."""
        if path not in self._hashes:
            self._hashes[path] = file_hash(path)
        return self._hashes[path]

    def prepare(self, clip: Clip, *, rate: Fraction, seconds: float, side: int) -> Path:
        """Write the first seconds of a clip, cropped and scaled to side x side, where they are not there yet."""
        framing = "" if clip.framed else "-face"
        path = self.folder / f"{self.content_hash(clip.path)[:24]}-{float(rate):g}-{seconds:g}{framing}.mkv"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            count = round(seconds * rate)
            if clip.framed:
                frames = itertools.islice(read_clip(clip.path, rate=rate, pixels=side), count)
                write_lossless(path, frames, rate=rate)
                return path
            box = face_square(clip.path, rate=rate, frames=count)
            with VideoReader(clip.path, rate) as reader:
                squares = (crop(frame, box, side).pixels for frame in itertools.islice(reader, count))
                write_lossless(path, squares, rate=rate)
        return path


def face_square(path: Path, *, rate: Fraction, frames: int) -> CropBox:
    """The square around the face in the first frames of a video; the largest centred one where there is none."""
    every = max(1, round(rate / LOOKS_PER_SECOND))
    with VideoReader(path, rate) as reader:
        tracker = FaceTracker(reader.width, reader.height)
        for frame in itertools.islice(reader, 0, frames, every):
            tracker.observe(frame)
    return tracker.planned_box


def read_frames(path: Path, rate: Fraction) -> NDArray[np.uint8]:
    """Every frame of a lossless clip: [T, H, W, 3]."""
    with VideoReader(path, rate) as reader:
        return np.stack([frame.pixels for frame in reader])


def _clip(folder: Path, row: dict[str, str | None]) -> Clip:
    name, person = row.get("clip"), row.get("person")
    if not name or not person:
        raise ConfigError(f"{folder / LIST} has columns {', '.join(row)}, needs clip and person filled in every row")
    path = folder / name
    if not path.is_file():
        raise ConfigError(f"{folder / LIST} names {name}, which is not in the folder")
    facts: dict[str, Any] = {key: row.get(key) or UNKNOWN for key in ("source", "license", "license_class")}
    try:
        seconds = float(row.get("seconds") or 1)
    except ValueError as error:
        raise ConfigError(f"{folder / LIST} gives {name} a length of {row['seconds']!r}, needs seconds") from error
    return Clip(path=path, person=person, seconds=seconds, **facts)


def _unlisted(folder: Path) -> list[Clip]:
    """The videos of a folder without a list that can be read, one of each name; the others are logged."""
    clips: dict[str, Clip] = {}
    for path in sorted(folder.iterdir() if folder.is_dir() else []):
        if path.suffix.lower() not in VIDEO_SUFFIXES or path.name.startswith(".") or not path.is_file():
            continue
        if path.stem in clips:
            _log.warning("left out: %s, as %s has the same name", path, clips[path.stem].path.name)
            continue
        try:
            with VideoReader(path, Fraction(1)) as reader:
                seconds = reader.duration_s or 1.0
        except VideoError as error:
            _log.warning("left out: %s", error)
            continue
        facts: dict[str, Any] = {"source": path.name, "license": UNKNOWN, "license_class": UNKNOWN}
        clips[path.stem] = Clip(path=path, person=path.stem, seconds=seconds, framed=False, **facts)
    if not clips:
        known = " ".join(sorted(VIDEO_SUFFIXES))
        raise ConfigError(f"{folder} has no {LIST} and no video that can be read; looked for {known}")
    return list(clips.values())
