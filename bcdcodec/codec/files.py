"""Whole files: video -> .bcd and .bcd -> video. In: paths or file objects. Out: files, complete or not there at all.

Wires video/, codec/ and bitstream/ together; the path of a frame is encode_file -> Encoder -> StreamWriter and back.
"""

import contextlib
import dataclasses
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import numpy as np

from bcdcodec.bitstream.packet import AudioPayload, Packet, PacketKind
from bcdcodec.bitstream.records import AudioCodec, AudioInfo
from bcdcodec.bitstream.stats import StreamStats
from bcdcodec.bitstream.stream import StreamReader, StreamWriter
from bcdcodec.codec.conceal import Concealer
from bcdcodec.codec.decoder import DecodedFrame, Decoder
from bcdcodec.codec.encoder import Encoder, EncodeSettings
from bcdcodec.codec.ends import open_input, open_output
from bcdcodec.codec.model import CodecModel
from bcdcodec.codec.survey import plan_encode
from bcdcodec.config import SamplingConfig
from bcdcodec.errors import BitstreamError
from bcdcodec.frame import Frame
from bcdcodec.model.content import Content
from bcdcodec.video.audio import OpusPacket, OpusReader, OpusTrack
from bcdcodec.video.crop import largest_square, paste
from bcdcodec.video.reader import VideoReader
from bcdcodec.video.shots import Shot, frames_of_shots, plan_shots
from bcdcodec.video.still import decode_plate, encode_plate
from bcdcodec.video.writer import VideoWriter

logger = logging.getLogger(__name__)
#: (frames done, frames in all or None when unknown)
Progress = Callable[[int, int | None], None]
PLAIN_GREY = 64
#: Largest picture that a head is pasted back into (8K is 33 million).
MAX_PASTE_PIXELS = 1 << 25
#: Windows of a shot that a content is chosen from, at least: what would be delay in a call is only memory here.
CONTENT_WINDOWS = 12
#: Longest Opus frames that any bitrate takes: least overhead, and 60 ms are no delay for a file.
AUDIO_FRAME_MS = 60


@dataclass(frozen=True, slots=True)
class EncodeResult:
    """What was written: bits by category, seconds of video, the shots that were found, and how many frames the limits
    left no room for (the picture before them stays).
    """

    stats: StreamStats
    duration_s: float
    shots: list[Shot]
    held_frames: int


@dataclass(frozen=True, slots=True)
class DecodeResult:
    """frames written, frame_rate of the video; damage: why the rest of a damaged stream is missing (only with
    keep_damaged), else None. Only with a concealer: packets lost, and how many of the frames are predicted.
    """

    frames: int
    frame_rate: Fraction
    damage: str | None
    lost: int = 0
    predicted: int = 0


def encode_file(
    source: str | Path,
    target: str | Path | BinaryIO,
    *,
    model: CodecModel,
    settings: EncodeSettings | None = None,
    crop: bool | None = None,
    audio_bitrate: int | None = 6000,
    plate: bool = False,
    progress: Progress = lambda done, total: None,
) -> EncodeResult:
    """Encode a media file. crop: follow the face, or code the largest centred square without looking for one; None
    leaves that to the model (`CodecModel.follows_faces`).

    audio_bitrate: bit/s of Opus, None leaves the sound out. plate: keep a small still of the whole first picture for
    `decode_file(paste_back=True)`. Three passes over the source (shots, what they need, codes), constant memory; two
    where there is no limit to keep to, and more of the second where what it finds changes what is to be
    coded (more contents, smaller packets, half the frames). progress counts frames of such a pass and the last.

    Without a frame rate in the settings it is the model's, or half of it where the bitrate is too low for that.
    Raises VideoError, FaceError, RateError, ConfigError.
    """
    settings = settings or EncodeSettings()
    rate = settings.frame_rate or model.frame_rate
    crop = model.follows_faces if crop is None else crop
    Encoder(model, settings)  # refuses settings that cannot work before minutes are spent on the shots
    shots = plan_shots(source, rate, crop=crop)
    with contextlib.ExitStack() as stack:
        sound = None
        with VideoReader(source, rate) as reader:
            if audio_bitrate is not None and reader.has_audio:
                sound = stack.enter_context(
                    OpusReader(source, start_time=reader.start_time, bitrate=audio_bitrate, frame_ms=AUDIO_FRAME_MS)
                )
            settings = dataclasses.replace(
                settings,
                content_windows=max(settings.content_windows, CONTENT_WINDOWS),
                audio=None if sound is None else _audio_info(sound.track),
                plate=encode_plate(next(iter(reader))) if plate else None,
            )
        settings, shots = plan_encode(source, shots, model=model, settings=settings, crop=crop, progress=progress)
        rate = settings.frame_rate or model.frame_rate
        total = sum(shot.frames for shot in shots)
        duration_s = float(total / rate)
        encoder = Encoder(model, settings)
        writer = StreamWriter(stack.enter_context(open_output(target)))
        sink = _PacketSink(writer, encoder, sound, rate)
        done = 0 if settings.plan is None else total
        with VideoReader(source, rate) as reader:
            for frame, shot, last in frames_of_shots(reader, shots):
                sink.write(encoder.push(frame, box=shot.box if crop else None))
                if last and frame.index + 1 < total:
                    sink.write(encoder.new_shot())
                progress(done + frame.index + 1, done + total)
        sink.write(encoder.flush())
        sink.finish(duration_s)
    return EncodeResult(writer.stats, duration_s, shots, encoder.held_frames)


