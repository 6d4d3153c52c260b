"""Opus packets of a media file's audio track.

60 ms frames are the default: the header byte of Opus and the length byte of the container then cost 267 bit/s, where
20 ms frames cost 800, too much of 6 kbit/s. Live use may ask for 20 ms.
"""

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Self

import av
import numpy as np
from av import AudioFrame
from av.audio.codeccontext import AudioCodecContext
from av.filter import Graph
from numpy.typing import NDArray

from bcdcodec.errors import ConfigError, VideoError
from bcdcodec.video.media import MAX_GAP_SECONDS, MediaFile, main_audio_stream, media_name, open_media, reason, seconds

_log = logging.getLogger(__name__)

SAMPLE_RATE = 48_000
#: Unit of `OpusPacket.tick`: 20 ms at 48 kHz.
TICK_SAMPLES = 960
FRAME_MS = (20, 40, 60)
MIN_BITRATE, MAX_BITRATE = 2_000, 256_000
#: Timestamps may wander this much (rounded stamps, resampler delay) before silence is put in or samples are cut.
_TOLERANCE_SAMPLES = SAMPLE_RATE // 25
_LAYOUTS = {1: "mono", 2: "stereo"}

Samples = NDArray[np.float32]  # [channels, count]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpusTrack:
    """Decoder parameters of an Opus track. pre_skip: decoder samples at 48 kHz to drop at the start."""

    channels: int = 1
    pre_skip: int = 312
    bitrate: int = 6000

    def __post_init__(self) -> None:
        if self.channels not in _LAYOUTS:
            raise ConfigError(f"audio has {self.channels} channels, allowed are 1 and 2")
        if not 0 <= self.pre_skip <= 0xFFFF:
            raise ConfigError(f"audio pre-skip is {self.pre_skip} samples, allowed are 0 to 65535")

    @property
    def layout(self) -> str:
        return _LAYOUTS[self.channels]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpusPacket:
    """One Opus packet. tick: its start in 20 ms units, where tick 0 (after pre-skip) plays with the first picture."""

    tick: int
    data: bytes


class OpusReader:
    """Iterator over one audio stream, decoded, resampled and encoded in constant memory.

    Packets follow each other without a hole from tick 0: audio that starts after the picture, and gaps, become
    silence (Opus codes it in a few bytes), audio before the first picture is cut. `start_time` is the reader's.
    A damaged packet becomes silence. VideoError where the file has no audio: ask `VideoReader.has_audio` first.
    """

    def __init__(
        self,
        source: MediaFile,
        *,
        start_time: Fraction = Fraction(0),
        bitrate: int = 6000,
        channels: int = 1,
        frame_ms: int = 60,
    ) -> None:
        self._encoder, self.track = opus_encoder(bitrate, channels, frame_ms)
        self.name = media_name(source)
        self._frame_samples = SAMPLE_RATE * frame_ms // 1000
        self._start_time = start_time
        self._container = open_media(source)
        stream = main_audio_stream(self._container)
        if stream is None:
            self._container.close()
            raise VideoError(f"{self.name} has no audio stream that can be decoded")
        tracks = self._container.streams.audio
        unknown = sum(track.codec_context is None for track in tracks)
        if unknown:
            _log.warning(
                "%s: %d of %d sound tracks cannot be decoded, another is taken", self.name, unknown, len(tracks)
            )
        self._stream = stream
        self._packets = self._encoded()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self._container.close()

    def __iter__(self) -> Iterator[OpusPacket]:
        return self

    def __next__(self) -> OpusPacket:
        return next(self._packets)

    def _encoded(self) -> Iterator[OpusPacket]:
        tick = 0
        for chunk in self._chunks():
            frame = None if chunk is None else audio_frame(chunk, self.track.layout)
            for packet in self._encoder.encode(frame):
                yield OpusPacket(tick=tick, data=bytes(packet))
                tick += self._frame_samples // TICK_SAMPLES

    def _chunks(self) -> Iterator[Samples | None]:
        """Whole Opus frames of samples, the last filled with silence, then None to flush the encoder."""
        waiting: Samples = np.zeros((self.track.channels, 0), np.float32)
        for samples in self._aligned():
            waiting = np.concatenate([waiting, samples], axis=1)
            while waiting.shape[1] >= self._frame_samples:
                yield waiting[:, : self._frame_samples]
                waiting = waiting[:, self._frame_samples :]
        if waiting.shape[1]:
            yield np.pad(waiting, ((0, 0), (0, self._frame_samples - waiting.shape[1])))
        yield None

    def _aligned(self) -> Iterator[Samples]:
        """Samples without holes from the first picture on: late audio is preceded by silence, early audio is cut."""
        position = 0
        offset = -self._start_time
        for samples, time in self._resampled():
            wanted = position if time is None else round((time + offset) * SAMPLE_RATE)
            if wanted - position > MAX_GAP_SECONDS * SAMPLE_RATE or (position and position - wanted > SAMPLE_RATE):
                offset += Fraction(position - wanted, SAMPLE_RATE)  # as reader.py does with a broken clock
                wanted = position
            tolerance = _TOLERANCE_SAMPLES if position else 0
            while wanted - position > tolerance:
                count = min(wanted - position, SAMPLE_RATE)
                yield np.zeros((self.track.channels, count), np.float32)
                position += count
            if position - wanted > tolerance:
                samples = samples[:, position - wanted :]
            if samples.shape[1]:
                yield samples
                position += samples.shape[1]

    def _resampled(self) -> Iterator[tuple[Samples, Fraction | None]]:
        mixer: _Mixer | None = None
        for frame in self._decoded():
            if mixer is None or not mixer.takes(frame):  # the stream may change its layout midway
                mixer = _Mixer(frame, self.track.layout)
            for out in mixer.push(frame):
                yield out.to_ndarray().astype(np.float32, copy=False), seconds(out.pts, out.time_base)
        if mixer is not None:
            for out in mixer.push(None):
                yield out.to_ndarray().astype(np.float32, copy=False), seconds(out.pts, out.time_base)

    def _decoded(self) -> Iterator[AudioFrame]:
        packets = self._container.demux(self._stream)
        damaged = decoded = 0
        while True:
            try:
                packet = next(packets, None)
            except (av.error.FFmpegError, OSError) as error:
                _log.warning("%s: audio cannot be read further: %s", self.name, reason(error))
                return
            if packet is None:
                break
            try:
                frames = packet.decode()
            except av.error.FFmpegError as error:
                _log.debug("%s: damaged audio packet: %s", self.name, reason(error))
                damaged += 1
                continue
            for frame in frames:
                if isinstance(frame, AudioFrame) and frame.samples:
                    decoded += 1
                    yield frame
        if damaged and not decoded:
            _log.warning("%s: none of its sound can be decoded, there is none", self.name)
        elif damaged:
            _log.warning("%s: %d damaged packets of sound became silence", self.name, damaged)


