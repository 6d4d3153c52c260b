"""Header of a stream: magic, version and sections (spec sections 2 and 3). The sections' records are in records.py."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Self

from bcdcodec.bitstream.bits import CRC_BYTES, ByteReader, checked_bytes, pack_crc, pack_uint, pack_uvarint
from bcdcodec.bitstream.records import AudioInfo, CodingInfo, ContentRecord, VideoInfo
from bcdcodec.config import ModelConfig
from bcdcodec.errors import BitstreamError

MAGIC = b"\x8bBCD\r\n\x1a\n"
VERSION = 1
WEIGHTS_ID_BYTES = 16
#: Limits of the spec, section 1.4: they bound the memory that a hostile stream can demand.
MAX_SECTION_BYTES = 1 << 20
MAX_SECTIONS = 64
MAX_METADATA_BYTES = 64 << 10


class SectionType(IntEnum):
    """Types of header sections (spec section 3). Ids are never reused; sections of other types are preserved unread."""

    END_OF_HEADER = 0
    MODEL = 1
    VIDEO = 2
    CODING = 3
    CONTENT = 4
    AUDIO = 5
    META = 6
    PLATE = 7
    CALL = 8


@dataclass(frozen=True, slots=True)
class Section:
    """Type and body of one section, without length and CRC."""

    type: int
    body: bytes

    def pack(self) -> bytes:
        if len(self.body) > MAX_SECTION_BYTES:
            raise BitstreamError(f"section {self.type} has {len(self.body)} bytes, limit {MAX_SECTION_BYTES}")
        return pack_crc(pack_uint(self.type, 1, name="section type") + pack_uvarint(len(self.body)) + self.body)

    @classmethod
    def read(cls, reader: ByteReader) -> Self:
        reader.start_crc()
        kind = reader.uint(1, name="section type")
        length = reader.uvarint(name=f"length of section {kind}", limit=MAX_SECTION_BYTES)
        body = reader.take(length, name=f"section {kind}")
        reader.check_crc(name=f"section {kind}")
        return cls(kind, body)

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return 1 + len(pack_uvarint(len(self.body))) + len(self.body) + CRC_BYTES


END_OF_HEADER = Section(SectionType.END_OF_HEADER, b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamHeader:
    """Header of a stream: all that a decoder needs before the first packet (spec sections 2 and 3).

    content: of the first shot; plate: AV1 still of the background; call: numbers of references mean one picture each
    (spec section 3.9); unknown: sections of other types, as (type, body), kept so that the header can be rewritten
    without loss.
    """

    model_id: bytes
    video: VideoInfo
    coding: CodingInfo
    content: ContentRecord
    audio: AudioInfo | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    plate: bytes | None = None
    call: bool = False
    unknown: tuple[tuple[int, bytes], ...] = ()

    def __post_init__(self) -> None:
        if len(self.model_id) != WEIGHTS_ID_BYTES:
            raise BitstreamError(f"model id has {len(self.model_id)} bytes, needs {WEIGHTS_ID_BYTES}")
        if self.content.parts:
            raise BitstreamError("content of a header has no parts, nothing could be sent before it")
        if self.content.number:
            raise BitstreamError(f"content of a header is reference {self.content.number}, needs 0: it begins a shot")
        if self.video.cropped and not self.content.size:
            raise BitstreamError("crop size is 0 in a cropped stream, needs at least 1")
        if self.plate is not None and not self.plate:
            raise BitstreamError("plate has 0 bytes, needs at least 1")
        for kind, _ in self.unknown:
            if kind in tuple(SectionType):
                raise BitstreamError(f"section type {kind} is known, it cannot be carried as unknown")

    def check_model(self, config: ModelConfig) -> None:
        """Refuse a stream whose number of groups, codebook size or picture size are not those of its model."""
        found = (self.coding.groups, 1 << self.coding.bits_per_code, self.video.model_pixels)
        if self.coding.groups not in config.group_counts or found[1:] != (config.quantizer.entries, config.pixels):
            needed = " or ".join(str((count, config.quantizer.entries, config.pixels)) for count in config.group_counts)
            raise BitstreamError(f"stream has (groups, entries, pixels) {found}, its model needs {needed}")

    def sections(self) -> Iterator[Section]:
        """Yield the sections in the order of writing, without END_OF_HEADER."""
        yield Section(SectionType.MODEL, self.model_id)
        yield Section(SectionType.VIDEO, self.video.pack())
        yield Section(SectionType.CODING, self.coding.pack())
        yield Section(SectionType.CONTENT, self.content.pack())
        if self.audio is not None:
            yield Section(SectionType.AUDIO, self.audio.pack())
        if self.metadata:
            yield Section(SectionType.META, pack_metadata(self.metadata))
        if self.plate is not None:
            yield Section(SectionType.PLATE, self.plate)
        if self.call:
            yield Section(SectionType.CALL, b"")
        for kind, body in self.unknown:
            yield Section(kind, body)

    def pack(self) -> bytes:
        sections = list(self.sections())
        if len(sections) > MAX_SECTIONS:
            raise BitstreamError(f"header has {len(sections)} sections, limit {MAX_SECTIONS}")
        return MAGIC + bytes([VERSION]) + b"".join(section.pack() for section in [*sections, END_OF_HEADER])

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        reader = ByteReader.over(data)
        header = cls.from_sections(read_sections(reader))
        reader.finish(name="header")
        return header

    @classmethod
    def from_sections(cls, sections: list[Section]) -> Self:
        """Build the header from sections; BitstreamError where required ones are missing or known ones are repeated."""
        bodies: dict[int, bytes] = {}
        unknown: list[tuple[int, bytes]] = []
        for section in sections:
            if section.type not in tuple(SectionType):
                unknown.append((section.type, section.body))
            elif section.type in bodies:
                raise BitstreamError(f"section {SectionType(section.type).name} is there twice, allowed is one")
            else:
                bodies[section.type] = section.body
        for kind in (SectionType.MODEL, SectionType.VIDEO, SectionType.CODING, SectionType.CONTENT):
            if kind not in bodies:
                raise BitstreamError(f"header has no {kind.name} section, it is required")
        audio, metadata, call = (bodies.get(kind) for kind in (SectionType.AUDIO, SectionType.META, SectionType.CALL))
        if call:
            raise BitstreamError(f"CALL section has {len(call)} bytes, needs 0")
        with checked_bytes(name="header"):
            return cls(
                model_id=bodies[SectionType.MODEL],
                video=VideoInfo.unpack(bodies[SectionType.VIDEO]),
                coding=CodingInfo.unpack(bodies[SectionType.CODING]),
                content=ContentRecord.unpack(bodies[SectionType.CONTENT]),
                audio=None if audio is None else AudioInfo.unpack(audio),
                metadata={} if metadata is None else unpack_metadata(metadata),
                plate=bodies.get(SectionType.PLATE),
                call=call is not None,
                unknown=tuple(unknown),
            )


def read_sections(reader: ByteReader) -> list[Section]:
    """Read magic, version and all sections; END_OF_HEADER is checked and not returned."""
    for index, expected in enumerate(MAGIC):
        if reader.uint(1, name="magic") != expected:
            raise BitstreamError(f"not a .bcd stream: byte {index} differs from the magic {MAGIC.hex()}")
    version = reader.uint(1, name="version")
    if version != VERSION:
        raise BitstreamError(f"stream version is {version}, this program reads version {VERSION}")
    sections: list[Section] = []
    while (section := Section.read(reader)).type != SectionType.END_OF_HEADER:
        if len(sections) == MAX_SECTIONS:
            raise BitstreamError(f"header has more than {MAX_SECTIONS} sections")
        sections.append(section)
    if section.body:
        raise BitstreamError(f"END_OF_HEADER has {len(section.body)} bytes, needs 0")
    return sections


def pack_metadata(metadata: dict[str, str]) -> bytes:
    """Body of the META section: a JSON object with sorted keys, so that equal metadata gives equal bytes (spec 3.6)."""
    try:
        body = json.dumps(metadata, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise BitstreamError(f"metadata cannot be written as UTF-8: {error}") from error
    unpack_metadata(body)
    return body


def unpack_metadata(body: bytes) -> dict[str, str]:
    """Inverse of `pack_metadata`; BitstreamError for anything but a flat object of strings with unique keys."""
    if len(body) > MAX_METADATA_BYTES:
        raise BitstreamError(f"metadata has {len(body)} bytes, limit {MAX_METADATA_BYTES}")
    try:
        metadata = json.loads(body.decode("utf-8"), object_pairs_hook=_unique_keys)
        # RecursionError: deep nesting. ValueError: not JSON, not UTF-8, lone surrogates, a number too long.
        json.dumps(metadata, ensure_ascii=False).encode("utf-8")
    except BitstreamError:
        raise
    except (ValueError, RecursionError) as error:
        raise BitstreamError(f"metadata is not UTF-8 JSON: {type(error).__name__}") from error
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise BitstreamError("metadata is not a JSON object from strings to strings")
    return metadata


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise BitstreamError("metadata has the same key twice, allowed is once")
    return dict(pairs)
