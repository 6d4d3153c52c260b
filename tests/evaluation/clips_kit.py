"""Fixtures: a folder of clips with its list, of two people and three clips, one of which may be shown."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

HEAD = "clip,person,frames,seconds,source,license,license_class"
ROWS = (
    'b2.mp4,bob,50,2.0,some/where,"GPL, or so",unknown',
    "a1.mp4,amy,50,2.0,else/where,CC BY 4.0,permissive",
    "b1.mp4,bob,50,2.0,some/where,not stated,unknown",
)


@pytest.fixture
def write_list(tmp_path: Path) -> Callable[..., Path]:
    """Rows -> a folder whose clips are empty files."""

    def write(*rows: str, head: str = HEAD) -> Path:
        folder = tmp_path / "clips"
        folder.mkdir(exist_ok=True)
        (folder / "clips.csv").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
        for row in rows:
            (folder / row.split(",")[0]).touch()
        return folder

    return write


@pytest.fixture
def clips_folder(write_list: Callable[..., Path], talking_clip: Path) -> Path:
    """A folder of real clips, all of them equal."""
    folder = write_list(*ROWS)
    for path in folder.glob("*.mp4"):
        shutil.copy(talking_clip, path)
    return folder
