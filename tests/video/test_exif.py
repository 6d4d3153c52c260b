"""Photos of every orientation come out upright."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from media_kit import textured
from PIL import Image

from bcdcodec.video.exif import exif_orientation
from bcdcodec.video.reader import VideoReader

PICTURE = textured(3)
#: The picture as it is stored under each value of the tag (EXIF 2.32: where its row 0 and column 0 are seen).
STORED = {
    1: lambda picture: picture,
    2: lambda picture: picture[:, ::-1],
    3: lambda picture: picture[::-1, ::-1],
    4: lambda picture: picture[::-1],
    5: lambda picture: picture.transpose(1, 0, 2),
    6: lambda picture: np.rot90(picture, 1),
    7: lambda picture: picture[::-1, ::-1].transpose(1, 0, 2),
    8: lambda picture: np.rot90(picture, -1),
}


def photo(path: Path, value: int) -> Path:
    exif = Image.Exif()
    exif[0x0112] = value
    options = {"lossless": True} if path.suffix == ".webp" else {"quality": 95} if path.suffix == ".jpg" else {}
    Image.fromarray(np.ascontiguousarray(STORED[value](PICTURE))).save(path, exif=exif, **options)
    return path


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
@pytest.mark.parametrize("value", range(1, 9))
def test_every_orientation(tmp_path: Path, suffix: str, value: int) -> None:
    with VideoReader(photo(tmp_path / f"a.{suffix}", value), Fraction(25)) as reader:
        (frame,) = list(reader)
    assert (frame.width, frame.height) == (PICTURE.shape[1], PICTURE.shape[0])
    assert np.abs(frame.pixels.astype(int) - PICTURE).mean() < 4


def test_cut_and_hostile_data_say_nothing(tmp_path: Path) -> None:
    whole = photo(tmp_path / "a.jpg", 6).read_bytes()
    assert exif_orientation(whole) == (3, False)
    start = whole.index(b"Exif\0\0")
    for length in range(start, start + 30):
        assert exif_orientation(whole[:length]) in (None, (3, False))
    assert exif_orientation(b"Exif\0\0II*\0\xff\xff\xff\xff" + bytes(40)) is None
    assert exif_orientation(b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + bytes(40)) is None
    assert exif_orientation(b"eXIf" * 1000) is None
