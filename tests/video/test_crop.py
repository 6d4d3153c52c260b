"""Cropping and pasting of squares."""

import numpy as np
import pytest
from media_kit import gray, textured

from bcdcodec.errors import ConfigError
from bcdcodec.frame import CropBox, Frame
from bcdcodec.video.crop import crop, largest_square, paste


def frame(pixels: np.ndarray) -> Frame:
    return Frame(pixels=pixels, index=7)


def test_same_size_is_an_exact_cut() -> None:
    source = frame(textured(1, 80, 60))
    found = crop(source, CropBox(x=10, y=5, size=32), 32)
    assert found.index == 7
    assert np.array_equal(found.pixels, source.pixels[5:37, 10:42])


def test_outside_repeats_the_border() -> None:
    source = frame(textured(1, 80, 60))
    found = crop(source, CropBox(x=-10, y=-20, size=90), 90).pixels
    assert np.array_equal(found[20:80, 10:90], source.pixels)
    assert np.array_equal(found[:20], np.repeat(found[20:21], 20, axis=0))
    assert np.array_equal(found[:, :10], np.repeat(found[:, 10:11], 10, axis=1))


def test_shrinking_averages() -> None:
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    found = crop(frame(np.repeat(board[..., None], 3, axis=2)), CropBox(x=0, y=0, size=64), 16)
    assert np.abs(found.pixels.astype(int) - 128).max() <= 2


@pytest.mark.parametrize("size", [16, 40, 64, 200])
def test_flat_color_stays_exact(size: int) -> None:
    pixels = gray(0, 64, 64)
    pixels[:] = (10, 200, 90)
    assert (crop(frame(pixels), CropBox(x=0, y=0, size=64), size).pixels == (10, 200, 90)).all()


@pytest.mark.parametrize(("box", "size"), [((20, 30, 96), 64), ((20, 30, 96), 256), ((-12, -20, 120), 256)])
def test_paste_undoes_crop(box: tuple[int, int, int], size: int) -> None:
    source = frame(textured(2, 160, 128))
    where = CropBox(x=box[0], y=box[1], size=box[2])
    again = paste(source, crop(source, where, size), where)
    assert np.abs(again.pixels.astype(int) - source.pixels).mean() < 1
    assert np.abs(again.pixels.astype(int) - source.pixels).max() < 16


def test_paste_touches_only_the_box_and_blends_its_edge() -> None:
    background = frame(gray(0, 100, 80))
    patch = Frame(pixels=gray(200, 16, 16), index=3)
    found = paste(background, patch, CropBox(x=30, y=20, size=40))
    assert found.index == 3
    assert (background.pixels == 0).all()
    line = found.pixels[40, :, 0].astype(int)
    assert (line[:30] == 0).all()
    assert (line[70:] == 0).all()
    assert line[50] == 200
    assert 0 < line[30] < line[31] < line[33] == 200


def test_no_blend_where_the_box_leaves_the_picture() -> None:
    found = paste(frame(gray(0, 64, 64)), frame(gray(200, 16, 16)), CropBox(x=-5, y=0, size=40))
    assert (found.pixels[0, :20] == 200).all()


def test_largest_square() -> None:
    assert largest_square(640, 360) == CropBox(x=140, y=0, size=360)
    assert largest_square(30, 90) == CropBox(x=0, y=30, size=30)


@pytest.mark.parametrize("box", [(0, 0, 0), (0, 0, 129), (64, 0, 10), (0, -10, 10), (-32768, -32768, 65535)])
def test_absurd_boxes_are_refused_before_memory_is_taken(box: tuple[int, int, int]) -> None:
    source, where = frame(gray(0, 64, 48)), CropBox(x=box[0], y=box[1], size=box[2])
    with pytest.raises(ConfigError, match="crop box"):
        crop(source, where, 16)
    with pytest.raises(ConfigError, match="crop box"):
        paste(source, source, where)
