"""JPEG pictures for browsers: to show what was decoded, and to take what their camera sees."""

import struct
from fractions import Fraction

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import ColorRange, Colorspace

from bcdcodec.errors import VideoError
from bcdcodec.video.color import ONE_THREAD, SCALING, Pixels, to_rgb
from bcdcodec.video.media import reason

#: Quantiser scale of pictures that are written, 1 (finest) to 31: losses that are not seen beside the codec's.
QUALITY = 3
#: Markers of a frame header: all kinds of JPEG but differential and arithmetic ones, of which no browser writes any.
_FRAME_HEADERS = {0xC0, 0xC1, 0xC2}
_START, _SCAN = b"\xff\xd8", 0xDA


def encode_jpeg(pixels: Pixels) -> bytes:
    """A JPEG file of a picture uint8 [H, W, 3]."""
    codec = VideoCodecContext.create("mjpeg", "w")
    codec.height, codec.width = pixels.shape[:2]
    codec.pix_fmt, codec.time_base = "yuvj444p", Fraction(1)
    codec.color_range = ColorRange.JPEG
    codec.options = {"flags": "+qscale", "global_quality": str(QUALITY * 118), "strict": "unofficial"}
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24").reformat(
        format="yuvj444p",
        dst_colorspace=Colorspace.ITU601,
        dst_color_range=ColorRange.JPEG,
        interpolation=SCALING,
        threads=ONE_THREAD,
    )
    frame.pts = 0
    return b"".join(bytes(packet) for packet in [*codec.encode(frame), *codec.encode(None)])


def decode_jpeg(data: bytes, *, most_pixels: int) -> Pixels:
    """The picture of a JPEG file, uint8 [H, W, 3]. VideoError for one that is malformed, or has more pixels."""
    width, height = jpeg_size(data)
    if width * height > most_pixels:
        raise VideoError(f"JPEG picture is {width}x{height}, allowed are {most_pixels} pixels in all")
    codec = VideoCodecContext.create("mjpeg", "r")
    try:
        frames = [*codec.decode(av.Packet(data)), *codec.decode(None)]
    except av.error.FFmpegError as error:
        raise VideoError(f"JPEG picture cannot be decoded: {reason(error)}") from error
    if len(frames) != 1 or (frames[0].width, frames[0].height) != (width, height):
        raise VideoError(f"JPEG file has {len(frames)} pictures of its size, needs 1")
    return to_rgb(frames[0], width, height)


def jpeg_size(data: bytes) -> tuple[int, int]:
    """Width and height of a JPEG file, by its header alone. VideoError where it has none."""
    at = len(_START)
    while data.startswith(_START) and at + 9 <= len(data) and data[at] == 0xFF and data[at + 1] != _SCAN:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker in _FRAME_HEADERS:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            if height and width:
                return width, height
            break
        at += 2 + max(2, length)
    raise VideoError(f"{len(data)} bytes are no JPEG picture with a size")
