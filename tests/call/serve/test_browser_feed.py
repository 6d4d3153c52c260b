"""Pictures of a browser's camera."""

import numpy as np

from bcdcodec.call.serve.browser_feed import MAX_BYTES, BrowserFeed
from bcdcodec.video.jpeg import encode_jpeg


def jpeg(value: int, height: int = 48, width: int = 64) -> bytes:
    return encode_jpeg(np.full((height, width, 3), value, np.uint8))


def test_the_newest_picture_comes_once_as_a_square() -> None:
    feed = BrowserFeed(32)
    assert [*feed.frames(0)] == []
    for value in (10, 100, 200):
        feed.put(jpeg(value))
    (frame,) = feed.frames(0)
    assert frame.pixels.shape == (32, 32, 3) and abs(frame.pixels.astype(int) - 200).max() < 4
    assert [*feed.frames(0)] == []
    feed.put(jpeg(10, 100, 30))
    assert [frame.index for frame in feed.frames(0)] == [1]


def test_what_is_no_picture_is_counted_and_dropped() -> None:
    feed = BrowserFeed(32)
    for data in (b"", b"hello", jpeg(1)[:50], encode_jpeg(np.zeros((1200, 1000, 3), np.uint8)), bytes(MAX_BYTES + 1)):
        feed.put(data)
        assert [*feed.frames(0)] == []
    assert feed.refused == 5
