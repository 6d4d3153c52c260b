"""Stream header (spec sections 2 and 3): round trips, frozen bytes, refused headers, fit to a model."""

import dataclasses
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bcdcodec.bitstream.header import (
    END_OF_HEADER,
    MAGIC,
    MAX_METADATA_BYTES,
    MAX_SECTION_BYTES,
    Section,
    SectionType,
    StreamHeader,
    pack_metadata,
    unpack_metadata,
)
from bcdcodec.config import preset
from bcdcodec.errors import BitstreamError, TruncatedError

START = MAGIC + b"\x01"
GOLDEN = bytes.fromhex(
    "8b4243440d0a1a0a010110000102030405060708090a0b0c0d0e0fbd6d490c0209028001e0010019020169a67dd6"
    "030900040500000007100490e21db7040afff80018012c010a0b0c9220a758000041d912ff"
)


def minimal(header: StreamHeader) -> StreamHeader:
    return dataclasses.replace(header, audio=None, metadata={}, plate=None, unknown=())


def test_bytes(header: StreamHeader) -> None:
    assert minimal(header).pack() == GOLDEN
    assert StreamHeader.unpack(GOLDEN) == minimal(header)


def test_full_header_round_trip(header: StreamHeader) -> None:
    assert StreamHeader.unpack(header.pack()) == header


def test_every_truncation_is_reported(header: StreamHeader) -> None:
    packed = header.pack()
    for cut in range(len(packed)):
        with pytest.raises(TruncatedError):
            StreamHeader.unpack(packed[:cut])


def test_every_bit_flip_is_reported(header: StreamHeader) -> None:
    packed = header.pack()
    for bit in range(8 * len(packed)):
        flipped = bytearray(packed)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BitstreamError):
            StreamHeader.unpack(bytes(flipped))


def test_other_files_and_versions_are_named(header: StreamHeader) -> None:
    with pytest.raises(BitstreamError, match=r"not a \.bcd stream"):
        StreamHeader.unpack(b"\x89PNG\r\n\x1a\n" + GOLDEN[8:])
    with pytest.raises(BitstreamError, match="version is 2"):
        StreamHeader.unpack(MAGIC + b"\x02" + GOLDEN[9:])
    with pytest.raises(BitstreamError, match="after its end"):
        StreamHeader.unpack(GOLDEN + b"\0")


def test_sections_come_in_any_order(header: StreamHeader) -> None:
    sections = [*reversed(list(header.sections())), END_OF_HEADER]
    assert StreamHeader.unpack(START + b"".join(section.pack() for section in sections)) == header


def test_duplicate_and_missing_sections_are_refused(header: StreamHeader) -> None:
    sections = list(minimal(header).sections())
    for index, section in enumerate(sections):
        twice = [*sections, section, END_OF_HEADER]
        with pytest.raises(BitstreamError, match="twice"):
            StreamHeader.unpack(START + b"".join(part.pack() for part in twice))
        without = [*sections[:index], *sections[index + 1 :], END_OF_HEADER]
        with pytest.raises(BitstreamError, match=f"no {SectionType(section.type).name} section"):
            StreamHeader.unpack(START + b"".join(part.pack() for part in without))


def test_unknown_sections_are_kept_even_twice(header: StreamHeader) -> None:
    odd = dataclasses.replace(header, unknown=((9, b""), (255, b"x" * 1000), (9, b"")))
    assert StreamHeader.unpack(odd.pack()) == odd


def test_a_call_is_an_empty_section(header: StreamHeader) -> None:
    call = dataclasses.replace(header, call=True)
    assert StreamHeader.unpack(call.pack()) == call != header
    assert len(call.pack()) == len(header.pack()) + Section(SectionType.CALL, b"").size
    sections = [*minimal(header).sections(), Section(SectionType.CALL, b"\x01"), END_OF_HEADER]
    with pytest.raises(BitstreamError, match="CALL section has 1 bytes, needs 0"):
        StreamHeader.unpack(START + b"".join(section.pack() for section in sections))


def test_section_count_is_bounded(header: StreamHeader) -> None:
    known = len(list(minimal(header).sections()))
    most = dataclasses.replace(minimal(header), unknown=((9, b""),) * (64 - known))
    assert StreamHeader.unpack(most.pack()) == most
    with pytest.raises(BitstreamError, match="65 sections, limit 64"):
        dataclasses.replace(most, unknown=(*most.unknown, (9, b""))).pack()
    with pytest.raises(BitstreamError, match="more than 64 sections"):
        StreamHeader.unpack(START + Section(9, b"").pack() * 65 + END_OF_HEADER.pack())


