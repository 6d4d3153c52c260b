"""Records inside header sections (spec section 3) as frozen dataclasses.

Every record has `pack` and `unpack`, and checks its values however it was made: BitstreamError for values out of range.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from typing import ClassVar, Self

from bcdcodec.bitstream.bits import ByteReader, pack_uvarint
from bcdcodec.errors import BitstreamError

MODEL_PIXELS = (64, 256)
MAX_RATE_TERM = 1_000_000
MIN_FRAME_RATE, MAX_FRAME_RATE = Fraction(1, 10), Fraction(240)
MAX_WINDOW_FRAMES = 64
MAX_CODE_BITS = 8
OPUS_SAMPLE_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)
#: An Opus packet holds at most 120 ms.
MAX_OPUS_TICKS = 6
MAX_AUDIO_BITRATE = 1_000_000
#: Flags in the coding of a content record: its data started in CONTENT_PART packets; it adds a reference to the shot.
IN_PARTS, ADDED = 0x80, 0x40
MAX_PARTS = 255
#: References of a shot that are kept at most, and the highest number of one.
MAX_REFERENCES, MAX_REFERENCE_NUMBER = 8, 0xFF


class CodingMode(IntEnum):
    """Entropy coding of motion codes (spec section 3.3). Ids are never reused."""

    #: Fixed length (entropy/packed.py).
    PACKED = 0
    #: Range coded with a static table per group (entropy/static.py).
    CODED = 1
    #: Range coded with an integer context model (entropy/context.py).
    CONTEXT = 2


class ContentCoding(IntEnum):
    """Coding of the data of a content record (spec section 3.4). Ids are never reused."""

    #: Integer levels, range coded (spec section 7.1).
    LEVELS = 0
    #: An AV1 still (spec section 7.2).
    PICTURE = 1
    #: Landmarks of the face, then an AV1 still (spec section 7.3).
    FACE = 2


class AudioCodec(IntEnum):
    """Codec of the audio (spec section 3.5). Ids are never reused."""

    OPUS = 1


def check_range(value: int, low: int, high: int, *, name: str) -> None:
    """Raise BitstreamError for a field outside its inclusive range."""
    if not low <= value <= high:
        raise BitstreamError(f"{name} is {value}, allowed are {low} to {high}")


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoInfo:
    """Geometry and timing of the video (spec section 3.2). width, height: of the source in pixels, as displayed."""

    width: int
    height: int
    model_pixels: int
    rate_num: int
    rate_den: int
    cropped: bool
    SIZES: ClassVar[struct.Struct] = struct.Struct(">HHH")

    def __post_init__(self) -> None:
        check_range(self.width, 1, 0xFFFF, name="source width")
        check_range(self.height, 1, 0xFFFF, name="source height")
        if self.model_pixels not in MODEL_PIXELS:
            raise BitstreamError(f"model picture is {self.model_pixels} pixels wide, allowed are {MODEL_PIXELS}")
        check_range(self.rate_num, 1, MAX_RATE_TERM, name="frame rate numerator")
        check_range(self.rate_den, 1, MAX_RATE_TERM, name="frame rate denominator")
        if not MIN_FRAME_RATE <= self.frame_rate <= MAX_FRAME_RATE:
            raise BitstreamError(f"frame rate is {self.frame_rate}, allowed are {MIN_FRAME_RATE} to {MAX_FRAME_RATE}")

    @property
    def frame_rate(self) -> Fraction:
        return Fraction(self.rate_num, self.rate_den)

    def pack(self) -> bytes:
        rate = pack_uvarint(self.rate_num) + pack_uvarint(self.rate_den)
        return self.SIZES.pack(self.width, self.height, self.model_pixels) + rate + bytes([self.cropped])

    @classmethod
    def unpack(cls, body: bytes) -> Self:
        reader = ByteReader.over(body)
        width, height, model_pixels = cls.SIZES.unpack(reader.take(cls.SIZES.size, name="VIDEO sizes"))
        rate_num = reader.uvarint(name="frame rate numerator", limit=MAX_RATE_TERM)
        rate_den = reader.uvarint(name="frame rate denominator", limit=MAX_RATE_TERM)
        flags = reader.uint(1, name="VIDEO flags")
        check_range(flags, 0, 1, name="VIDEO flags")
        reader.finish(name="VIDEO section")
        return cls(
            width=width,
            height=height,
            model_pixels=model_pixels,
            rate_num=rate_num,
            rate_den=rate_den,
            cropped=bool(flags),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CodingInfo:
    """Parameters of motion coding and decoding (spec section 3.3).

    window_frames: frames that are denoised together, context_frames of them decoded before; seed: of the noise.
    """

    mode: CodingMode
    groups: int
    bits_per_code: int
    seed: int
    window_frames: int
    context_frames: int
    WIRE: ClassVar[struct.Struct] = struct.Struct(">BBBIBB")

    def __post_init__(self) -> None:
        if self.mode not in tuple(CodingMode):
            raise BitstreamError(f"coding mode is {self.mode}, allowed are {[int(mode) for mode in CodingMode]}")
        check_range(self.groups, 1, 0xFF, name="groups")
        check_range(self.bits_per_code, 1, MAX_CODE_BITS, name="bits per code")
        check_range(self.seed, 0, 0xFFFF_FFFF, name="seed")
        check_range(self.window_frames, 1, MAX_WINDOW_FRAMES, name="window frames")
        check_range(self.context_frames, 0, self.window_frames - 1, name="context frames")

    def pack(self) -> bytes:
        return self.WIRE.pack(
            self.mode, self.groups, self.bits_per_code, self.seed, self.window_frames, self.context_frames
        )

    @classmethod
    def unpack(cls, body: bytes) -> Self:
        reader = ByteReader.over(body)
        mode, groups, bits, seed, window, context = cls.WIRE.unpack(reader.take(cls.WIRE.size, name="CODING section"))
        reader.finish(name="CODING section")
        check_range(mode, CodingMode.PACKED, CodingMode.CONTEXT, name="coding mode")
        return cls(
            mode=CodingMode(mode),
            groups=groups,
            bits_per_code=bits,
            seed=seed,
            window_frames=window,
            context_frames=context,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentRecord:
    """A reference: appearance of a shot (spec section 3.4). x, y, size: crop square in source pixels, which may leave
    the picture.

    data: levels (entropy/content.py), a still (video/still.py), or landmarks and a still (bitstream/face.py).
    parts: number of CONTENT_PART packets with the start of the data, which `references.ContentAssembler` joins.
    number: 0 begins a shot, all others are added to it in ascending order; drops: the one of the shot that is dropped
    for this one, 0 for none.
    """

    x: int
    y: int
    size: int
    coding: ContentCoding
    data: bytes
    parts: int = 0
    number: int = 0
    drops: int = 0
    WIRE: ClassVar[struct.Struct] = struct.Struct(">hhHB")

    def __post_init__(self) -> None:
        check_range(self.x, -0x8000, 0x7FFF, name="crop x")
        check_range(self.y, -0x8000, 0x7FFF, name="crop y")
        check_range(self.size, 0, 0xFFFF, name="crop size")
        check_range(self.parts, 0, MAX_PARTS, name="content parts")
        check_range(self.number, 0, MAX_REFERENCE_NUMBER, name="number of a reference")
        check_range(self.drops, 0, max(0, self.number - 1), name=f"reference that number {self.number} drops")
        if self.coding not in tuple(ContentCoding):
            raise BitstreamError(f"content coding is {self.coding}, allowed are {[int(c) for c in ContentCoding]}")

    def pack(self) -> bytes:
        coding = self.coding | (IN_PARTS if self.parts else 0) | (ADDED if self.number else 0)
        added = bytes([self.number, self.drops]) if self.number else b""
        count = pack_uvarint(self.parts) if self.parts else b""
        return self.WIRE.pack(self.x, self.y, self.size, coding) + added + count + self.data

    @classmethod
    def unpack(cls, body: bytes) -> Self:
        reader = ByteReader.over(body)
        x, y, size, coding = cls.WIRE.unpack(reader.take(cls.WIRE.size, name="content record"))
        flags, coding = coding & (IN_PARTS | ADDED), coding & ~(IN_PARTS | ADDED)
        check_range(coding, ContentCoding.LEVELS, ContentCoding.FACE, name="content coding")
        number = drops = parts = 0
        if flags & ADDED:
            number, drops = (
                reader.uint(1, name="number of a reference"),
                reader.uint(1, name="reference that is dropped"),
            )
            check_range(number, 1, MAX_REFERENCE_NUMBER, name="number of a reference that is added")
        if flags & IN_PARTS:
            parts = reader.uvarint(name="content parts", limit=MAX_PARTS)
            check_range(parts, 1, MAX_PARTS, name="content parts")
        return cls(
            x=x,
            y=y,
            size=size,
            coding=ContentCoding(coding),
            data=reader.rest(),
            parts=parts,
            number=number,
            drops=drops,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioInfo:
    """Parameters of the audio (spec section 3.5).

    pre_skip: samples at 48 kHz to discard at the start; bitrate: requested, in bit/s; frame_ticks: duration of an Opus
    packet in units of 20 ms.
    """

    codec: AudioCodec
    channels: int
    sample_rate: int
    pre_skip: int
    bitrate: int
    frame_ticks: int
    WIRE: ClassVar[struct.Struct] = struct.Struct(">BBIHIB")

    def __post_init__(self) -> None:
        if self.codec not in tuple(AudioCodec):
            raise BitstreamError(f"audio codec is {self.codec}, allowed are {[int(codec) for codec in AudioCodec]}")
        check_range(self.channels, 1, 2, name="audio channels")
        if self.sample_rate not in OPUS_SAMPLE_RATES:
            raise BitstreamError(f"audio sample rate is {self.sample_rate}, allowed are {OPUS_SAMPLE_RATES}")
        check_range(self.pre_skip, 0, 0xFFFF, name="audio pre-skip")
        check_range(self.bitrate, 1, MAX_AUDIO_BITRATE, name="audio bitrate")
        check_range(self.frame_ticks, 1, MAX_OPUS_TICKS, name="audio frame ticks")

    def pack(self) -> bytes:
        return self.WIRE.pack(
            self.codec, self.channels, self.sample_rate, self.pre_skip, self.bitrate, self.frame_ticks
        )

    @classmethod
    def unpack(cls, body: bytes) -> Self:
        reader = ByteReader.over(body)
        codec, channels, rate, pre_skip, bitrate, ticks = cls.WIRE.unpack(
            reader.take(cls.WIRE.size, name="AUDIO section")
        )
        reader.finish(name="AUDIO section")
        check_range(codec, AudioCodec.OPUS, AudioCodec.OPUS, name="audio codec")
        return cls(
            codec=AudioCodec(codec),
            channels=channels,
            sample_rate=rate,
            pre_skip=pre_skip,
            bitrate=bitrate,
            frame_ticks=ticks,
        )