def decode_file(
    source: str | Path | BinaryIO,
    target: str | Path | BinaryIO,
    *,
    model: CodecModel,
    sampling: SamplingConfig | None = None,
    seed: int | None = None,
    paste_back: bool = False,
    content: Content | None = None,
    parallel_chains: int = 1,
    keep_damaged: bool = False,
    concealer: Concealer | None = None,
    progress: Progress = lambda done, total: None,
) -> DecodeResult:
    """Decode a stream to a video of the model's size, or of the source's size with the head pasted back.

    keep_damaged: write what comes before the damage instead of raising BitstreamError and writing nothing. concealer:
    reading goes on after lost and damaged packets, and it fills the frames that they held.
    content: of another video (motion transfer). Raises BitstreamError, ConfigError (other weights),
    VideoError.
    """
    with contextlib.ExitStack() as stack:
        reader = StreamReader(stack.enter_context(open_input(source)), lossy=concealer is not None)
        header = reader.header
        decoder = Decoder(
            model,
            header,
            sampling=sampling,
            seed=seed,
            content=content,
            parallel_chains=parallel_chains,
            concealer=concealer,
        )
        track = None
        if header.audio is not None:
            track = OpusTrack(
                channels=header.audio.channels, pre_skip=header.audio.pre_skip, bitrate=header.audio.bitrate
            )
        side = header.video.model_pixels
        width, height = (header.video.width, header.video.height) if paste_back else (side, side)
        if width * height > MAX_PASTE_PIXELS:
            raise BitstreamError(f"source is {width}x{height}, more than {MAX_PASTE_PIXELS} pixels are not pasted into")
        background = _background(header.plate, width, height) if paste_back else None
        output = stack.enter_context(
            VideoWriter(target, width, height, rate=header.video.frame_rate * decoder.pace, audio=track)
        )
        done, predicted, damage = 0, 0, None
        for packet, frames, damage in _decoded(reader, decoder):
            for frame in frames:
                box = frame.box if header.video.cropped else largest_square(width, height)
                output.write(frame if background is None else paste(background, frame, box))
                done += 1
                predicted += frame.predicted
                progress(done, None)
            if damage is not None and (not keep_damaged or not done):
                raise damage
            if packet is not None and packet.kind == PacketKind.AUDIO and header.audio is not None:
                output.write_audio(opus_packets(packet, header.audio))
    if damage is not None:
        logger.warning("damaged stream: %s", damage)
    return DecodeResult(
        done,
        header.video.frame_rate * decoder.pace,
        None if damage is None else str(damage),
        reader.lost,
        predicted,
    )


def _decoded(
    reader: StreamReader, decoder: Decoder
) -> Iterator[tuple[Packet | None, list[DecodedFrame], BitstreamError | None]]:
    """Each packet with the frames it completes; at the end or at damage no packet, the last frames, and the damage."""
    while True:
        try:
            packet = next(reader, None)
            if packet is not None:
                frames = decoder.push(packet)
            else:
                frames = decoder.conceal(reader.motion_tick) if reader.lost else []
                frames += decoder.flush()
        except BitstreamError as error:
            yield None, decoder.flush(), error
            return
        yield packet, frames, None
        if packet is None:
            return


def opus_packets(packet: Packet, audio: AudioInfo) -> Iterator[OpusPacket]:
    """The Opus packets inside an AUDIO packet, each with its own start tick."""
    for i, data in enumerate(AudioPayload.unpack(packet.payload).frames):
        yield OpusPacket(tick=packet.timestamp + i * audio.frame_ticks, data=data)


class _PacketSink:
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


def _audio_info(track: OpusTrack) -> AudioInfo:
    return AudioInfo(
        codec=AudioCodec.OPUS,
        channels=track.channels,
        sample_rate=48_000,
        pre_skip=track.pre_skip,
        bitrate=track.bitrate,
        frame_ticks=AUDIO_FRAME_MS // 20,
    )


def _background(plate: bytes | None, width: int, height: int) -> Frame:
    """The stream's plate, or plain grey."""
    if plate is not None:
        return decode_plate(plate, width, height)
    return Frame(pixels=np.full((height, width, 3), PLAIN_GREY, np.uint8), index=0)
