"""The second reader, written from bitstream_spec.md, against the library; and the examples of that text."""

import dataclasses
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from landmark_kit import synthetic_face, synthetic_tables
from numpy.typing import NDArray
from safetensors.numpy import save_file

from bcdcodec.bitstream.face import join_face
from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import AudioPayload, ContentPart, MotionPayload, Packet, PacketKind
from bcdcodec.bitstream.records import (
    AudioCodec,
    AudioInfo,
    CodingInfo,
    CodingMode,
    ContentCoding,
    ContentRecord,
    VideoInfo,
)
from bcdcodec.bitstream.stream import StreamReader, StreamWriter
from bcdcodec.entropy.content import decode_levels, encode_levels, fit_content_table
from bcdcodec.entropy.landmarks import decode_landmarks, encode_landmarks
from bcdcodec.entropy.motion import MotionCoder
from bcdcodec.entropy.packed import unpack_codes
from bcdcodec.entropy.predictor import Predictor
from bcdcodec.entropy.static import decode_codes, encode_codes
from bcdcodec.entropy.tables import LandmarkTables, Tables, fit_rows
from bcdcodec.video.obu import still_size
from bcdcodec.video.still import decode_still, encode_still

ROOT = Path(__file__).parents[2]
PARSER = ROOT / "tools" / "reference_parser.py"
SPEC = (ROOT / "bitstream_spec.md").read_text()
EXAMPLES = SPEC[SPEC.index("## 11.") :]
MAX_LEVEL = 7


