"""What was made of a source. In: the work of source.py. Out: DST/sources/ID.json, for the list of commands.py.

A record is written after its clips, so that a source with one is finished.
"""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bcdcodec.atomic import write_bytes
from bcdcodec.preparation.people import Face


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipRecord:
    """One clip. start, frames: in the source, at 25 a second. x, y, size: the square, in pixels of the source. shot:
    its place among the shots with a face.
    """

    clip: str
    shot: int
    start: int
    frames: int
    x: int
    y: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRecord:
    """source: the first digits of the SHA-256 of its bytes. faces: the mean face of every shot that has one, None where
    it was not recognised; empty where people are not told by faces.
    """

    source: str
    shots: int
    shots_without_face: int
    clips: tuple[ClipRecord, ...]
    faces: tuple[Face | None, ...]

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """None where there is no such file, or another one."""
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
            fields["clips"] = tuple(ClipRecord(**clip) for clip in fields["clips"])
            fields["faces"] = tuple(None if face is None else tuple(face) for face in fields["faces"])
            return cls(**fields)
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def write(self, path: Path) -> None:
        """Makes the folder where it is missing; replaces the file."""
        write_bytes(path, json.dumps(dataclasses.asdict(self)).encode())
