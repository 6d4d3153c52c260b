"""One pass of the encoder over a source whose shots and plan are known. In: a media file. Out: a whole stream."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from bcdcodec.bitstream.packet import AudioPayload, Packet, PacketKind
from bcdcodec.bitstream.records import AudioCodec, AudioInfo
from bcdcodec.bitstream.stats import StreamStats
from bcdcodec.bitstream.stream import StreamWriter
from bcdcodec.codec.encode.encoder import Encoder, EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.video.audio import OpusReader
from bcdcodec.video.reader import VideoReader
from bcdcodec.video.shots import Shot, frames_of_shots

#: Longest Opus frames that any bitrate takes: least overhead, and 60 ms are no delay for a file.
AUDIO_FRAME_MS = 60


@dataclass(frozen=True, slots=True)
class EncodeResult:
    """What was written: bits by category, seconds of video, the shots that were found, how many frames the limits left
    no room for (the picture before them stays), and the bits that the bitrate would have allowed beyond.
    """

    stats: StreamStats
    duration_s: float
    shots: list[Shot]
    skipped_frames: int
    unused_bits: int


def audio_info(source: str | Path, rate: Fraction, *, bitrate: int) -> AudioInfo | None:
    """How the sound of a media file is coded at a bitrate of Opus, None where it has none. Raises VideoError."""
    with VideoReader(source, rate) as reader, _open_sound(source, reader, bitrate=bitrate) as sound:
        if sound is None:
            return None
        return AudioInfo(
            codec=AudioCodec.OPUS,
            channels=sound.track.channels,
            sample_rate=48_000,
            pre_skip=sound.track.pre_skip,
            bitrate=sound.track.bitrate,
            frame_ticks=AUDIO_FRAME_MS // 20,
        )


def write_stream(
    source: str | Path,
    target: BinaryIO,
    shots: list[Shot],
    *,
    model: CodecModel,
    settings: EncodeSettings,
    crop: bool,
    progress: Callable[[int], None],
) -> EncodeResult:
    """Encode the shots of a source, with its sound where the settings have one. progress: frames done.

    Raises VideoError, RateError, ConfigError.
    """
    rate = settings.frame_rate or model.frame_rate
    total = sum(shot.frames for shot in shots)
    encoder, writer = Encoder(model, settings), StreamWriter(target)
    bitrate = None if settings.audio is None else settings.audio.bitrate
    with VideoReader(source, rate) as reader, _open_sound(source, reader, bitrate=bitrate) as sound:
        sink = Muxer(writer, encoder, sound, rate)
        for frame, shot, last in frames_of_shots(reader, shots):
            sink.write(encoder.push(frame, box=shot.box if crop else None))
            if last and frame.index + 1 < total:
                sink.write(encoder.new_shot())
            progress(frame.index + 1)
        sink.write(encoder.flush())
        sink.finish(float(total / rate))
    return EncodeResult(writer.stats, float(total / rate), shots, encoder.skipped_frames, encoder.unused_bits)


@contextlib.contextmanager
def _open_sound(source: str | Path, reader: VideoReader, *, bitrate: int | None) -> Iterator[OpusReader | None]:
    """The sound of the source that `reader` has open, as Opus; None where there is none, or none is wanted."""
    if bitrate is None or not reader.has_audio:
        yield None
        return
    with OpusReader(source, start_time=reader.start_time, bitrate=bitrate, frame_ms=AUDIO_FRAME_MS) as sound:
        yield sound


class Muxer:
    """Puts video packets and the sound that belongs between them into one stream."""

    def __init__(self, writer: StreamWriter, encoder: Encoder, sound: OpusReader | None, rate: Fraction) -> None:
        self._writer, self._encoder, self._sound, self._rate = writer, encoder, sound, rate
        self._started = False

    def write(self, packets: list[Packet]) -> None:
        """Write packets in order, each preceded by the sound up to its time."""
        if packets and not self._started:
            self._writer.write_header(self._encoder.header)
            self._started = True
        for packet in packets:
            self._write_sound(float(packet.timestamp / self._rate))
            self._put(packet)

    def finish(self, end_s: float) -> None:
        """The rest of the sound, and the END packet."""
        self._write_sound(end_s)
        self._writer.finish()

    def _write_sound(self, until_s: float) -> None:
        if self._sound is None:
            return
        due = list(self._sound.until(until_s))
        # One AUDIO packet for all that is due: framing is paid once.
        for start in range(0, len(due), 100):
            part = due[start : start + 100]
            payload = AudioPayload(tuple(packet.data for packet in part)).pack()
            self._put(Packet(PacketKind.AUDIO, 0, part[0].tick, payload))

    def _put(self, packet: Packet) -> None:
        self._writer.write(dataclasses.replace(packet, sequence=self._writer.next_sequence))
