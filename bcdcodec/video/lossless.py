"""Lossless pictures and video for data sets: reading of PNG with alpha, writing of FFV1 in Matroska."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

from bcdcodec.atomic import replacing
from bcdcodec.errors import VideoError
from bcdcodec.video.media import reason
from bcdcodec.video.reader import MAX_PIXELS


def read_rgba(path: Path) -> NDArray[np.uint8]:
    """A still image as uint8 [H, W, 4], opaque without an alpha channel; VideoError if it is no image or too large."""
    try:
        with av.open(str(path)) as container:
            frame = next(container.decode(video=0))
            if frame.width * frame.height > MAX_PIXELS:
                raise VideoError(f"{path} has {frame.width}x{frame.height} pixels, allowed are {MAX_PIXELS} in all")
            pixels: NDArray[np.uint8] = np.ascontiguousarray(frame.to_ndarray(format="rgba"))
            return pixels
    except (av.error.FFmpegError, StopIteration, IndexError, ValueError) as error:
        raise VideoError(f"{path} cannot be read as a picture: {reason(error)}") from error


def write_lossless(path: Path, frames: Iterable[NDArray[np.uint8]], *, rate: Fraction) -> None:
    """Write uint8 frames [H, W, 3] of one size as a .mkv that `VideoReader` returns exactly; replaces the file."""
    with replacing(path) as partial, av.open(str(partial), "w", format="matroska") as container:
        stream = container.add_stream("ffv1", rate=rate)
        assert isinstance(stream, VideoStream), "FFV1 is video"
        stream.pix_fmt = "bgr0"
        for index, pixels in enumerate(frames):
            if not index:
                stream.height, stream.width = pixels.shape[:2]
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24").reformat(format="bgr0")
            picture.pts, picture.time_base = index, 1 / rate
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
