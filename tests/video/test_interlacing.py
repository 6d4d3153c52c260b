"""Interlaced video loses its combs, and keeps its number of pictures and their times; progressive video stays."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av import VideoFrame
from media_kit import MakeVideo, write_video
from numpy.typing import NDArray

from bcdcodec.video.interlacing import deinterlaced
from bcdcodec.video.reader import VideoReader

PICTURES, HEIGHT, WIDTH = 12, 96, 128


def bar(moment: int) -> NDArray[np.uint8]:
    """A bright bar that moves by three pixels a moment."""
    picture = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    picture[:, 20 + 3 * moment : 40 + 3 * moment] = 200
    return picture


def woven(at: int) -> NDArray[np.uint8]:
    """The fields of two moments."""
    picture = bar(2 * at)
    picture[1::2] = bar(2 * at + 1)[1::2]
    return picture


def combs(picture: NDArray[np.uint8]) -> float:
    """How far rows are from the mean of their neighbours."""
    rows = picture.astype(float)
    return float(np.abs(rows[1:-1] - (rows[:-2] + rows[2:]) / 2).mean())


@pytest.mark.parametrize("first_field", ["tff", "bff"])
def test_combs_go(first_field: str, tmp_path: Path) -> None:
    path = write_video(
        tmp_path / "fields.mp4",
        [woven(at) for at in range(PICTURES)],
        codec_options={"flags": "+ildct+ilme", "x264-params": f"{first_field}=1"},
    )
    with VideoReader(path, Fraction(25)) as reader:
        found = [frame.pixels for frame in reader]
    assert len(found) == PICTURES
    for at, picture in enumerate(found[1:-1], 1):
        assert combs(picture) < 0.25 * combs(woven(at))
        middle = (
            np.abs(picture.astype(float) - bar(2 * at)).mean(),
            np.abs(picture.astype(float) - bar(2 * at + 4)).mean(),
        )
        assert middle[0] < middle[1]


def test_progressive_pictures_are_the_very_same() -> None:
    frames = [VideoFrame.from_ndarray(bar(at)) for at in range(3)]
    assert [*deinterlaced(frames)] == frames


def test_sizes_may_change_on_the_way(tmp_path: Path) -> None:
    frames: list[VideoFrame] = []
    for width, flags in ((128, "+cgop"), (128, "+ildct+ilme"), (64, "+ildct+ilme")):
        pictures = [np.ascontiguousarray(woven(at)[:, :width]) for at in range(3)]
        path = write_video(tmp_path / "part.mkv", pictures, codec_options={"flags": flags, "bf": "0"})
        with av.open(str(path)) as container:
            frames += container.decode(video=0)
    for at, frame in enumerate(frames):
        frame.pts, frame.time_base = at, Fraction(1, 25)
    expected = [(frame.width, frame.time) for frame in frames]
    assert [frame.interlaced_frame for frame in frames] == [False] * 3 + [True] * 6
    assert [(frame.width, frame.time) for frame in deinterlaced(frames)] == expected


def test_a_progressive_file(make_video: MakeVideo) -> None:
    path = make_video([bar(at) for at in range(4)])
    with VideoReader(path, Fraction(25)) as reader:
        assert all(combs(frame.pixels) < 1 for frame in reader)
