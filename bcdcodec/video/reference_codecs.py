"""Encoding and decoding with the codecs that bcdcodec is compared with, through FFmpeg."""

import itertools
import os
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

from bcdcodec.errors import VideoError
from bcdcodec.video.color import from_rgb, tag_color
from bcdcodec.video.lossless import mux_frames
from bcdcodec.video.media import reason
from bcdcodec.video.reader import VideoReader
from bcdcodec.video.still import preserve_scheduling

#: Frames, more than any clip has: a single key frame, as in the streams of bcdcodec.
KEY_INTERVAL = 9999
# SVT-AV1 logs to stderr whatever FFmpeg's log level is; 1: errors only.
os.environ.setdefault("SVT_LOG", "1")


def encode_classical(
    path: Path, frames: Iterable[NDArray[np.uint8]], *, rate: Fraction, encoder: str, options: dict[str, str]
) -> None:
    """Encode frames uint8 [H, W, 3] of one even size to an mp4: 4:2:0, BT.709, one key frame, one thread.

    encoder, options: as FFmpeg names them. VideoError where the encoder is missing or refuses. Replaces the file.
    """
    try:
        with preserve_scheduling(), av.open(str(path), "w", format="mp4") as container:
            stream = container.add_stream(encoder, rate=rate, options=options)
            assert isinstance(stream, VideoStream), "an encoder of pictures"
            stream.pix_fmt = "yuv420p"
            context = stream.codec_context
            context.gop_size, context.thread_count, context.time_base = KEY_INTERVAL, 1, 1 / rate
            tag_color(stream)
            mux_frames(container, stream, frames, from_rgb, rate=rate)
    except (av.error.FFmpegError, ValueError) as error:
        raise VideoError(f"{encoder} cannot write {path}: {reason(error)}") from error


def decode_classical(path: Path, *, rate: Fraction, count: int) -> NDArray[np.uint8]:
    """Decode the first `count` frames, uint8 [count, H, W, 3]; VideoError if there are fewer."""
    with VideoReader(path, rate) as reader:
        pictures = [frame.pixels for frame in itertools.islice(reader, count)]
    if len(pictures) < count:
        raise VideoError(f"{path} has {len(pictures)} pictures, needs {count}")
    return np.stack(pictures)
