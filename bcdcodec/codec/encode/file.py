"""Whole files: video -> .bcd and .bcd -> video. In: paths or file objects. Out: files, complete or not there at all.

Wires video/, codec/ and bitstream/ together; the path of a frame is encode_file -> Encoder -> StreamWriter and back.
"""

import contextlib
import dataclasses
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import numpy as np

from bcdcodec.atomic import open_input, open_output
from bcdcodec.bitstream.packet import AudioPayload, Packet, PacketKind
from bcdcodec.bitstream.records import AudioInfo
from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.codec.decode.concealment import Concealer
from bcdcodec.codec.decode.decoder import DecodedFrame, Decoder
from bcdcodec.codec.encode.encoder import Encoder, EncodeSettings
from bcdcodec.codec.encode.first_pass import plan_encode
from bcdcodec.codec.encode.muxer import EncodeResult, audio_info, write_stream
from bcdcodec.codec.model import CodecModel
from bcdcodec.config import SamplingConfig
from bcdcodec.errors import BitstreamError
from bcdcodec.frame import Frame
from bcdcodec.model.content import Content
from bcdcodec.ratecontrol.budget import GRACE_S
from bcdcodec.ratecontrol.plan import FilePlan
from bcdcodec.video.audio import OpusPacket, OpusTrack
from bcdcodec.video.crop import largest_square, paste
from bcdcodec.video.reader import VideoReader
from bcdcodec.video.shots import plan_shots
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
#: A file that leaves more than this share of its bitrate unused is coded again with larger pictures, so often at most:
#: motion needs less where pictures are better, which is known only afterwards. A percent is promised, of which what is
#: held back for the END packet may take a third at the lowest bitrates.
MOST_UNUSED, MOST_AGAIN = 0.006, 3


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
    where there is no limit to keep to, more of the second where what it finds changes what is to be coded (more
    contents, smaller packets, half the frames), and another third where a long file came out too small. progress
    counts frames of the second pass and on.

    Without a frame rate in the settings it is the model's, or half of it where the bitrate is too low for that; before
    that, frames carry fewer codes, where the settings do not say how many.
    Raises VideoError, FaceError, RateError, ConfigError.
    """
    settings = settings or EncodeSettings()
    rate = settings.frame_rate or model.frame_rate
    crop = model.follows_faces if crop is None else crop
    Encoder(model, settings)  # refuses settings that cannot work before minutes are spent on the shots
    shots = plan_shots(source, rate, crop=crop)
    settings = dataclasses.replace(
        settings,
        content_windows=max(settings.content_windows, CONTENT_WINDOWS),
        audio=None if audio_bitrate is None else audio_info(source, rate, bitrate=audio_bitrate),
        plate=_plate(source, rate) if plate else None,
    )
    settings, shots = plan_encode(source, shots, model=model, settings=settings, crop=crop, progress=progress)

    def write(file: BinaryIO, settings: EncodeSettings, done: int) -> EncodeResult:
        total = done + sum(shot.frames for shot in shots)
        return write_stream(
            source,
            file,
            shots,
            model=model,
            settings=settings,
            crop=crop,
            progress=lambda frames: progress(done + frames, total),
        )

    with open_output(target) as output:
        if settings.plan is None:
            return write(output, settings, 0)
        passed = sum(shot.frames for shot in shots)
        with tempfile.TemporaryFile() as draft:
            result = write(draft, settings, passed)
            for again in range(MOST_AGAIN):
                larger = _larger_plan(settings, result)
                if larger is None:
                    break
                draft.seek(0)
                draft.truncate()
                settings = dataclasses.replace(settings, plan=larger)
                result = write(draft, settings, (2 + again) * passed)
            draft.seek(0)
            shutil.copyfileobj(draft, output)
    return result


def _larger_plan(settings: EncodeSettings, result: EncodeResult) -> FilePlan | None:
    """A plan with larger pictures for a long file that came out too small, all motion at its best; else None."""
    assert settings.plan is not None and settings.bitrate is not None, "only a bitrate is planned for"
    if result.duration_s < GRACE_S or result.unused_bits <= MOST_UNUSED * settings.bitrate * result.duration_s:
        return None
    return settings.plan.enlarged(result.unused_bits)


def decode_file(
    source: str | Path | BinaryIO,
    target: str | Path | BinaryIO,
    *,
    model: CodecModel,
    sampling: SamplingConfig | None = None,
    seed: int | None = None,
    paste_back: bool = False,
    content: Content | None = None,
    batch_segments: int = 1,
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
        reader = StreamReader(stack.enter_context(open_input(source)), tolerate_loss=concealer is not None)
        header = reader.header
        decoder = Decoder(
            model,
            header,
            sampling=sampling,
            seed=seed,
            content=content,
            batch_segments=batch_segments,
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
            VideoWriter(target, width, height, rate=header.video.frame_rate * decoder.frame_multiplier, audio=track)
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
        header.video.frame_rate * decoder.frame_multiplier,
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


def _plate(source: str | Path, rate: Fraction) -> bytes:
    """A small still of the first picture."""
    with VideoReader(source, rate) as reader:
        return encode_plate(next(iter(reader)))


def _background(plate: bytes | None, width: int, height: int) -> Frame:
    """The stream's plate, or plain grey."""
    if plate is not None:
        return decode_plate(plate, width, height)
    return Frame(pixels=np.full((height, width, 3), PLAIN_GREY, np.uint8), index=0)
