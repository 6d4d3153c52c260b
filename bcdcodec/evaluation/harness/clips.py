"""Test clips: a folder with a list, clips.csv, and lossless excerpts of them that every codec gets."""

import csv
import itertools
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bcdcodec.atomic import file_hash
from bcdcodec.errors import ConfigError
from bcdcodec.video.lossless import write_lossless
from bcdcodec.video.reader import VideoReader, read_clip

LIST = "clips.csv"
#: Licence class of clips whose frames may be published.
PUBLISHABLE = "permissive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """One row of the list. person: anonymous id of the subject. seconds: 1 where the list has none."""

    path: Path
    person: str
    seconds: float
    source: str
    license: str
    license_class: str

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


def read_clips(folder: Path) -> list[Clip]:
    """Every clip of a folder, by person and name. ConfigError where the list or a clip is missing or malformed."""
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
        path = self.folder / f"{self.content_hash(clip.path)[:24]}-{float(rate):g}-{seconds:g}.mkv"
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            frames = itertools.islice(read_clip(clip.path, rate=rate, pixels=side), round(seconds * rate))
            write_lossless(path, frames, rate=rate)
        return path


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
    facts = {key: row.get(key) or "unknown" for key in ("source", "license", "license_class")}
    try:
        seconds = float(row.get("seconds") or 1)
    except ValueError as error:
        raise ConfigError(f"{folder / LIST} gives {name} a length of {row['seconds']!r}, needs seconds") from error
    return Clip(path=path, person=person, seconds=seconds, **facts)
