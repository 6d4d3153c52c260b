"""The PNG writer, read back by an independent decoder."""

import io
from pathlib import Path

import av
import numpy as np
import pytest

from bcdcodec.video.png import pack_png


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)


@pytest.mark.parametrize("size", [(1, 1), (3, 7), (40, 33)])
def test_png_without_loss(size: tuple[int, int], tmp_path: Path) -> None:
    pixels = picture(*size)
    (tmp_path / "a.png").write_bytes(pack_png(pixels, text="où: é"))
    with av.open(str(tmp_path / "a.png")) as media:
        (frame,) = media.decode(video=0)
        assert np.array_equal(frame.to_ndarray(format="rgb24"), pixels)


def test_captions_are_in_the_file() -> None:
    data = pack_png(picture(2, 2), text="from é")
    assert b"iTXtDescription\0\0\0\0\0" + "from é".encode() in data
    assert b"iTXt" not in pack_png(picture(2, 2))
    assert io.BytesIO(data).read(8) == b"\x89PNG\r\n\x1a\n"
