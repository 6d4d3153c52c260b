"""One still picture <-> AV1 bytes (spec section 3.8): content pictures and the background plate. In: uint8 RGB."""

import functools
import hashlib
import os
from dataclasses import dataclass, field
from fractions import Fraction

import av
import numpy as np
from av import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from bcdcodec.errors import RateError, VideoError
from bcdcodec.frame import Frame
from bcdcodec.video.color import ONE_THREAD, SCALING
from bcdcodec.video.crop import scale
from bcdcodec.video.media import reason
from bcdcodec.video.obu import MAX_STILL_SIDE, still_size
from bcdcodec.video.scheduling import preserve_scheduling

#: The encoder takes no smaller sides.
MIN_STILL_SIDE = 4
#: Quantiser range of the encoder, in its steps: a quarter is a hundredth of the size, which falls as it rises.
_STEPS, _MIN_CRF, _MAX_CRF = 4, 1, 63
#: lp: one thread, so that the same picture gives the same bytes. avif: tools and headers for a lone key frame.
_PARAMETERS = "lp=1:avif=1"
#: Effort of the encoder: at equal size the fast one loses half a decibel and takes a twelfth of the time.
_BEST, _FAST = "2", "6"
#: The stream stays untagged but for the range, since the spec fixes the matrix; a tag would cost 24 bits.
_MATRIX, _RANGE = Colorspace.ITU601, ColorRange.JPEG
_PIXEL_FORMAT = "yuv420p"

#: Encodings that are kept: passes over a file ask for the same pictures in the same order. Fifteen
#: minutes of contents, at most 40 MB.
_KEPT = 2048

#: The plate is background, out of focus as a rule: 2 kB hold 320x180 at 37 dB and more.
PLATE_BITS = 16_000


def encode_still(pixels: NDArray[np.uint8], *, budget_bits: int, fast: bool = False) -> bytes:
    """The best AV1 still of a picture [H, W, 3] in at most budget_bits; about eight encodings of 0.1 s at 256x256.

    fast: for thousands of pictures, as training makes them.

    Raises VideoError (a side outside MIN_STILL_SIDE to MAX_STILL_SIDE), RateError.
    """
    height, width = pixels.shape[:2]
    if not MIN_STILL_SIDE <= min(width, height) <= max(width, height) <= MAX_STILL_SIDE:
        raise VideoError(f"still is {width}x{height}, allowed are sides of {MIN_STILL_SIDE} to {MAX_STILL_SIDE}")
    digest = hashlib.blake2b(pixels.tobytes(), digest_size=16).digest()
    picture = _Picture(width, height, digest, _to_yuv(pixels))
    best = None
    low, high = _STEPS * _MIN_CRF, _STEPS * _MAX_CRF
    while low <= high:
        step = (low + high) // 2
        data = _encode(picture, step / _STEPS, _FAST if fast else _BEST)
        if 8 * len(data) <= budget_bits:
            best, high = data, step - 1
        else:
            low = step + 1
    if best is None:  # the search ended at _MAX_CRF
        raise RateError(f"still of {width}x{height} needs {8 * len(data)} bits, the budget is {budget_bits}")
    return best


def decode_still(data: bytes) -> NDArray[np.uint8]:
    """The picture [H, W, 3] of at most MAX_STILL_SIDE a side; VideoError if the bytes are no still."""
    width, height = still_size(data)
    try:
        decoder = av.CodecContext.create("libdav1d", "r")
        assert isinstance(decoder, av.VideoCodecContext), "AV1 is video"
        decoder.thread_count = 1
        decoder.options = {"max_pixels": str(MAX_STILL_SIDE**2)}
        frames = decoder.decode(av.Packet(data)) + decoder.decode(None)
    except (av.error.FFmpegError, ValueError) as error:
        raise VideoError(f"AV1 still cannot be decoded: {reason(error)}") from error
    found = [(frame.width, frame.height, frame.format.name) for frame in frames]
    if found != [(width, height, _PIXEL_FORMAT)]:
        raise VideoError(f"AV1 still decodes to {found}, its header says one {_PIXEL_FORMAT} of {width}x{height}")
    return _to_rgb(frames[0])


def encode_plate(frame: Frame) -> bytes:
    """A small still of the whole picture, for a PLATE section."""
    side = MAX_STILL_SIDE
    while True:
        try:
            return encode_still(_shrink(frame, side), budget_bits=PLATE_BITS)
        except RateError:  # a picture of hard edges everywhere: fewer pixels of it
            side //= 2


def decode_plate(data: bytes, width: int, height: int) -> Frame:
    """The plate scaled to the source's size; VideoError if the bytes are no still."""
    return Frame(pixels=scale(decode_still(data), width, height), index=0)


def _shrink(frame: Frame, side: int) -> NDArray[np.uint8]:
    """At most `side` pixels on the longer side, never fewer than the encoder takes."""
    factor = min(1.0, side / max(frame.width, frame.height))
    width, height = (max(MIN_STILL_SIDE, round(length * factor)) for length in (frame.width, frame.height))
    return scale(frame.pixels, width, height)


@dataclass(frozen=True, slots=True)
class _Picture:
    """What is encoded, alike if it has the same size and digest."""

    width: int
    height: int
    digest: bytes
    frame: VideoFrame = field(compare=False)


@functools.lru_cache(maxsize=_KEPT)
def _encode(picture: _Picture, crf: float, preset: str) -> bytes:
    # The encoder reports its settings on stderr; this variable, read once a process, is its only switch. 1: errors.
    os.environ.setdefault("SVT_LOG", "1")
    try:
        with preserve_scheduling():
            encoder = av.CodecContext.create("libsvtav1", "w")
            encoder.width, encoder.height = picture.width, picture.height
            encoder.pix_fmt, encoder.color_range = _PIXEL_FORMAT, _RANGE
            encoder.time_base = Fraction(1, 25)
            encoder.options = {"preset": preset, "svtav1-params": f"{_PARAMETERS}:crf={crf:g}"}
            packets = encoder.encode(picture.frame) + encoder.encode(None)
    except (av.error.FFmpegError, ValueError) as error:
        raise VideoError(f"AV1 still cannot be encoded: {reason(error)}") from error
    return b"".join(bytes(packet) for packet in packets)


def _to_yuv(pixels: NDArray[np.uint8]) -> VideoFrame:
    return VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24").reformat(
        format=_PIXEL_FORMAT,
        src_color_range=ColorRange.JPEG,
        dst_colorspace=_MATRIX,
        dst_color_range=_RANGE,
        interpolation=SCALING,
        threads=ONE_THREAD,
    )


def _to_rgb(picture: VideoFrame) -> NDArray[np.uint8]:
    converted = picture.reformat(
        format="rgb24",
        src_colorspace=_MATRIX,
        src_color_range=_RANGE,
        dst_color_range=ColorRange.JPEG,
        interpolation=SCALING,
        threads=ONE_THREAD,
    )
    return np.ascontiguousarray(converted.to_ndarray(), dtype=np.uint8)
