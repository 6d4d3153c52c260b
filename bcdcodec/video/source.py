"""A media file that is probed once and read in several passes.

The first pass goes on with the container that the probe opened, and audio is encoded once and replayed, so that n
passes open a file n + 1 times at most.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import Self

from bcdcodec.frame import Frame
from bcdcodec.video.audio import SAMPLE_RATE, TICK_SAMPLES, OpusPacket, OpusReader, OpusTrack
from bcdcodec.video.media import MediaFile
from bcdcodec.video.reader import VideoReader


class MediaSource:
    """Size, first picture and tracks of a media file, and readers of its frames. rate: of the first pass, fps.

    Raises VideoError for a file that cannot be read.
    """

    def __init__(self, file: MediaFile, rate: Fraction) -> None:
        self._file = file
        self._probe: VideoReader | None = VideoReader(file, rate)
        self.name, self.rate = self._probe.name, self._probe.rate
        self.width, self.height = self._probe.width, self._probe.height
        self.has_audio, self.start_time = self._probe.has_audio, self._probe.start_time
        self.audio_tracks = self._probe.audio_tracks
        self._first_picture: Frame | None = None
        self._audio: OpusReader | None = None
        self._packets: list[OpusPacket] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for reader in (self._probe, self._audio):
            if reader is not None:
                reader.close()

    def open_frames(self, rate: Fraction | None = None) -> VideoReader:
        """Open a reader of all frames at `rate`, by default that of the probe; the caller closes it."""
        rate = rate or self.rate
        if self._probe is not None and rate == self.rate:
            reader, self._probe = self._probe, None
            return reader
        return VideoReader(self._file, rate)

    @property
    def first_picture(self) -> Frame:
        """The first picture, upright RGB of the source's size; exists before the first pass only."""
        if self._first_picture is None:
            assert self._probe is not None, "asked for before the first pass, which goes on with the probe"
            self._first_picture = self._probe.first_picture
        return self._first_picture

    def open_audio(self, *, bitrate: int, frame_ms: int) -> OpusTrack:
        """Start to encode the audio track, once for all passes. Raises VideoError, ConfigError."""
        self._audio = OpusReader(self._file, start_time=self.start_time, bitrate=bitrate, frame_ms=frame_ms)
        return self._audio.track

    def audio(self) -> "AudioReplay | None":
        """All Opus packets from the start, for one pass; None where `open_audio` was not called."""
        return None if self._audio is None else AudioReplay(self, self._audio)

    def _packet(self, index: int, reader: OpusReader) -> OpusPacket | None:
        # 45 kB a minute at 6 kbps, and encoded as far only as the pass that is furthest.
        if index == len(self._packets):
            packet = next(reader, None)
            if packet is None:
                return None
            self._packets.append(packet)
        return self._packets[index]


class AudioReplay:
    """The Opus packets of a source in order, pulled as the video advances."""

    def __init__(self, source: MediaSource, reader: OpusReader) -> None:
        self._source, self._reader = source, reader
        self._next = 0

    def until(self, time_s: float) -> Iterator[OpusPacket]:
        """Packets that start before a time, so that audio and video can be written side by side."""
        while (packet := self._source._packet(self._next, self._reader)) is not None:
            if packet.tick * TICK_SAMPLES >= time_s * SAMPLE_RATE:
                return
            self._next += 1
            yield packet
