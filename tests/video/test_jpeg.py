"""JPEG pictures of and for browsers."""

import io

import numpy as np
import pytest
from numpy.typing import NDArray

from bcdcodec.errors import VideoError
from bcdcodec.video.jpeg import decode_jpeg, encode_jpeg, jpeg_size


@pytest.fixture(scope="module")
def picture() -> NDArray[np.uint8]:
    from skimage import data

    return np.ascontiguousarray(data.astronaut()[:200, 100:300:2])


def difference(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    return float(np.abs(first.astype(int) - second).mean())


def test_a_picture_comes_back(picture: NDArray[np.uint8]) -> None:
    data = encode_jpeg(picture)
    assert jpeg_size(data) == (100, 200)
    assert difference(decode_jpeg(data, most_pixels=20_000), picture) < 4


def test_other_programs_read_and_write_the_same(picture: NDArray[np.uint8]) -> None:
    image = pytest.importorskip("PIL.Image")
    read = np.array(image.open(io.BytesIO(encode_jpeg(picture))).convert("RGB"))
    assert difference(read, picture) < 4
    for options in ({}, {"progressive": True}):
        file = io.BytesIO()
        image.fromarray(picture).save(file, "JPEG", quality=92, **options)
        assert difference(decode_jpeg(file.getvalue(), most_pixels=20_000), picture) < 5


def test_a_large_picture_is_refused_by_its_header(picture: NDArray[np.uint8]) -> None:
    data = bytearray(encode_jpeg(picture))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = b"\xff\xff\xff\xff"
    with pytest.raises(VideoError, match="65535x65535, allowed are 20000 pixels"):
        decode_jpeg(bytes(data), most_pixels=20_000)


def test_what_is_no_picture_is_refused(picture: NDArray[np.uint8]) -> None:
    data = encode_jpeg(picture)
    for wrong in (b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", data[:100], data[: data.index(b"\xff\xc0") + 8]):
        with pytest.raises(VideoError):
            decode_jpeg(wrong, most_pixels=20_000)


def test_damage_raises_nothing_else(picture: NDArray[np.uint8]) -> None:
    data, rng = encode_jpeg(picture), np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(data)
        for at in rng.integers(0, 700, 3):
            damaged[at] = rng.integers(256)
        try:
            decoded = decode_jpeg(bytes(damaged), most_pixels=20_000)
        except VideoError:
            continue
        assert decoded.shape[0] * decoded.shape[1] <= 20_000
