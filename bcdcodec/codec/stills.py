"""The pictures of a stream, decoded without its model and without torch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bcdcodec.bitstream.face import split_face
from bcdcodec.bitstream.packet import ContentPart
from bcdcodec.bitstream.records import ContentCoding, ContentRecord
from bcdcodec.bitstream.references import ContentAssembler
from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.errors import BitstreamError, VideoError
from bcdcodec.video.still import decode_still

#: Pictures in a row of a sheet, and pixels between them.
SHEET_COLUMNS, GAP = 4, 4


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """A reference picture uint8 [P, P, 3]. time_s: from when on it may be used; number: of it in its shot; bits: of its
    coded data.
    """

    pixels: NDArray[np.uint8]
    time_s: float
    number: int
    bits: int


def iter_stills(reader: StreamReader) -> Iterator[Still]:
    """The reference pictures of a stream in order, the header's first.

    Raises BitstreamError at damage, and for content without a picture.
    """
    rate, assembler = float(reader.header.video.frame_rate), ContentAssembler()
    yield _still(reader.header.content, 0.0)
    for packet in reader:
        record = packet.record()
        if isinstance(record, ContentPart):
            assembler.add(record)
        elif isinstance(record, ContentRecord):
            yield _still(assembler.assemble(record), packet.timestamp / rate)


def sheet(stills: Sequence[Still]) -> NDArray[np.uint8]:
    """Pictures of one size side by side, SHEET_COLUMNS in a row, with white lines between them: uint8 [H, W, 3]."""
    side = len(stills[0].pixels)
    columns, rows = min(len(stills), SHEET_COLUMNS), -(-len(stills) // SHEET_COLUMNS)
    pixels = np.full((rows * (side + GAP) - GAP, columns * (side + GAP) - GAP, 3), 255, np.uint8)
    for index, still in enumerate(stills):
        row, column = divmod(index, SHEET_COLUMNS)
        pixels[row * (side + GAP) :, column * (side + GAP) :][:side, :side] = still.pixels
    return pixels


def picture_of_record(record: ContentRecord) -> NDArray[np.uint8]:
    """Decode the picture of a record [P, P, 3]; BitstreamError where it holds none."""
    if record.coding is ContentCoding.LEVELS:
        raise BitstreamError("content is coded as levels, which show nothing without a model")
    return decode_picture(split_face(record.data)[1] if record.coding is ContentCoding.FACE else record.data)


def decode_picture(still: bytes) -> NDArray[np.uint8]:
    """Decode the AV1 still of a content; BitstreamError where it is none."""
    try:
        return decode_still(still)
    except VideoError as error:
        raise BitstreamError(f"content picture: {error}") from error


def _still(record: ContentRecord, time_s: float) -> Still:
    return Still(picture_of_record(record), time_s, record.number, 8 * len(record.data))
