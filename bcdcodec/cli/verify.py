"""`bcd verify`: check every byte of a `.bcd` stream, without torch.

That is checksums, order, END packet and index, and stills, their parts and their sizes; where the weights are found
every content token, of a face its landmarks too, and every code. Codes of mode packed need no weights.
"""

import argparse
from dataclasses import dataclass, field
from typing import BinaryIO

from bcdcodec.bitstream.face import split_face
from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import ContentPart, MotionPayload, Packet, SeekPoint
from bcdcodec.bitstream.records import CodingMode, ContentCoding, ContentRecord
from bcdcodec.bitstream.references import ContentAssembler, ContentLocator
from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.cli.options import Commands, new_command
from bcdcodec.cli.report.summary import file_label, weights_if_found
from bcdcodec.cli.streams import open_stream
from bcdcodec.config import ModelConfig
from bcdcodec.entropy.content import decode_levels
from bcdcodec.entropy.landmarks import decode_landmarks
from bcdcodec.entropy.motion import MotionCoder, coders_of_stream
from bcdcodec.entropy.packed import unpack_codes
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
        checker = PayloadChecker.of_stream(reader.header)
        checker.check_header()
    except BitstreamError as error:
        raise BitstreamError(f"in the header: {error}") from error
    points = _check_packets(reader, checker)
    _check_index(reader, points)
    stats = reader.stats
    return VerifyReport(
        model_id=reader.header.model_id,
        size=stats.total_bits // 8,
        packets=stats.packet_count,
        frames=stats.motion_frames,
        decoded=checker.symbols is not None,
    )


def _check_packets(reader: StreamReader, checker: "PayloadChecker") -> set[SeekPoint]:
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
            checker.check(packet)
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
class Symbols:
    """What decodes the symbols of a stream: its model's configuration, integer tables and coder of motion."""

    config: ModelConfig
    tables: Tables
    coder: MotionCoder

    @classmethod
    def of_stream(cls, header: StreamHeader) -> "Symbols | None":
        """None where the weights are not on this machine. BitstreamError where the declared sizes are not theirs."""
        weights = weights_if_found(header.model_id)
        if weights is None:
            return None
        tables = Tables.from_file(weights.path)
        header.check_model(weights.config)
        return cls(weights.config, tables, coders_of_stream(header.coding, weights)[header.coding.mode])

    def check_levels(self, data: bytes) -> None:
        """A content token of levels must decode."""
        denoiser = self.config.denoiser
        shape = (denoiser.channels, denoiser.resolution, denoiser.resolution)
        decode_levels(data, shape, table=self.tables.content, max_level=self.config.content.max_level)

    def check_landmarks(self, data: bytes) -> None:
        """Landmarks must decode."""
        if self.tables.landmarks is None:
            raise BitstreamError("content has landmarks, the model has no tables for them")
        decode_landmarks(data, self.tables.landmarks)


@dataclass(frozen=True, slots=True)
class PayloadChecker:
    """Decodes what header and packets hold and throws it away. symbols: None leaves out what only weights decode."""

    header: StreamHeader
    symbols: Symbols | None
    parts: ContentAssembler = field(default_factory=ContentAssembler)

    @classmethod
    def of_stream(cls, header: StreamHeader) -> "PayloadChecker":
        """With symbols where the weights are on this machine; BitstreamError where declared sizes are not theirs."""
        return cls(header, Symbols.of_stream(header))

    def check_header(self) -> None:
        """The first content token must decode, and the plate be a still."""
        self._check_content(self.header.content)
        if self.header.plate is not None:
            _still_size(self.header.plate, name="plate")

    def check(self, packet: Packet) -> None:
        """The payload of one packet."""
        record = packet.record()
        if isinstance(record, ContentPart):
            self.parts.add(record)
        elif isinstance(record, ContentRecord):
            self._check_content(self.parts.assemble(record))
        elif isinstance(record, MotionPayload):
            self._check_codes(record)

    def _check_codes(self, motion: MotionPayload) -> None:
        coding = self.header.coding
        if self.symbols is not None:
            self.symbols.coder.decode(motion.codes, motion.frames)
        elif coding.mode is CodingMode.PACKED:
            unpack_codes(motion.codes, motion.frames, groups=coding.groups, bits=coding.bits_per_code)

    def _check_content(self, record: ContentRecord) -> None:
        if record.coding is ContentCoding.LEVELS:
            if self.symbols is not None:
                self.symbols.check_levels(record.data)
            return
        still = record.data
        if record.coding is ContentCoding.FACE:
            landmarks, still = split_face(record.data)
            if self.symbols is not None:
                self.symbols.check_landmarks(landmarks)
        side, size = self.header.video.model_pixels, _still_size(still, name="content picture")
        if size != (side, side):
            raise BitstreamError(f"content picture is {size[0]}x{size[1]}, the model needs {side}x{side}")


def _still_size(data: bytes, *, name: str) -> tuple[int, int]:
    try:
        return still_size(data)
    except VideoError as error:
        raise BitstreamError(f"{name}: {error}") from error
