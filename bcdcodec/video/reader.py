"""Reader of a media file: upright RGB frames at the codec's constant frame rate."""

import logging
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Self

import av
from av import VideoFrame
from av.video.reformatter import VideoReformatter

from bcdcodec.errors import ConfigError, VideoError
from bcdcodec.frame import Frame
from bcdcodec.video.color import Pixels, orientation, to_rgb, upright
from bcdcodec.video.crop import crop, largest_square
from bcdcodec.video.exif import HEAD_BYTES, exif_orientation
from bcdcodec.video.interlacing import deinterlaced
from bcdcodec.video.media import (
    MAX_GAP_SECONDS,
    MediaFile,
    main_audio_stream,
    main_video_stream,
    media_name,
    open_media,
    reason,
    seconds,
)

_log = logging.getLogger(__name__)

#: Pictures beyond this many pixels are refused before they are converted (8K is 33 million).
MAX_PIXELS = 64 << 20
#: A decoder that fails this often in a row will not recover.
MAX_DAMAGED_PACKETS = 250
_DEFAULT_RATE = Fraction(25)
_PLAUSIBLE_RATES = Fraction(1, 30), Fraction(1000)


class VideoReader:
    """Read upright, square-pixel RGB frames at a constant rate, in one pass and constant memory.

    Time starts at the first picture. Tick k (the `index` of a frame, at k / rate seconds) shows the source picture on
    screen at that moment, or the next one where that is nearer and at most half a tick away; all arithmetic is in
    fractions, so there is no drift. Sources without timestamps are taken as constant rate. A still image gives one
    frame. Frames that repeat share one pixel array: copy before writing into it.

    Damage: an undecodable packet is skipped (the last picture holds) and one warning logged; where nothing more can
    be read, every frame before that point is yielded and VideoError raised. A file shorter than it announces ends
    with a warning.

    threads: that decode, None for as many as the machine offers. Only damaged pictures may depend on it.
    """

    def __init__(self, source: MediaFile, rate: Fraction, *, threads: int | None = None) -> None:
        if rate <= 0:
            raise ConfigError(f"frame rate is {rate}, must be above 0")
        self.name = media_name(source)
        self.rate = Fraction(rate)
        self._file = source
        self._container = open_media(source)
        self._started = False
        self._damaged = self._packets = 0
        self._scaler = VideoReformatter()
        self._failure: VideoError | None = None
        try:
            self._stream = main_video_stream(self._container, self.name)
            self._stream.thread_type = "AUTO"
            if threads is not None:
                self._stream.codec_context.thread_count = threads
            self._source = deinterlaced(self._decode())
            self._first = self._decode_first()
        except BaseException:
            self._container.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self._source.close()
        self._container.close()

    @property
    def is_still(self) -> bool:
        """True for a single image (png, jpg, ...)."""
        name = self._container.format.name
        return name == "image2" or name.endswith("_pipe")

    @property
    def source_rate(self) -> Fraction:
        """Pictures per second of the source as it announces them; 25 where it does not, or nonsense."""
        stream = self._stream
        rate = stream.average_rate or stream.guessed_rate or stream.base_rate
        return Fraction(rate) if rate and _PLAUSIBLE_RATES[0] <= rate <= _PLAUSIBLE_RATES[1] else _DEFAULT_RATE

    @property
    def duration_s(self) -> float | None:
        """Length in seconds as the container announces it (for progress only), None if it does not."""
        if self.is_still:
            return None
        length = seconds(self._stream.duration, self._stream.time_base)
        if length is None and self._container.duration:
            length = Fraction(self._container.duration, av.time_base)
        return float(length) if length and length > 0 else None

    @property
    def has_audio(self) -> bool:
        """Whether there is sound that can be decoded."""
        return main_audio_stream(self._container) is not None

    @property
    def audio_tracks(self) -> int:
        """Number of sound tracks, decodable or not."""
        return len(self._container.streams.audio)

    @property
    def start_time(self) -> Fraction:
        """Timestamp of the first picture on the container's clock, in seconds; audio.py aligns to it."""
        return seconds(self._first.pts, self._first.time_base) or Fraction(0)

    @property
    def first_picture(self) -> Frame:
        """The first picture, which does not count as read."""
        return Frame(pixels=self._convert(self._first), index=0)

    def __iter__(self) -> Iterator[Frame]:
        if self._started:
            raise VideoError(f"{self.name} is read in one pass, open it again for another")
        self._started = True
        if self.is_still:
            yield self.first_picture
            return
        yield from self._resampled()

    def _resampled(self) -> Iterator[Frame]:
        """Hold or take the nearest picture: the rule of the class docstring."""
        tick = 0
        half = 1 / (2 * self.rate)
        current, current_time = self._first, Fraction(0)
        pixels: Pixels | None = None
        for following, time in self._timed():
            while (due := tick / self.rate) < time:
                if time - due <= half and time - due < due - current_time:
                    break
                pixels = self._convert(current) if pixels is None else pixels
                yield Frame(pixels=pixels, index=tick)
                tick += 1
            current, current_time, pixels = following, time, None
        end = current_time + self._length_of(current)
        while (due := tick / self.rate) <= current_time or due < end:
            pixels = self._convert(current) if pixels is None else pixels
            yield Frame(pixels=pixels, index=tick)
            tick += 1
        if self._failure:
            raise self._failure
        if self._damaged:
            _log.warning("%s: %d damaged packets were skipped", self.name, self._damaged)
        announced = self.duration_s
        if announced is not None and self._lacks(end, announced):
            _log.warning("%s announces %.1f s but ends after %.1f s", self.name, announced, float(end))

    def _lacks(self, end: Fraction, announced: float) -> bool:
        """Whether the file is shorter than it announces, in pictures where it counts them, or else in time.

        The announced time may count from 0 though the clock starts later, and be that of longer sound.
        """
        if self._stream.frames:
            return self._packets < self._stream.frames and float(end) < announced - 1.5 / float(self.source_rate)
        return float(end + max(Fraction(0), self.start_time)) < 0.95 * announced - 1

    def _timed(self) -> Iterator[tuple[VideoFrame, Fraction]]:
        """Yield every picture after the first with its time, which never goes back or jumps beyond MAX_GAP_SECONDS."""
        last, last_frame = Fraction(0), self._first
        offset = -self.start_time
        for frame in self._source:
            step = self._length_of(last_frame)
            stamp = seconds(frame.pts, frame.time_base)
            time = last + step if stamp is None else stamp + offset
            if time - last > MAX_GAP_SECONDS or last - time > 1:
                _log.warning("%s: timestamps jump by %.1f s at %.1f s, closed up", self.name, float(time - last), last)
                offset += last + step - time
                time = last + step
            time = max(time, last)
            yield frame, time
            last, last_frame = time, frame

    def _decode(self) -> Iterator[VideoFrame]:
        """Yield every picture that decodes; sets `_failure` where the file can no longer be read."""
        packets = self._container.demux(self._stream)
        in_a_row, started = 0, False
        while True:
            try:
                packet = next(packets, None)
            except (av.error.FFmpegError, OSError) as error:
                self._failure = VideoError(f"{self.name} cannot be read further: {reason(error)}")
                return
            if packet is None:
                return
            self._packets += bool(packet.size)
            try:
                frames = packet.decode()
                in_a_row = 0
            except av.error.FFmpegError as error:
                self._damaged += 1
                in_a_row += 1
                # A recording that begins inside a long group of pictures shows nothing until its first key frame.
                if started and in_a_row >= MAX_DAMAGED_PACKETS:
                    self._failure = VideoError(f"{self.name}: {in_a_row} damaged packets in a row: {reason(error)}")
                    return
                continue
            for frame in frames:
                if isinstance(frame, VideoFrame):
                    started = True
                    yield frame

    def _decode_first(self) -> VideoFrame:
        """The first picture, which settles size and orientation for the whole file."""
        frame = next(self._source, None)
        if frame is None:
            raise self._failure or VideoError(f"{self.name} holds no picture that can be decoded")
        if frame.width * frame.height > MAX_PIXELS:
            raise VideoError(f"{self.name} is {frame.width}x{frame.height}, limit {MAX_PIXELS >> 20} megapixels")
        aspect = self._stream.sample_aspect_ratio or Fraction(1)
        if not Fraction(1, 8) <= aspect <= 8:  # nonsense in the header, not a lens
            aspect = Fraction(1)
        self._scaled = max(1, round(frame.width * aspect)), frame.height
        self._turns, self._mirrored = self._photo_orientation() or orientation(frame)
        sideways = self._turns % 2 == 1
        self.width, self.height = self._scaled[::-1] if sideways else self._scaled
        return frame

    def _photo_orientation(self) -> tuple[int, bool] | None:
        """What the EXIF data of a still says, where it has any."""
        if not self.is_still or not isinstance(self._file, str | os.PathLike):
            return None
        with open(self._file, "rb") as file:
            return exif_orientation(file.read(HEAD_BYTES))

    def _length_of(self, frame: VideoFrame) -> Fraction:
        """Duration of a picture where nothing follows it, in seconds."""
        length = seconds(frame.duration, frame.time_base)
        return length if length and length <= MAX_GAP_SECONDS else 1 / self.source_rate

    def _convert(self, frame: VideoFrame) -> Pixels:
        if frame.width * frame.height > MAX_PIXELS:
            raise VideoError(
                f"{self.name} changes to {frame.width}x{frame.height}, limit {MAX_PIXELS >> 20} megapixels"
            )
        return upright(to_rgb(frame, *self._scaled, self._scaler), self._turns, self._mirrored)


def read_clip(path: Path, *, rate: Fraction, pixels: int) -> Iterator[Pixels]:
    """Yield the largest centred square of every frame, uint8 [pixels, pixels, 3], of a clip that is framed already.

    rate: frames per second. VideoError where the file cannot be read.
    """
    with VideoReader(path, rate) as reader:
        box = largest_square(reader.width, reader.height)
        for frame in reader:
            yield crop(frame, box, pixels).pixels
