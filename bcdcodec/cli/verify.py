"""`bcd verify`: check every byte of a `.bcd` stream, without torch.

That is checksums, order, END packet and index, and where the weights are found every content token (of a picture its
parts and its size, of a face its landmarks too) and every code.
"""

import argparse
from dataclasses import dataclass, field
from typing import BinaryIO

from bcdcodec.bitstream.face import split_face
from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import ContentPart, MotionPayload, Packet, SeekPoint
from bcdcodec.bitstream.records import ContentCoding, ContentRecord
from bcdcodec.bitstream.references import ContentAssembler, ContentLocator
from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.cli.options import Commands, new_command
from bcdcodec.cli.report.summary import file_label, weights_if_found
from bcdcodec.cli.streams import open_stream
from bcdcodec.config import ModelConfig
from bcdcodec.entropy.content import decode_levels
from bcdcodec.entropy.landmarks import decode_landmarks
from bcdcodec.entropy.motion import MotionCoder, coders_of_stream
from bcdcodec.entropy.tables import Tables
from bcdcodec.errors import BitstreamError, VideoError
from bcdcodec.video.obu import still_size

EXAMPLES = """  bcd verify talk.bcd
  bcd verify talk.bcd && echo good"""


def add_command(commands: Commands) -> None:
    """Add the command and its options."""
    parser = new_command(commands, "verify", run, about="check every byte of a .bcd", examples=EXAMPLES)
    parser.add_argument("file", metavar="FILE", help="stream, or - for standard input")


def run(options: argparse.Namespace) -> int:
    """Check one stream; BitstreamError names the first problem and its offset."""
    with open_stream(options.file) as file:
        report = verify(file)
    codes = "codes decoded" if report.decoded else f"codes not decoded, weights {report.model_id.hex()} not found"
    print(
        f"OK {file_label(options.file)}: {report.size} bytes, {report.packets} packets, {report.frames} frames, {codes}"
    )
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """Sizes of a valid stream. decoded: whether its symbols were checked too."""

    model_id: bytes
    size: int
    packets: int
    frames: int
    decoded: bool


def verify(file: BinaryIO) -> VerifyReport:
    """Read a whole stream; BitstreamError with the offset of the record that is wrong."""
    try:
        reader = StreamReader(file)
        symbols = SymbolChecker.of_stream(reader.header)
        if symbols is not None:
            symbols.check_header(reader.header)
    except BitstreamError as error:
        raise BitstreamError(f"in the header: {error}") from error
    points = _check_packets(reader, symbols)
    _check_index(reader, points)
    stats = reader.stats
    return VerifyReport(
        model_id=reader.header.model_id,
        size=stats.total_bits // 8,
        packets=stats.packet_count,
        frames=stats.motion_frames,
        decoded=symbols is not None,
    )


def _check_packets(reader: StreamReader, symbols: "SymbolChecker | None") -> set[SeekPoint]:
    """Read all packets and return the key ones, as the index should name them."""
    points: set[SeekPoint] = set()
    content = ContentLocator()
    while True:
        try:
            packet = next(reader, None)
        except BitstreamError as error:
            # Every record before the bad one has been counted, so the tally is where it starts.
            raise BitstreamError(f"at offset {reader.stats.total_bits // 8}: {error}") from error
        if packet is None:
            return points
        offset, record = reader.stats.total_bits // 8 - packet.size, packet.record()
        content.observe(record, offset)
        if isinstance(record, MotionPayload) and record.key:
            points.add(SeekPoint(packet.timestamp, offset, content.offset))
        try:
            if symbols is not None:
                symbols.check(packet)
        except BitstreamError as error:
            raise BitstreamError(f"at offset {offset}: {error}") from error


def _check_index(reader: StreamReader, key_packets: set[SeekPoint]) -> None:
    assert reader.end is not None, "a stream that was read to its end has an END packet"
    for point in reader.end.seek_points:
        if point not in key_packets:
            raise BitstreamError(
                f"at offset {reader.end.end_offset}: the index names a key packet of tick {point.tick} at "
                f"{point.offset} with content at {point.content_offset}, there is none"
            )


@dataclass(frozen=True, slots=True)
class SymbolChecker:
    """Decodes content tokens and codes with a model's integer tables and throws the symbols away."""

    config: ModelConfig
    tables: Tables
    coder: MotionCoder
    parts: ContentAssembler = field(default_factory=ContentAssembler)

    @classmethod
    def of_stream(cls, header: StreamHeader) -> "SymbolChecker | None":
        """None where the weights are not on this machine. BitstreamError where the declared sizes are not theirs."""
        weights = weights_if_found(header.model_id)
        if weights is None:
            return None
        tables = Tables.from_file(weights.path)
        header.check_model(weights.config)
        return cls(weights.config, tables, coders_of_stream(header.coding, weights)[header.coding.mode])

    def check_header(self, header: StreamHeader) -> None:
        """The first content token must decode."""
        self._check_content(header.content)

    def check(self, packet: Packet) -> None:
        """The payload of one packet."""
        record = packet.record()
        if isinstance(record, ContentPart):
            self.parts.add(record)
        elif isinstance(record, ContentRecord):
            self._check_content(self.parts.assemble(record))
        elif isinstance(record, MotionPayload):
            self.coder.decode(record.codes, record.frames)

    def _check_content(self, record: ContentRecord) -> None:
        if record.coding is ContentCoding.PICTURE:
            self._check_picture(record.data)
            return
        if record.coding is ContentCoding.FACE:
            landmarks, still = split_face(record.data)
            if self.tables.landmarks is None:
                raise BitstreamError("content has landmarks, the model has no tables for them")
            decode_landmarks(landmarks, self.tables.landmarks)
            self._check_picture(still)
            return
        denoiser = self.config.denoiser
        shape = (denoiser.channels, denoiser.resolution, denoiser.resolution)
        decode_levels(record.data, shape, table=self.tables.content, max_level=self.config.content.max_level)

    def _check_picture(self, data: bytes) -> None:
        side = self.config.pixels
        try:
            width, height = still_size(data)
        except VideoError as error:
            raise BitstreamError(f"content picture: {error}") from error
        if (width, height) != (side, side):
            raise BitstreamError(f"content picture is {width}x{height}, the model needs {side}x{side}")
