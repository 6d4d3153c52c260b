"""Pictures and sound that go into a call: what a source of them has to give, and a file at the pace of a clock."""

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Protocol, Self

from bcdcodec.call.audio import TICK_MS
from bcdcodec.frame import Frame
from bcdcodec.video.audio import OpusPacket
from bcdcodec.video.media import MediaFile
from bcdcodec.video.source import MediaSource


class Feed(Protocol):
    """A source of a call, a file or a camera."""

    @property
    def is_over(self) -> bool:
        """Whether nothing follows."""
        ...

    def frames(self, media_ms: float) -> Iterator[Frame]:
        """Frames whose time has come, in the order of their indices at the rate of the call."""
        ...

    def sound(self, media_ms: float) -> list[OpusPacket]:
        """Packets whose time has come, on the clock of the frames."""
        ...


class FileFeed:
    """Frames and Opus packets of a file that are due. sound_bitrate: None for none. Raises VideoError, ConfigError."""

    def __init__(self, file: MediaFile, rate: Fraction, *, sound_bitrate: int | None, frame_ms: int) -> None:
        self._source = MediaSource(file, rate)
        self._rate = rate
        #: Whether there is sound.
        self.has_sound = sound_bitrate is not None and self._source.has_audio
        if self.has_sound and sound_bitrate is not None:
            self._source.open_audio(bitrate=sound_bitrate, frame_ms=frame_ms)
        self._sound = self._source.audio()
        self._sound_ms = float(frame_ms)
        self._reader = self._source.open_frames()
        self._frames: Iterator[Frame] = iter(self._reader)
        self._next = next(self._frames, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._reader.close()
        self._source.__exit__()

    @property
    def is_over(self) -> bool:
        """Whether all frames were given; sound that is longer than the pictures is cut."""
        return self._next is None

    def frames(self, media_ms: float) -> Iterator[Frame]:
        """Frames whose time has come."""
        while self._next is not None and 1000 * self._next.index / self._rate <= media_ms:
            frame, self._next = self._next, next(self._frames, None)
            yield frame

    def sound(self, media_ms: float) -> list[OpusPacket]:
        """Packets whose last sample has come."""
        if self._sound is None or media_ms < self._sound_ms:
            return []
        until_s = math.nextafter((media_ms - self._sound_ms) / 1000, math.inf)
        return list(self._sound.until(until_s))


class RepeatedFeed:
    """A file that begins anew at its end, for as long as it is asked. Arguments and errors as of `FileFeed`."""

    def __init__(self, file: MediaFile, rate: Fraction, *, sound_bitrate: int | None, frame_ms: int) -> None:
        self._file, self._rate, self._sound_bitrate, self._frame_ms = file, rate, sound_bitrate, frame_ms
        self._first_index = self._next_index = 0  # of this round, and of the frame after the last one
        self._feed = self._open()

    def _open(self) -> FileFeed:
        return FileFeed(self._file, self._rate, sound_bitrate=self._sound_bitrate, frame_ms=self._frame_ms)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._feed.__exit__()

    @property
    def is_over(self) -> bool:
        """Never."""
        return False

    @property
    def _start_ms(self) -> float:
        return float(1000 * self._first_index / self._rate)

    def frames(self, media_ms: float) -> Iterator[Frame]:
        """Frames whose time has come."""
        while True:
            for frame in self._feed.frames(media_ms - self._start_ms):
                self._next_index = self._first_index + frame.index + 1
                yield Frame(pixels=frame.pixels, index=self._first_index + frame.index)
            if not self._feed.is_over or self._next_index == self._first_index:
                return
            self._feed.__exit__()
            self._first_index = self._next_index
            self._feed = self._open()

    def sound(self, media_ms: float) -> list[OpusPacket]:
        """Packets whose last sample has come; sound that is longer than the pictures is cut."""
        start_tick = round(self._start_ms / TICK_MS)
        packets = self._feed.sound(media_ms - self._start_ms)
        return [OpusPacket(tick=start_tick + packet.tick, data=packet.data) for packet in packets]
