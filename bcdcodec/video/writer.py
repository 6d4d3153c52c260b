"""Writer of media files (mp4, mkv, webm): encodes frames, and muxes Opus packets."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
from av.audio.stream import AudioStream
from av.packet import Packet
from av.video.stream import VideoStream

from bcdcodec.atomic import replacing
from bcdcodec.errors import ConfigError, VideoError
from bcdcodec.frame import Frame
from bcdcodec.video.audio import SAMPLE_RATE, TICK_SAMPLES, OpusPacket, OpusTrack, opus_samples
from bcdcodec.video.color import from_rgb, tag_color
from bcdcodec.video.media import MediaFile, media_name, reason

#: Suffix -> container, encoder and its speed options.
_KINDS = {
    ".mp4": ("mp4", "libx264", {"preset": "medium"}),
    ".m4v": ("mp4", "libx264", {"preset": "medium"}),
    ".mkv": ("matroska", "libx264", {"preset": "medium"}),
    ".webm": ("webm", "libvpx-vp9", {"cpu-used": "4", "row-mt": "1", "b": "0"}),
}
SUFFIXES = tuple(_KINDS)
#: Visually lossless for decoded faces; the file is still far smaller than a camera's.
DEFAULT_CRF = 16
MAX_CRF = 51
MAX_SIDE = 16384
#: Fragments need no seeking back, so a pipe or a socket can take them; the delayed index keeps the start times exact.
_STREAMED = {"movflags": "frag_keyframe+delay_moov+default_base_moof"}


class VideoWriter:
    """Writes frames at `index / rate` seconds and, if `audio` is given, Opus packets as they are (no re-encoding).

    A path chooses its container by suffix (mp4, m4v, mkv, webm); a binary file object gets fragmented mp4, so
    standard output works. Odd sizes grow by one repeated row or column, which H.264 needs. Leaving the `with` block
    by an exception, or without one frame written, leaves no file behind. threads: that encode, None for as many as the
    machine offers; the bytes depend on it.
    """

    def __init__(
        self,
        target: MediaFile,
        width: int,
        height: int,
        *,
        rate: Fraction,
        crf: int = DEFAULT_CRF,
        audio: OpusTrack | None = None,
        threads: int | None = None,
    ) -> None:
        if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
            raise ConfigError(f"picture is {width}x{height}, allowed are 1 to {MAX_SIDE}")
        if not 0 <= crf <= MAX_CRF:
            raise ConfigError(f"crf is {crf}, allowed are 0 to {MAX_CRF}")
        self.name = media_name(target)
        self.width, self.height = width, height
        self._rate = Fraction(rate)
        self._last_index = -1
        self._track = audio
        opened: Any = target
        (kind, codec, options), container_options = _KINDS[".mp4"], _STREAMED
        with self._named_errors(), contextlib.ExitStack() as stack:
            if isinstance(target, (str, os.PathLike)):
                path = Path(target)
                (kind, codec, options), container_options = self._kind_of(path), {}
                opened = os.path.abspath(stack.enter_context(replacing(path)))
            self._container = av.open(opened, "w", format=kind, options=container_options)
            stack.push(self._abandon)
            self._video = self._add_video(codec, options, crf, threads)
            self._audio = self._add_audio(audio) if audio else None
            self._container.start_encoding()
            #: Gives the file its name, or removes it after an error.
            self._file = stack.pop_all()

    def _kind_of(self, path: Path) -> tuple[str, str, dict[str, str]]:
        try:
            return _KINDS[path.suffix.lower()]
        except KeyError:
            found = path.suffix or "no suffix"
            raise VideoError(f"{self.name} has {found}, allowed are {', '.join(SUFFIXES)}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._file.__exit__(kind, error, trace)

    def write(self, frame: Frame) -> None:
        """Encode one frame; its index must be above the last one's."""
        if (frame.width, frame.height) != (self.width, self.height):
            raise VideoError(f"frame is {frame.width}x{frame.height}, {self.name} needs {self.width}x{self.height}")
        if frame.index <= self._last_index:
            raise VideoError(f"frame {frame.index} after frame {self._last_index}, {self.name} needs rising indices")
        self._last_index = frame.index
        picture = from_rgb(frame.pixels)
        picture.pts = frame.index
        picture.time_base = 1 / self._rate
        with self._named_errors():
            self._container.mux(self._video.encode(picture))

    def write_audio(self, packets: Iterable[OpusPacket]) -> None:
        """Mux Opus packets in order; near the frames of the same time, or the muxer must hold them in memory."""
        if self._audio is None or self._track is None:
            raise VideoError(f"{self.name} was opened without an audio track")
        for item in packets:
            packet = Packet(item.data)
            packet.stream = self._audio
            packet.time_base = Fraction(1, SAMPLE_RATE)
            # The decoder's first `pre_skip` samples are not heard: the packet starts that much earlier.
            packet.pts = packet.dts = item.tick * TICK_SAMPLES - self._track.pre_skip
            packet.duration = opus_samples(item.data)
            with self._named_errors():
                self._container.mux(packet)

    def close(self) -> None:
        """Finish the file and give it its name."""
        with self._named_errors(), self._file:
            if self._last_index < 0:
                raise VideoError(f"no frame was given for {self.name}, nothing is written")
            self._container.mux(self._video.encode(None))
            self._container.close()

    def _abandon(self, kind: type[BaseException] | None, *error: object) -> None:
        if kind is not None:
            with contextlib.suppress(av.error.FFmpegError, OSError, ValueError):  # the file is removed in any case
                self._container.close()

    @contextlib.contextmanager
    def _named_errors(self) -> Iterator[None]:
        """Raise VideoError with the name of the file for errors of the muxer and of the file system.

        A reader that has left is no error of the file: BrokenPipeError stays.
        """
        try:
            yield
        except BrokenPipeError:
            raise
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise VideoError(f"{self.name} cannot be written: {reason(error)}") from error

    def _add_video(self, codec: str, options: dict[str, str], crf: int, threads: int | None) -> VideoStream:
        stream = self._container.add_stream(codec, rate=self._rate, options={**options, "crf": str(crf)})
        assert isinstance(stream, VideoStream)
        stream.width = self.width + self.width % 2
        stream.height = self.height + self.height % 2
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = 1 / self._rate
        if threads is not None:
            stream.codec_context.thread_count = threads
        tag_color(stream)
        return stream

    def _add_audio(self, track: OpusTrack) -> AudioStream:
        """An Opus stream whose identification header is the source's; no sample is ever encoded here."""
        stream = self._container.add_stream("libopus", rate=SAMPLE_RATE)
        assert isinstance(stream, AudioStream)
        context = stream.codec_context
        context.layout = track.layout
        context.format = "flt"
        # Only a hint here: the packets come as they are. Kept within what the library accepts.
        context.bit_rate = min(max(track.bitrate, 6000), 256_000)
        context.open()
        context.extradata = _identification_header(track)
        return stream


def _identification_header(track: OpusTrack) -> bytes:
    """OpusHead of RFC 7845, section 5.1: version 1, input rate 48 kHz, gain 0, channel mapping family 0."""
    fields = bytes([1, track.channels]) + track.pre_skip.to_bytes(2, "little") + SAMPLE_RATE.to_bytes(4, "little")
    return b"OpusHead" + fields + bytes(3)