class _Mixer:
    """Resampler of one form of frames to planar floats at SAMPLE_RATE, mixed down by the weights of ITU-R BS.775.

    The weights of a channel that is left add up to 1: what is within range stays so, and equal channels keep their
    level. A plain resampler adds them up as they are, 3 dB too loud for stereo.
    """

    def __init__(self, frame: AudioFrame, layout: str) -> None:
        self._form = _form(frame)
        graph = Graph()
        source = graph.add_abuffer(
            sample_rate=frame.sample_rate, format=frame.format, layout=frame.layout.name, time_base=frame.time_base
        )
        mix = graph.add("aresample", "rematrix_maxval=1.0")
        target = graph.add("aformat", f"sample_fmts=fltp:channel_layouts={layout}:sample_rates={SAMPLE_RATE}")
        sink = graph.add("abuffersink")
        for one, other in ((source, mix), (mix, target), (target, sink)):
            one.link_to(other)
        graph.configure()
        self._graph = graph

    def takes(self, frame: AudioFrame) -> bool:
        """Whether frames of this form were announced."""
        return _form(frame) == self._form

    def push(self, frame: AudioFrame | None) -> Iterator[AudioFrame]:
        """Frames that are ready; all that are left after None."""
        self._graph.push(frame)
        with contextlib.suppress(av.error.BlockingIOError, av.error.EOFError):
            while True:
                out = self._graph.pull()
                assert isinstance(out, AudioFrame), "the graph is one of audio"
                yield out


def _form(frame: AudioFrame) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


def opus_encoder(bitrate: int, channels: int, frame_ms: int, **options: str) -> tuple[AudioCodecContext, OpusTrack]:
    """An encoder of packets of one duration, and its track. options: of FFmpeg's libopus, beside those that are always
    set. ConfigError for a bitrate or a duration that is not offered.
    """
    if not MIN_BITRATE <= bitrate <= MAX_BITRATE:
        raise ConfigError(f"audio bitrate is {bitrate} bit/s, allowed are {MIN_BITRATE} to {MAX_BITRATE}")
    if frame_ms not in FRAME_MS:
        raise ConfigError(f"audio frame is {frame_ms} ms, allowed are {', '.join(map(str, FRAME_MS))}")
    track = OpusTrack(channels=channels, bitrate=bitrate)
    encoder = av.CodecContext.create("libopus", "w")
    assert isinstance(encoder, AudioCodecContext)
    encoder.sample_rate = SAMPLE_RATE
    encoder.layout = track.layout
    encoder.format = "flt"
    encoder.bit_rate = bitrate
    encoder.options = {"frame_duration": str(frame_ms), "application": "voip", "vbr": "constrained", **options}
    encoder.open()
    # Bytes 10 and 11 of the Opus identification header (RFC 7845, section 5.1).
    pre_skip = int.from_bytes((encoder.extradata or bytes(12))[10:12], "little")
    return encoder, OpusTrack(channels=channels, pre_skip=pre_skip, bitrate=bitrate)


def audio_frame(samples: Samples, layout: str) -> AudioFrame:
    """Samples in the packed order that the Opus encoder takes."""
    packed = np.ascontiguousarray(samples.T.reshape(1, -1))
    frame = AudioFrame.from_ndarray(packed, format="flt", layout=layout)
    frame.sample_rate = SAMPLE_RATE
    return frame


def opus_samples(data: bytes) -> int:
    """Length of an Opus packet at 48 kHz from its first byte (RFC 6716, section 3.1)."""
    if not data:
        return TICK_SAMPLES
    config, code = data[0] >> 3, data[0] & 3
    if config < 12:
        frame = (480, 960, 1920, 2880)[config % 4]
    elif config < 16:
        frame = (480, 960)[config % 2]
    else:
        frame = (120, 240, 480, 960)[config % 4]
    count = (1, 2, 2)[code] if code < 3 else (data[1] & 63 if len(data) > 1 else 1)
    return frame * count
