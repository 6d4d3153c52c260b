"""Decode a `.bcd` stream to a media file, or to frames."""

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import numpy as np

from bcdcodec.atomic import open_input
from bcdcodec.bitstream.packet import AudioPayload, Packet, PacketKind
from bcdcodec.bitstream.records import AudioInfo
from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.codec.decode.backend import DecodingModel
from bcdcodec.codec.decode.decoder import DecodedFrame, Decoder
from bcdcodec.codec.decode.settings import DecodeSettings
from bcdcodec.codec.progress import FileProgress
from bcdcodec.errors import BitstreamError
from bcdcodec.frame import Frame
from bcdcodec.video.audio import OpusPacket, OpusTrack
from bcdcodec.video.crop import largest_square, paste
from bcdcodec.video.still import decode_plate
from bcdcodec.video.writer import VideoWriter

logger = logging.getLogger(__name__)
PLAIN_GRAY = 64
#: Largest picture that a head is pasted back into (8K is 33 million).
MAX_PASTE_PIXELS = 1 << 25


@dataclass(frozen=True, slots=True)
class DecodeResult:
    """frames written, frame_rate and length of the video, in which frames that were held are not written; damage: why
    the rest of a damaged stream is missing (only with keep_damaged), else None. Only with a concealer: packets lost,
    and how many of the frames are concealed.
    """

    frames: int
    frame_rate: Fraction
    duration_s: float
    damage: str | None
    lost: int = 0
    concealed: int = 0


def iter_frames(reader: StreamReader, decoder: Decoder) -> Iterator[DecodedFrame]:
    """Decode all frames of a stream, in order. Raises BitstreamError at damage."""
    for _, frames, damage in _iter_packets(reader, decoder):
        yield from frames
        if damage is not None:
            raise damage


def decode_file(
    source: str | Path | BinaryIO,
    target: str | Path | BinaryIO,
    *,
    model: DecodingModel,
    settings: DecodeSettings | None = None,
    paste_back: bool = False,
    keep_damaged: bool = False,
    progress: FileProgress = lambda done, total: None,
) -> DecodeResult:
    """Decode a stream to a video of the model's size, or of the source's size with the head pasted back.

    keep_damaged: write what comes before the damage instead of raising BitstreamError and writing nothing. With a
    concealer in the settings reading goes on after lost and damaged packets, and it fills their frames.
    Raises BitstreamError, ConfigError (other weights), VideoError.
    """
    settings = settings or DecodeSettings()
    with contextlib.ExitStack() as stack:
        reader = StreamReader(stack.enter_context(open_input(source)), tolerate_loss=settings.concealer is not None)
        header = reader.header
        decoder = Decoder(model, header, settings)
        track = None if header.audio is None else opus_track(header.audio)
        side, rate = header.video.model_pixels, header.video.frame_rate * decoder.frame_multiplier
        width, height = (header.video.width, header.video.height) if paste_back else (side, side)
        if width * height > MAX_PASTE_PIXELS:
            raise BitstreamError(f"source is {width}x{height}, more than {MAX_PASTE_PIXELS} pixels are not pasted into")
        if paste_back and header.plate is None:
            logger.warning("the stream keeps no background, surroundings are gray; `bcd encode --background` keeps one")
        background = _background(header.plate, width, height) if paste_back else None
        output = stack.enter_context(VideoWriter(target, width, height, rate=rate, audio=track))
        done, concealed, damage = 0, 0, None
        last: Frame | None = None
        for packet, frames, damage in _iter_packets(reader, decoder):
            for frame in frames:
                box = frame.box if header.video.cropped else largest_square(width, height)
                last = frame if background is None else paste(background, frame, box)
                output.write(last)
                done += 1
                concealed += frame.concealed
                progress(done, None)
            if damage is not None and (not keep_damaged or not done):
                raise damage
            if packet is not None and packet.kind == PacketKind.AUDIO and header.audio is not None:
                output.write_audio(opus_packets(packet, header.audio))
        end, stream_end = 0 if last is None else last.index + 1, reader.motion_tick * decoder.frame_multiplier
        if last is not None and damage is None and stream_end - end >= decoder.frame_multiplier:
            # The last picture stays until the end of the stream, whose last frame shows it again.
            output.write(Frame(pixels=last.pixels, index=stream_end - 1))
            done, end = done + 1, stream_end
    if damage is not None:
        logger.warning("damaged stream: %s", damage)
    return DecodeResult(done, rate, float(end / rate), None if damage is None else str(damage), reader.lost, concealed)


def _iter_packets(
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


def opus_track(audio: AudioInfo) -> OpusTrack:
    """The track of a file that gets the audio of a stream as it is."""
    return OpusTrack(channels=audio.channels, pre_skip=audio.pre_skip, bitrate=audio.bitrate)


def opus_packets(packet: Packet, audio: AudioInfo) -> Iterator[OpusPacket]:
    """Unpack the Opus packets of an AUDIO packet, each with its own start tick."""
    for i, data in enumerate(AudioPayload.unpack(packet.payload).frames):
        yield OpusPacket(tick=packet.timestamp + i * audio.frame_ticks, data=data)


def _background(plate: bytes | None, width: int, height: int) -> Frame:
    """The stream's background still, or plain grey."""
    if plate is not None:
        return decode_plate(plate, width, height)
    return Frame(pixels=np.full((height, width, 3), PLAIN_GRAY, np.uint8), index=0)