def parse(*arguments: object) -> Any:
    command = [sys.executable, str(PARSER), *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def levels_of(seed: int, shape: tuple[int, int, int]) -> NDArray[np.int32]:
    walk = np.cumsum(np.random.default_rng(seed).normal(size=shape), axis=2)
    return np.clip(np.round(walk), -MAX_LEVEL, MAX_LEVEL).astype(np.int32)


def context_model(source: np.random.Generator) -> Predictor:
    """Of 8 groups of 32 entries; small integers, so that probabilities are not all extreme."""
    return Predictor(
        current=source.integers(-30, 31, (8, 32, 20), np.int8),
        previous=source.integers(-30, 31, (8, 33, 20), np.int8),
        lag1=source.integers(-3000, 3000, (8, 33, 32), np.int16),
        lag2=source.integers(-1000, 1000, (8, 33, 32), np.int16),
        output=source.integers(-15, 16, (8, 20, 32), np.int8),
    )


def build(
    folder: Path, mode: CodingMode, pixels: int, groups: int = 8
) -> tuple[Path, Path, NDArray[np.int64], NDArray[np.int32]]:
    """A file of random codes and levels, its weights, the codes [frames, groups] and the levels. groups: of the 8 that
    the weights are for.
    """
    source = np.random.default_rng(pixels + mode)
    shape = (4, 32, 32) if pixels == 256 else (3, 64, 64)
    motion = fit_rows((1000 * source.random((8, 32)) ** 5).astype(np.int64))
    levels = levels_of(1, shape)
    content = fit_content_table([levels_of(2, shape)], max_level=MAX_LEVEL)
    weights = folder / "weights.safetensors"
    tensors: dict[str, NDArray[Any]] = {
        "tables.motion": motion.astype(np.int32),
        "tables.content": content.astype(np.int32),
    }
    predictor = context_model(source)
    tensors |= predictor.tensors()
    save_file({**tensors, "net": np.ones(5, np.float32)}, weights, metadata={"format": "pt"})
    data = encode_levels(levels, content, max_level=MAX_LEVEL)
    record = ContentRecord(x=-3, y=4, size=99, coding=ContentCoding.LEVELS, data=data)
    header = StreamHeader(
        model_id=bytes(range(16)),
        video=VideoInfo(width=320, height=200, model_pixels=pixels, rate_num=30_000, rate_den=1001, cropped=True),
        coding=CodingInfo(mode=mode, groups=groups, bits_per_code=5, seed=1, window_frames=8, context_frames=2),
        content=record,
        audio=AudioInfo(
            codec=AudioCodec.OPUS, channels=2, sample_rate=48000, pre_skip=312, bitrate=6000, frame_ticks=3
        ),
        metadata={"title": "ünï"},
        unknown=((90, b"later"),),
    )
    codes = source.integers(0, 32, (30, groups))
    file = io.BytesIO()
    writer = StreamWriter(file)
    writer.write_header(header)
    for tick in range(0, 30, 10):
        block = codes[tick : tick + 10]
        payload = MotionCoder(mode, motion, predictor).first(groups).encode(block)
        motion_payload = MotionPayload(10, tick != 10, payload).pack()
        writer.write(Packet(PacketKind.MOTION, writer.next_sequence, tick, motion_payload))
        writer.write(Packet(PacketKind.AUDIO, writer.next_sequence, tick, AudioPayload((b"a", b"bc")).pack()))
    for index, part in enumerate((data[:3], data[3:40])):
        writer.write(Packet(PacketKind.CONTENT_PART, writer.next_sequence, 30, ContentPart(index, part).pack()))
    end = dataclasses.replace(record, data=data[40:], parts=2)
    writer.write(Packet(PacketKind.CONTENT, writer.next_sequence, 30, end.pack()))
    writer.write(Packet(250, writer.next_sequence, 0, b"later"))
    writer.finish()
    path = folder / "stream.bcd"
    path.write_bytes(file.getvalue())
    return path, weights, codes, levels


@pytest.mark.parametrize(
    ("mode", "pixels", "groups"),
    [
        *((CodingMode.PACKED, 64, 8), (CodingMode.PACKED, 256, 8), (CodingMode.CODED, 256, 8)),
        *((CodingMode.CONTEXT, 256, 8), (CodingMode.CODED, 256, 3), (CodingMode.CONTEXT, 256, 3)),
    ],
)
def test_both_readers_agree(tmp_path: Path, mode: CodingMode, pixels: int, groups: int) -> None:
    path, weights, codes, levels = build(tmp_path, mode, pixels, groups)
    reader = StreamReader(io.BytesIO(path.read_bytes()), keep_packets=True)
    library = list(reader)
    header, end, stats = reader.header, reader.end, reader.stats
    found = parse(path, "--weights", weights)

    assert found["bytes"] == path.stat().st_size
    assert [part["type"] for part in found["header"]["sections"]] == [part.type for part in stats.sections]
    assert found["header"]["model"] == header.model_id.hex()
    assert found["header"]["rate"] == [header.video.rate_num, header.video.rate_den]
    assert found["header"]["metadata"] == header.metadata
    assert found["header"]["content"]["levels"] == levels.tolist()

    assert [packet["offset"] for packet in found["packets"]] == [packet.offset for packet in stats.packets]
    known = [packet for packet in found["packets"] if packet["kind"] in (1, 2, 3, 5)]
    assert [packet["timestamp"] for packet in known] == [packet.timestamp for packet in library]
    assert [frame for packet in known for frame in packet.get("codes", [])] == codes.tolist()
    assert known[1]["opus"] == [b"a".hex(), b"bc".hex()]
    assert known[-1]["levels"] == levels.tolist()

    assert end is not None
    points = [(point.tick, point.offset, point.content_offset) for point in end.seek_points]
    assert [tuple(point.values()) for point in found["packets"][-1]["seek_points"]] == points
    assert found["packets"][-1]["end_offset"] == end.end_offset


def test_library_reads_what_it_wrote(tmp_path: Path) -> None:
    """The other half of the comparison: the same file through entropy/."""
    path, weights, codes, levels = build(tmp_path, CodingMode.CODED, 256)
    tables = Tables.from_file(weights)
    reader = StreamReader(io.BytesIO(path.read_bytes()))
    data = reader.header.content.data
    assert (decode_levels(data, (4, 32, 32), table=tables.content, max_level=MAX_LEVEL) == levels).all()
    payloads = [MotionPayload.unpack(packet.payload) for packet in reader if packet.kind == PacketKind.MOTION]
    blocks = [decode_codes(part.codes, part.frames, table=tables.motion) for part in payloads]
    assert (np.concatenate(blocks) == codes).all()


def test_coded_motion_needs_weights(tmp_path: Path) -> None:
    path, _, _, _ = build(tmp_path, CodingMode.CODED, 256)
    packet = parse(path)["packets"][0]
    assert packet["frames"] == 10 and "codes" not in packet


def with_stills(folder: Path, *, content: bytes, plate: bytes, coding: ContentCoding = ContentCoding.PICTURE) -> Path:
    """A header and an END packet with the content of a 64 pixel model as a picture."""
    path, _, _, _ = build(folder, CodingMode.PACKED, 64)
    header = StreamReader(io.BytesIO(path.read_bytes())).header
    record = dataclasses.replace(header.content, coding=coding, data=content)
    file = io.BytesIO()
    writer = StreamWriter(file)
    writer.write_header(dataclasses.replace(header, content=record, plate=plate))
    writer.write(Packet(PacketKind.CONTENT, writer.next_sequence, 0, record.pack()))
    writer.finish()
    path.write_bytes(file.getvalue())
    return path


def test_pictures_are_measured(tmp_path: Path) -> None:
    still = encode_still(np.full((64, 64, 3), 90, np.uint8), budget_bits=9999)
    plate = encode_still(np.full((180, 320, 3), 90, np.uint8), budget_bits=9999)
    found = parse(with_stills(tmp_path, content=still, plate=plate), "--weights", tmp_path / "weights.safetensors")
    for record in (found["header"]["content"], found["packets"][0]):
        assert (record["coding"], record["picture_bytes"], record["picture_size"]) == (1, len(still), [64, 64])
        assert bytes.fromhex(record["data"]) == still and "levels" not in record
    assert found["header"]["plate_size"] == [320, 180]


@pytest.mark.parametrize("roll", [0.0, -0.7, 3.0])
def test_both_readers_agree_on_landmarks(tmp_path: Path, roll: float) -> None:
    still, own = encode_still(np.full((64, 64, 3), 90, np.uint8), budget_bits=9999), synthetic_tables()
    landmarks = encode_landmarks(synthetic_face(own, center=(-20.3, 50.0), roll=roll), own)
    path = with_stills(tmp_path, content=join_face(landmarks, still), plate=still, coding=ContentCoding.FACE)
    plain = parse(path)["header"]["content"]
    assert (plain["coding"], plain["picture_bytes"], plain["picture_size"]) == (2, len(still), [64, 64])
    weights = tmp_path / "faces.safetensors"
    rows = fit_rows(np.ones((8, 32), np.int64)).astype(np.int32)
    tensors = own.tensors() | {"motion": rows, "content": rows}
    save_file({f"tables.{name}": tensor for name, tensor in tensors.items()}, weights)
    found = parse(path, "--weights", weights)["packets"][0]
    assert found["landmarks"] == decode_landmarks(landmarks, own).tolist()
    for wrong in (landmarks + b"\0", landmarks[:5], b""):
        data = bytes([len(wrong)]) + wrong + still
        path = with_stills(tmp_path, content=data, plate=still, coding=ContentCoding.FACE)
        command = [sys.executable, str(PARSER), str(path), "--weights", str(weights)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 2 and "Traceback" not in result.stderr


@pytest.mark.parametrize("part", ["content", "plate"])
@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"\0", lambda data: b"\xff\xd8"])
def test_other_pictures_are_refused(tmp_path: Path, part: str, change: Callable[[bytes], bytes]) -> None:
    still = encode_still(np.full((64, 64, 3), 90, np.uint8), budget_bits=9999)
    path = with_stills(tmp_path, **{"content": still, "plate": still, part: change(still)})
    result = subprocess.run([sys.executable, str(PARSER), str(path)], capture_output=True, text=True, check=False)
    assert result.returncode == 2 and "Traceback" not in result.stderr