def test_section_length_is_bounded_before_it_is_read(header: StreamHeader) -> None:
    largest = dataclasses.replace(header, plate=b"x" * MAX_SECTION_BYTES)
    assert StreamHeader.unpack(largest.pack()) == largest
    with pytest.raises(BitstreamError, match="limit 1048576"):
        dataclasses.replace(header, plate=b"x" * (MAX_SECTION_BYTES + 1)).pack()
    with pytest.raises(BitstreamError, match="limit 1048576"):
        StreamHeader.unpack(START + bytes.fromhex("07ffffffff0f"))


@pytest.mark.parametrize(
    "changes",
    [{"model_id": b"short"}, {"plate": b""}, {"unknown": ((4, b""),)}, {"unknown": ((0, b""),)}],
)
def test_impossible_headers_are_refused(header: StreamHeader, changes: dict[str, bytes]) -> None:
    with pytest.raises(BitstreamError):
        dataclasses.replace(header, **changes)


def test_cropped_stream_needs_a_crop(header: StreamHeader) -> None:
    empty = dataclasses.replace(header.content, size=0)
    with pytest.raises(BitstreamError, match="crop size is 0"):
        dataclasses.replace(header, content=empty)
    whole = dataclasses.replace(header.video, cropped=False)
    assert dataclasses.replace(header, content=empty, video=whole).content.size == 0


def test_malformed_section_with_a_right_crc_is_not_truncation(header: StreamHeader) -> None:
    sections = [*minimal(header).sections(), Section(SectionType.AUDIO, b"\x01"), END_OF_HEADER]
    with pytest.raises(BitstreamError) as caught:
        StreamHeader.unpack(START + b"".join(section.pack() for section in sections))
    assert not isinstance(caught.value, TruncatedError)


def test_metadata_bytes() -> None:
    packed = bytes.fromhex("7b2261223a22222c227469746c65223a22c3a9227d")
    assert pack_metadata({"title": "é", "a": ""}) == packed
    assert unpack_metadata(packed) == {"title": "é", "a": ""}


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=6))
def test_metadata_round_trip(metadata: dict[str, str]) -> None:
    assert unpack_metadata(pack_metadata(metadata)) == metadata


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'"text"',
        b'{"a":1}',
        b'{"a":null}',
        b'{"a":{"b":"c"}}',
        b'{"a":"b","a":"c"}',
        b'{"a":"\xff"}',
        b'{"a":"\\ud800"}',
        b'{"a":NaN}',
        b"[" * 60_000,
        b'{"a":' + b"1" * 60_000 + b"}",
        b'{"a":"' + b"x" * MAX_METADATA_BYTES + b'"}',
    ],
    ids=lambda body: f"{body[:12]!r}-{len(body)}",
)
def test_other_metadata_is_refused(body: bytes) -> None:
    with pytest.raises(BitstreamError):
        unpack_metadata(body)


def test_unwritable_metadata_is_refused() -> None:
    with pytest.raises(BitstreamError):
        pack_metadata({"a": "\ud800"})
    with pytest.raises(BitstreamError, match="limit 65536"):
        pack_metadata({"a": "x" * MAX_METADATA_BYTES})


def test_import_is_light() -> None:
    code = (
        "import sys, bcdcodec.bitstream.stream, bcdcodec.bitstream.seek; print({'torch', 'numpy'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


def sized(header: StreamHeader, groups: int, bits: int, pixels: int) -> StreamHeader:
    coding = dataclasses.replace(header.coding, groups=groups, bits_per_code=bits)
    return dataclasses.replace(header, coding=coding, video=dataclasses.replace(header.video, model_pixels=pixels))


@pytest.mark.parametrize("groups", [16, 32, 64])
def test_streams_of_the_models_sizes_are_accepted(header: StreamHeader, groups: int) -> None:
    sized(header, groups, 5, 256).check_model(preset("face"))


@pytest.mark.parametrize(
    ("groups", "bits", "pixels"), [(5, 5, 256), (33, 5, 256), (128, 5, 256), (64, 4, 256), (64, 5, 64), (16, 6, 256)]
)
def test_streams_of_other_sizes_are_refused(header: StreamHeader, groups: int, bits: int, pixels: int) -> None:
    needed = rf"\({groups}, {1 << bits}, {pixels}\), its model needs \(16, 32, 256\) or \(32, 32, 256\) or "
    with pytest.raises(BitstreamError, match=needed):
        sized(header, groups, bits, pixels).check_model(preset("face"))


@pytest.mark.parametrize("change", [{"number": 1}, {"parts": 1}])
def test_content_of_a_header_begins_a_shot(header: StreamHeader, change: dict[str, int]) -> None:
    content = dataclasses.replace(header.content, **change)  # type: ignore[arg-type]
    with pytest.raises(BitstreamError, match="content of a header"):
        dataclasses.replace(header, content=content)
