"""Records of processed sources, DST/sources/ID.json.

A record is written after its clips: a source with a record is finished.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bcdcodec.atomic import write_bytes
from bcdcodec.evaluation.harness.records import from_json, to_json
from bcdcodec.preparation.people import Face


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipRecord:
    """One clip. start, frames: in the source at 25 fps. x, y, size: its square, in pixels of the source.

    shot: index among the shots with a face.
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
    """One source. source: the first digits of the SHA-256 of its bytes.

    faces: mean identity vector of every shot with a face, None where no face was recognised; empty where people are not
    identified by faces.
    """

    source: str
    shots: int
    shots_without_face: int
    clips: tuple[ClipRecord, ...]
    faces: tuple[Face | None, ...]

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Read a record; None where there is no valid one."""
        try:
            return from_json(cls, json.loads(path.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def write(self, path: Path) -> None:
        """Write the whole file, its folder made where it is missing."""
        write_bytes(path, json.dumps(to_json(self)).encode())
