"""Fixtures: synthetic media files, and clips of real faces where they are available."""

import os
from pathlib import Path
from typing import Any

import pytest
from media_kit import MakeVideo, write_video


@pytest.fixture
def clips() -> list[Path]:
    """Real clips (256x256, one face each), one per person where the folder says who is who."""
    folder = os.environ.get("BCD_DATA")
    if not folder:
        pytest.skip("BCD_DATA does not name a folder of clips")
    found = sorted(Path(folder).glob("*.mp4")) or sorted(Path(folder, "val").glob("*.mp4"))
    table = found[0].parent / "clips.csv" if found else None
    if table and table.exists():
        people: dict[str, Path] = {}
        for line in table.read_text().splitlines()[1:]:
            name, person = line.split(",")[:2]
            people.setdefault(person, found[0].parent / f"{Path(name).stem}.mp4")
        found = list(people.values())
    return found or pytest.skip(f"no clips in {folder}")


@pytest.fixture
def make_video(tmp_path: Path) -> MakeVideo:
    """`write_video` into tmp_path: make_video(pictures, name, **options)."""

    def make(pictures: Any, name: str = "source.mp4", **options: Any) -> Path:
        return write_video(tmp_path / name, pictures, **options)

    return make
