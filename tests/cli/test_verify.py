"""`bcd verify`: OK, or the first problem with its offset."""

import dataclasses
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from landmark_kit import synthetic_face, synthetic_tables

from bcdcodec.bitstream.face import join_face
from bcdcodec.bitstream.packet import EndPayload, MotionPayload, Packet, PacketKind, SeekPoint
from bcdcodec.bitstream.records import ContentCoding
from bcdcodec.bitstream.stream import StreamReader, StreamWriter, read_stats
from bcdcodec.cli.verify import PayloadChecker, Symbols
from bcdcodec.entropy.landmarks import encode_landmarks
from bcdcodec.errors import BitstreamError
from bcdcodec.video.still import encode_still

Bcd = Callable[..., Any]
Pipes = Callable[[bytes], io.BytesIO]


def test_a_good_stream(bcd: Bcd, stream_file: Path) -> None:
    done = bcd("verify", stream_file)
    assert (done.code, done.err) == (0, "")
    size = stream_file.stat().st_size
    assert done.out.startswith(f"OK talk.bcd: {size} bytes, ")
    assert done.out.endswith("25 frames, codes decoded\n")


def test_without_weights_it_says_what_was_not_checked(
    bcd: Bcd, stream_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BCD_WEIGHTS", str(stream_file.parent))
    done = bcd("verify", stream_file)
    assert done.code == 0
    assert "codes not decoded, weights" in done.out


def test_standard_input(bcd: Bcd, pipes: Pipes, stream_bytes: bytes) -> None:
    out = pipes(stream_bytes)
    assert bcd("verify", "-").code == 0
    assert out.getvalue().startswith(b"OK <stdin>")


def test_a_flipped_bit_is_found_at_its_packet(bcd: Bcd, stream_file: Path) -> None:
    data = bytearray(stream_file.read_bytes())
    packet = read_stats(io.BytesIO(data), keep_packets=True).packets[2]
    data[packet.offset + (packet.payload_bits + packet.framing_bits) // 8 - 1] ^= 1
    stream_file.write_bytes(data)
    done = bcd("verify", stream_file)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"bcd: error: {stream_file}: at offset {packet.offset}: packet 2 is damaged")


def test_damage_in_the_header(bcd: Bcd, stream_file: Path) -> None:
    data = bytearray(stream_file.read_bytes())
    data[20] ^= 1
    stream_file.write_bytes(data)
    assert bcd("verify", stream_file).err.startswith(f"bcd: error: {stream_file}: in the header: section 1 is damaged")


@pytest.mark.parametrize("cut", [1, 40, 700])
def test_a_cut_stream(cut: int, bcd: Bcd, stream_file: Path) -> None:
    stream_file.write_bytes(stream_file.read_bytes()[:-cut])
    done = bcd("verify", stream_file)
    assert done.code == 2
    assert "stream ends without its END packet" in done.err


def test_bytes_after_the_end(bcd: Bcd, stream_file: Path) -> None:
    size = stream_file.stat().st_size
    stream_file.write_bytes(stream_file.read_bytes() + b"x")
    assert bcd("verify", stream_file).err.startswith(f"bcd: error: {stream_file}: at offset {size}: stream has bytes")


def test_codes_that_no_encoder_writes(bcd: Bcd, stream_file: Path) -> None:
    """Checksums are right, the entropy-coded bytes are not."""
    reader, out = StreamReader(io.BytesIO(stream_file.read_bytes())), io.BytesIO()
    writer = StreamWriter(out)
    writer.write_header(reader.header)
    for packet in reader:
        if packet.kind == PacketKind.MOTION and packet.timestamp:
            motion = MotionPayload.unpack(packet.payload)
            payload = dataclasses.replace(motion, codes=motion.codes + b"\1").pack()
            bad, packet = writer.offset, dataclasses.replace(packet, payload=payload)
            writer.write(packet)
            break
        writer.write(packet)
    writer.finish()
    stream_file.write_bytes(out.getvalue())
    assert bcd("verify", stream_file).err.startswith(f"bcd: error: {stream_file}: at offset {bad}: coded motion of")


def test_an_index_that_points_elsewhere(bcd: Bcd, stream_file: Path) -> None:
    data = stream_file.read_bytes()
    end = read_stats(io.BytesIO(data), keep_packets=True).packets[-1]
    packet = Packet.unpack(data[end.offset :])
    index = EndPayload.unpack(packet.payload)
    points = (SeekPoint(0, index.seek_points[0].offset + 1, None),)
    wrong = dataclasses.replace(packet, payload=dataclasses.replace(index, seek_points=points).pack())
    stream_file.write_bytes(data[: end.offset] + wrong.pack())
    done = bcd("verify", stream_file)
    assert done.code == 2
    assert "the index names a key packet" in done.err


@pytest.mark.parametrize(("width", "height"), [(64, 64), (256, 128), (256, 256)])
def test_a_content_picture_is_as_large_as_the_model_paints(
    bcd: Bcd, stream_file: Path, width: int, height: int
) -> None:
    reader, out = StreamReader(io.BytesIO(stream_file.read_bytes())), io.BytesIO()
    still = encode_still(np.full((height, width, 3), 90, np.uint8), budget_bits=9999)
    content = dataclasses.replace(reader.header.content, coding=ContentCoding.PICTURE, data=still)
    writer = StreamWriter(out)
    writer.write_header(dataclasses.replace(reader.header, content=content))
    for packet in reader:
        writer.write(packet)
    writer.finish()
    stream_file.write_bytes(out.getvalue())
    side = reader.header.video.model_pixels
    done = bcd("verify", stream_file)
    assert done.code == (0 if (width, height) == (side, side) else 2)
    if done.code:
        assert f"content picture is {width}x{height}, the model needs {side}x{side}" in done.err


def test_a_content_picture_that_is_none(bcd: Bcd, stream_file: Path) -> None:
    reader, out = StreamReader(io.BytesIO(stream_file.read_bytes())), io.BytesIO()
    content = dataclasses.replace(reader.header.content, coding=ContentCoding.PICTURE, data=b"\xff\xd8")
    StreamWriter(out).write_header(dataclasses.replace(reader.header, content=content))
    stream_file.write_bytes(out.getvalue())
    assert "in the header: content picture: not an AV1 still" in bcd("verify", stream_file).err


def test_a_face_needs_landmarks_and_their_tables(stream_file: Path) -> None:
    header = StreamReader(io.BytesIO(stream_file.read_bytes())).header
    side, own = header.video.model_pixels, synthetic_tables()
    still = encode_still(np.full((side, side, 3), 90, np.uint8), budget_bits=9999)
    landmarks = encode_landmarks(synthetic_face(own), own)

    def check(data: bytes) -> None:
        content = dataclasses.replace(header.content, coding=ContentCoding.FACE, data=data)
        PayloadChecker(dataclasses.replace(header, content=content), symbols).check_header()

    symbols = Symbols.of_stream(header)
    assert symbols is not None
    tables = symbols.tables
    symbols = dataclasses.replace(symbols, tables=dataclasses.replace(tables, landmarks=own))
    check(join_face(landmarks, still))
    for wrong in (
        join_face(landmarks + b"\0", still),
        join_face(landmarks[:5], still),
        join_face(landmarks, b""),
        still,
    ):
        with pytest.raises(BitstreamError):
            check(wrong)
    symbols = dataclasses.replace(symbols, tables=dataclasses.replace(tables, landmarks=None))
    with pytest.raises(BitstreamError, match="the model has no tables for them"):
        check(join_face(landmarks, still))
