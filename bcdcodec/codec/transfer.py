"""Motion transfer: the content of one file with the motion of another.

content (picture, video or .bcd) -> content map --.
motion (video or .bcd) -> codes ------------------+-> Decoder -> mp4
"""

import contextlib
import tempfile
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from bcdcodec.bitstream.header import MAGIC
from bcdcodec.bitstream.records import ContentRecord
from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.codec.content import content_of_record
from bcdcodec.codec.decode.decoder import check_stream_fits
from bcdcodec.codec.decode.file import DecodeResult, decode_file
from bcdcodec.codec.decode.settings import DecodeSettings
from bcdcodec.codec.encode.file import encode_file
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.codec.progress import FileProgress
from bcdcodec.codec.reference import CONTENT_SAMPLES, encode_reference
from bcdcodec.codec.window import WindowBuilder
from bcdcodec.errors import VideoError
from bcdcodec.model.content import Content
from bcdcodec.video.crop import crop as crop_square
from bcdcodec.video.shots import plan_shots
from bcdcodec.video.source import MediaSource

#: Seconds at the start of a content video that its content token is made from.
CONTENT_SECONDS = 4


def transfer_files(
    content: str | Path,
    motion: str | Path,
    target: str | Path | BinaryIO,
    *,
    model: CodecModel,
    settings: DecodeSettings | None = None,
    crop: bool | None = None,
    progress: FileProgress = lambda done, total: None,
) -> DecodeResult:
    """Decode the motion of one file with the content of another (the paper's cross-identity transfer).

    settings: of the decoder, whose content is replaced; `relative` there is the movement since the driver's own content
    frame alone. crop: as in `encode_file`; False takes both as cropped already.
    The audio is that of the motion file.
    Raises VideoError, FaceError, BitstreamError, WeightsError.
    """
    settings = replace(settings or DecodeSettings(), content=content_of_file(model, content, crop=crop))
    with contextlib.ExitStack() as stack:
        stream: str | Path | BinaryIO = motion
        if not is_stream(motion):
            # The motion goes through an ordinary stream, so that what is seen is what can be sent.
            stream = stack.enter_context(tempfile.TemporaryFile())
            encode_file(motion, stream, model=model, settings=EncodeSettings(bitrate=None), crop=crop)
            stream.seek(0)
        return decode_file(stream, target, model=model, settings=settings, progress=progress)


def is_stream(path: str | Path) -> bool:
    """Whether a file begins like a .bcd stream."""
    try:
        with open(path, "rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError as error:
        raise VideoError(f"cannot read {path}: {error.strerror}") from error


def content_of_file(model: CodecModel, path: str | Path, *, crop: bool | None = None) -> Content:
    """The content of a picture, of the first shot of a video, or of a stream. crop: as in `encode_file`."""
    return content_of_record(model, content_record_of_file(model, path, crop=crop))


def content_record_of_file(model: CodecModel, path: str | Path, *, crop: bool | None = None) -> ContentRecord:
    """The content record of a file as a stream would carry it, with its crop square."""
    if is_stream(path):
        with open(path, "rb") as file:
            header = StreamReader(file).header
        check_stream_fits(header, model)
        return header.content
    rate = Fraction(CONTENT_SAMPLES, CONTENT_SECONDS)
    with MediaSource(path, rate) as media:
        shot = plan_shots(media, crop=model.follows_faces if crop is None else crop)[0]
        gathered = WindowBuilder(model)
        with media.open_frames() as reader:
            for frame in islice(reader, min(shot.frames, CONTENT_SAMPLES)):
                gathered.push(crop_square(frame, shot.box, model.config.pixels))
    reference = encode_reference(model, gathered.take(), picture_bits=model.config.content.picture_bits)
    x, y, size = shot.box.x, shot.box.y, shot.box.size
    return ContentRecord(x=x, y=y, size=size, coding=reference.coding, data=reference.data)
