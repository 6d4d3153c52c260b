"""Files as sources of a call."""

from fractions import Fraction
from pathlib import Path

from bcdcodec.call.feed import FileFeed, RepeatedFeed

RATE = Fraction(25, 2)
#: The clip's frames at this rate, and its length.
FRAMES, LENGTH_MS = 25, 2000


def test_a_repeated_file_goes_on_at_its_end(talking_clip: Path) -> None:
    with FileFeed(talking_clip, RATE, sound_bitrate=None, frame_ms=60) as feed:
        once = [frame.pixels for frame in feed.frames(LENGTH_MS)]
    assert len(once) == FRAMES
    with RepeatedFeed(talking_clip, RATE, sound_bitrate=6000, frame_ms=60) as repeated:
        frames, packets = [], []
        for media_ms in range(0, 3 * LENGTH_MS, 10):
            frames += repeated.frames(media_ms)
            packets += repeated.sound(media_ms)
        assert not repeated.is_over
    assert [frame.index for frame in frames] == list(range(3 * FRAMES))
    assert all((frame.pixels == once[frame.index % FRAMES]).all() for frame in frames)
    ticks = [packet.tick for packet in packets]
    assert ticks == sorted({*ticks}) and ticks[0] == 0
    assert 90 <= len(ticks) <= 100


def test_a_jump_of_the_clock_gives_all_that_was_passed(talking_clip: Path) -> None:
    with RepeatedFeed(talking_clip, RATE, sound_bitrate=None, frame_ms=60) as repeated:
        indices = [frame.index for frame in repeated.frames(5 * LENGTH_MS)]
        assert indices == list(range(5 * FRAMES + 1))
        assert repeated.sound(5 * LENGTH_MS) == []
