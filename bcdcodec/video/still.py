"""One still picture <-> JPEG bytes, for the background plate. In: a `Frame`. Out: bytes of a PLATE section."""

import io
from fractions import Fraction

import av
import numpy as np

from bcdcodec.errors import VideoError
from bcdcodec.frame import Frame
from bcdcodec.video.crop import scale
from bcdcodec.video.reader import VideoReader

#: The plate is background, out of focus as a rule: this many pixels on its longer side are enough.
MAX_PLATE_SIDE = 320
#: mjpeg quantiser: 2 is best, 31 smallest.
PLATE_QUANTISER = 12


def encode_plate(frame: Frame) -> bytes:
    """A small JPEG of the whole picture."""
    factor = min(1.0, MAX_PLATE_SIDE / max(frame.width, frame.height))
    width, height = (max(2, round(side * factor / 2) * 2) for side in (frame.width, frame.height))
    picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(scale(frame.pixels, width, height)), format="rgb24")
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height = width, height
    encoder.pix_fmt = "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    encoder.options = {"qmin": str(PLATE_QUANTISER), "qmax": str(PLATE_QUANTISER), "strict": "unofficial"}
    packets = encoder.encode(picture) + encoder.encode(None)
    return b"".join(bytes(packet) for packet in packets)


def decode_plate(data: bytes, width: int, height: int) -> Frame:
    """The plate scaled to the source's size; VideoError if the bytes are not a picture."""
    with VideoReader(io.BytesIO(data), Fraction(1)) as reader:
        frame = next(iter(reader), None)
    if frame is None:
        raise VideoError("the background plate of the stream holds no picture")
    return Frame(pixels=scale(frame.pixels, width, height), index=0)
