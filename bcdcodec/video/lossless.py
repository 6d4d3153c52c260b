"""Lossless pictures and video: PNG with text, images with alpha, FFV1 in Matroska."""

import struct
import zlib
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream

from bcdcodec.atomic import replacing
from bcdcodec.errors import VideoError
from bcdcodec.video.color import Pixels
from bcdcodec.video.media import reason
from bcdcodec.video.reader import MAX_PIXELS

#: First bytes of a PNG file.
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def read_rgba(path: Path) -> Pixels:
    """A still image as uint8 [H, W, 4], opaque without an alpha channel; VideoError if it is no image or too large."""
    try:
        with av.open(str(path)) as container:
            frame = next(container.decode(video=0))
            if frame.width * frame.height > MAX_PIXELS:
                raise VideoError(f"{path} has {frame.width}x{frame.height} pixels, allowed are {MAX_PIXELS} in all")
            pixels: Pixels = np.ascontiguousarray(frame.to_ndarray(format="rgba"))
            return pixels
    except (av.error.FFmpegError, StopIteration, IndexError, ValueError) as error:
        raise VideoError(f"{path} cannot be read as a picture: {reason(error)}") from error


def write_lossless(path: Path, frames: Iterable[Pixels], *, rate: Fraction) -> None:
    """Write uint8 frames [H, W, 3] of one size as a .mkv that `VideoReader` returns exactly; replaces the file."""
    with replacing(path) as partial, av.open(str(partial), "w", format="matroska") as container:
        stream = container.add_stream("ffv1", rate=rate)
        assert isinstance(stream, VideoStream), "FFV1 is video"
        stream.pix_fmt = "bgr0"
        mux_frames(container, stream, frames, _to_bgr0, rate=rate)


def _to_bgr0(pixels: Pixels) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24").reformat(format="bgr0")


def mux_frames(
    container: OutputContainer,
    stream: VideoStream,
    frames: Iterable[Pixels],
    convert: Callable[[Pixels], av.VideoFrame],
    *,
    rate: Fraction,
) -> None:
    """Encode all frames of a stream at a constant rate; their size becomes the stream's. convert: to its format."""
    for index, pixels in enumerate(frames):
        if not index:
            stream.height, stream.width = pixels.shape[:2]
        picture = convert(pixels)
        picture.pts, picture.time_base = index, 1 / rate
        container.mux(stream.encode(picture))
    container.mux(stream.encode(None))


def pack_png(pixels: Pixels, *, text: str = "") -> bytes:
    """PNG file of RGB pixels uint8 [H, W, 3]; text: its Description, none if empty."""
    height, width = pixels.shape[:2]
    # Filter 2 (up): each row minus the one above, which halves the size of photographs.
    above = np.concatenate([np.zeros_like(pixels[:1]), pixels[:-1]])
    rows = np.concatenate([np.full((height, 1), 2, np.uint8), (pixels - above).reshape(height, -1)], axis=1)
    return b"".join(
        [
            SIGNATURE,
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
            _chunk(b"iTXt", b"Description\0\0\0\0\0" + text.encode()) if text else b"",
            _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)),
            _chunk(b"IEND", b""),
        ]
    )


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
