"""A folder of clips with its list. In: clips.csv. Out: `Clip`s, each with a clip of another person to borrow from."""

import csv
from dataclasses import dataclass
from pathlib import Path

from bcdcodec.errors import ConfigError

LIST = "clips.csv"
#: Licence class of clips whose frames may be shown in public.
PUBLISHABLE = "permissive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """One row of the list. person: who is seen, as an anonymous id. seconds: 1 where the list has none."""

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


def read_clips(folder: Path) -> list[Clip]:
    """Every clip of a folder, by person and name. ConfigError if the list is missing or not one, or a clip is."""
    try:
        with (folder / LIST).open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise ConfigError(f"cannot read {folder / LIST}: {error.strerror}") from error
    clips = [_clip(folder, row) for row in rows]
    if not clips:
        raise ConfigError(f"{folder / LIST} names no clip, needs at least one")
    return sorted(clips, key=lambda clip: (clip.person, clip.name))


def lender(clip: Clip, clips: list[Clip]) -> Clip | None:
    """The clip whose content `clip` borrows: the next one of another person, from the end back to the start."""
    at = clips.index(clip)
    return next((other for other in clips[at:] + clips[:at] if other.person != clip.person), None)


def choose(clips: list[Clip], names: list[str]) -> list[Clip]:
    """The clips of these names (with or without suffix), in the order of the folder; ConfigError on unknown ones."""
    wanted = {Path(name).stem for name in names}
    unknown = wanted - {clip.name for clip in clips}
    if unknown:
        raise ConfigError(f"no clips named {', '.join(sorted(unknown))} in the list of {len(clips)}")
    return [clip for clip in clips if clip.name in wanted]


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
