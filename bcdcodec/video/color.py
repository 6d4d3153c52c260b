"""Colour conversion between decoded pictures of any pixel format and RGB, and the orientation of pictures.

Colour matrix and range are those signalled in the stream; where they are not, large pictures are BT.709 and small ones
BT.601, as players assume. Pictures of a high dynamic range (PQ, HLG) and of the wide gamut of BT.2020 are mapped to
BT.709 by the scaler: white of 203 cd/m2 (ITU-R BT.2408) becomes white, and what is brighter is clipped.
"""

import struct
from fractions import Fraction
from typing import Any

import numpy as np
from av import VideoFrame
from av.video.reformatter import (
    ColorPrimaries,
    ColorRange,
    Colorspace,
    ColorTrc,
    Interpolation,
    VideoReformatter,
)
from av.video.stream import VideoStream
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
#: A picture in 4:2:0, as PyAV and what builds on it have it.
YuvFrame = VideoFrame

#: H.264 and H.265 code points of the matrix (ITU-T H.273, table 4) -> the scaler's name for it.
_MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
    10: Colorspace.BT2020,
}
#: Transfer functions and primaries (ITU-T H.273, tables 3 and 2) of pictures that a screen of BT.709 shows too gray.
_HIGH_RANGE, _WIDE_GAMUT = (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67), ColorPrimaries.BT2020
#: An untagged stream this wide, or higher than this, is taken as BT.709.
_HD_WIDTH, _SD_HEIGHT = 1280, 576

SCALING = Interpolation.BICUBIC | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND
#: Side data of a picture: nine 32-bit numbers, rows (a b u) (c d v) (x y w), of which a to d rotate and mirror.
_MATRIX = "DISPLAYMATRIX"
ONE_THREAD = 1  # a thread pool per conversion costs more than it saves at these sizes


def to_rgb(frame: VideoFrame, width: int, height: int, scaler: VideoReformatter | None = None) -> Pixels:
    """RGB of one decoded picture, scaled: uint8 [height, width, 3], full range, C-contiguous.

    scaler: one for all pictures of a file, which keeps the tables that mapping to BT.709 takes most of its time for.
    """
    matrix = None
    if not frame.format.is_rgb:
        large = frame.width >= _HD_WIDTH or frame.height > _SD_HEIGHT
        untagged = Colorspace.ITU709 if large else Colorspace.ITU601
        matrix = _MATRICES.get(frame.colorspace, untagged)
    mapped = frame.color_trc in _HIGH_RANGE or frame.color_primaries == _WIDE_GAMUT
    converted = (scaler or VideoReformatter()).reformat(
        frame,
        width=width,
        height=height,
        format="rgb24",
        src_colorspace=matrix,
        interpolation=SCALING,
        src_color_range=_range(frame),
        dst_color_range=ColorRange.JPEG,
        dst_color_trc=ColorTrc.BT709 if mapped else None,
        dst_color_primaries=ColorPrimaries.BT709 if mapped else None,
        threads=ONE_THREAD,
    )
    # Rows of a converted picture are padded to the vector size; consumers need them dense.
    return np.ascontiguousarray(converted.to_ndarray(), dtype=np.uint8)


def from_rgb(pixels: Pixels) -> VideoFrame:
    """Inverse of `to_rgb` for the encoder: BT.709, limited range, 4:2:0; odd sizes grow by a repeated row or column."""
    return _yuv420(pixels, Colorspace.ITU709)


def from_rgb_bt601(pixels: Pixels, *, pts: int, time_base: Fraction) -> YuvFrame:
    """What `from_rgb` makes, with a time and the matrix BT.601, which WebRTC takes small pictures to have."""
    frame = _yuv420(pixels, Colorspace.ITU601)
    frame.pts, frame.time_base = pts, time_base
    return frame


def _yuv420(pixels: Pixels, matrix: Colorspace) -> VideoFrame:
    height, width = pixels.shape[:2]
    if height % 2 or width % 2:
        pixels = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
    return frame.reformat(
        format="yuv420p",
        src_color_range=ColorRange.JPEG,
        dst_colorspace=matrix,
        dst_color_range=ColorRange.MPEG,
        interpolation=SCALING,
        threads=ONE_THREAD,
    )


def tag_color(stream: VideoStream) -> None:
    """Signal in a stream the colour matrix and range of `from_rgb`."""
    context = stream.codec_context
    context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
    context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709


def orientation(frame: VideoFrame) -> tuple[int, bool]:
    """Quarter turns counter-clockwise, and whether to mirror left-right first, that bring the picture upright."""
    try:
        side_data: Any = frame.side_data  # PyAV types it as a mapping of motion vectors only
        matrix = bytes(side_data[_MATRIX]) if _MATRIX in side_data else b""
    except ValueError:
        # PyAV cannot name some kind of side data, such as EXIF of photos: only the rotation is known, not a mirror.
        return round(frame.rotation / 90) % 4, False
    if len(matrix) < 36:
        return 0, False
    a, b, _, c, d = struct.unpack("=5i", matrix[:20])
    mirrored = a * d - b * c < 0
    if mirrored:  # the matrix rotates after mirroring: take the mirror out of its first row
        a, b = -a, -b
    if abs(a) >= abs(b):
        return (0 if a >= 0 else 2), mirrored
    return (1 if b < 0 else 3), mirrored


def upright(pixels: Pixels, turns: int, mirrored: bool) -> Pixels:
    """Mirror and rotate a picture by the result of `orientation`."""
    if mirrored:
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(np.rot90(pixels, turns))


def _range(frame: VideoFrame) -> ColorRange:
    if frame.format.is_rgb or frame.format.name.startswith("yuvj") or frame.color_range == ColorRange.JPEG:
        return ColorRange.JPEG
    return ColorRange.MPEG