def test_a_picture_of_another_size_than_the_model_is_refused(tmp_path: Path) -> None:
    still = encode_still(np.full((64, 62, 3), 90, np.uint8), budget_bits=9999)
    path = with_stills(tmp_path, content=still, plate=still)
    result = subprocess.run([sys.executable, str(PARSER), str(path)], capture_output=True, text=True, check=False)
    assert result.returncode == 2 and "64 a side needed" in result.stderr


@pytest.mark.parametrize("place", [0, 8, 20, 60, 400, -1])
def test_damage_is_refused(tmp_path: Path, place: int) -> None:
    path, _, _, _ = build(tmp_path, CodingMode.PACKED, 256)
    data = bytearray(path.read_bytes())
    data[place] ^= 4
    path.write_bytes(data)
    command = [sys.executable, str(PARSER), str(path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2 and "Traceback" not in result.stderr


def test_parser_shares_no_code() -> None:
    assert not re.search(r"^\s*(import|from)\s+(bcdcodec|numpy|constriction)", PARSER.read_text(), re.MULTILINE)
    result = subprocess.run([sys.executable, str(PARSER), "--help"], capture_output=True, text=True, check=True)
    assert "--weights" in result.stdout


def test_example_file_of_the_spec(tmp_path: Path) -> None:
    block = re.search(r"(?:^    .+\n)+", EXAMPLES, re.MULTILINE)
    assert block is not None
    data = bytes.fromhex("".join(line[4:56].strip() for line in block[0].splitlines()))
    assert len(data) == 119
    reader = StreamReader(io.BytesIO(data))
    (packet,) = reader
    payload = packet.record()
    assert isinstance(payload, MotionPayload)
    codes = unpack_codes(payload.codes, payload.frames, groups=4, bits=5)
    assert codes.tolist() == [[1, 2, 3, 4], [31, 0, 16, 8]]
    content = reader.header.content
    assert (content.x, content.y, content.size, content.coding) == (-8, 24, 300, ContentCoding.LEVELS)
    path = tmp_path / "example.bcd"
    path.write_bytes(data)
    assert parse(path)["packets"][0]["codes"] == codes.tolist()


def test_still_example_of_the_spec() -> None:
    example = re.search(r"still of (\d+)x(\d+), all pixels \((\d+), (\d+), (\d+)\).*:\n`([0-9a-f]+)`", EXAMPLES)
    assert example is not None
    width, height, *color = (int(number) for number in example.groups()[:5])
    data = bytes.fromhex(example[6])
    assert still_size(data) == (width, height)
    assert np.abs(decode_still(data).astype(int) - color).max() <= 1


def test_range_coder_examples_of_the_spec() -> None:
    rows = re.search(r"rows `([\d ]+)` and `([\d ]+)`", EXAMPLES)
    assert rows is not None
    table = np.array([[int(count) for count in row.split()] for row in rows.groups()], np.uint32)
    cases = re.findall(r"^\| ([\d ,]+) \| (\S+) \|$", EXAMPLES, re.MULTILINE)
    assert len(cases) == 4
    for text, expected in cases:
        codes = np.array([[int(code) for code in frame.split()] for frame in text.split(",")])
        assert encode_codes(codes, table).hex() == expected.replace("(none)", "")


def test_landmark_example_of_the_spec() -> None:
    example = re.search(r"Landmarks with .* rows? `([\d ]+)`.*?bytes `([0-9a-f]+)`,\s(.*)", EXAMPLES, re.DOTALL)
    assert example is not None
    index = np.arange(478)
    mean = np.stack([2048 * index - 488448, 4096 * (index % 239) - 487424], axis=1).astype(np.int32)
    basis = np.stack([np.stack([4 * index, 0 * index], axis=1), np.stack([0 * index, 9 * index], axis=1)])
    row = np.array([int(count) for count in example[1].split()], np.uint32)
    tables = LandmarkTables(mean=mean, basis=basis.astype(np.int32), rows=np.stack([row, row]))
    points = decode_landmarks(bytes.fromhex(example[2]), tables)
    found = re.findall(r"landmark (\d+) at \((-?\d+), (-?\d+)\)", example[3])
    assert len(found) == 3
    for text in found:
        number, *position = (int(part) for part in text)
        assert points[number].tolist() == position
