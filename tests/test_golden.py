"""The committed streams are read to the committed codes, by both readers; every cut and every flipped bit is noticed.

The files come from tools/regenerate_golden.py, whose docstring has the rule for changing them.
"""

import hashlib
import importlib.util
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from bcdcodec.bitstream.header import VERSION
from bcdcodec.bitstream.packet import Packet
from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.cli.verify import verify
from bcdcodec.codec.model import CodecModel
from bcdcodec.errors import BitstreamError, TruncatedError

ROOT = Path(__file__).parents[1]
TOOL, PARSER, FOLDER = (
    ROOT / name for name in ("tools/regenerate_golden.py", "tools/reference_parser.py", "tests/data/golden")
)
DESCRIPTION: dict[str, Any] = json.loads((FOLDER / "golden.json").read_text(encoding="utf-8"))
STREAMS = sorted(DESCRIPTION["streams"])
SHORTEST = min(STREAMS, key=lambda name: DESCRIPTION["streams"][name]["bytes"])
#: Levels by which shrunk decoded pictures may differ between devices and releases of torch (measured here: 0).
PIXEL_TOLERANCE = 3
#: Part of the codes that another processor's rounding may change; a code is the nearest of some vectors of floats.
CODE_TOLERANCE = 0.05


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("regenerate_golden", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def model() -> CodecModel:
    torch.set_num_threads(1)  # on tensors this small threads wait longer than they work
    return CodecModel.load(FOLDER / "tiny.safetensors", device="cpu")


@pytest.fixture(scope="module")
def again(tool: ModuleType, model: CodecModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The streams as the encoder writes them now."""
    folder = tmp_path_factory.mktemp("again")
    for name in tool.STREAMS:
        tool.encode_stream(folder / name, model)
    return folder


def read_until_damage(data: bytes) -> tuple[list[Packet], BitstreamError | None]:
    """Every packet before the first problem, and the problem."""
    packets: list[Packet] = []
    try:
        for packet in StreamReader(io.BytesIO(data)):
            packets.append(packet)
    except BitstreamError as error:
        return packets, error
    return packets, None


def test_files_are_the_ones_described() -> None:
    assert DESCRIPTION["bitstream_version"] == VERSION, "a new version needs new goldens beside the old ones"
    weights = {"tiny.safetensors": DESCRIPTION["weights"], "context.safetensors": DESCRIPTION["context_weights"]}
    described = DESCRIPTION["streams"] | weights
    for name, facts in described.items():
        data = (FOLDER / name).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (facts["bytes"], facts["sha256"])


def test_goldens_hold_what_they_are_for() -> None:
    for stream in DESCRIPTION["streams"].values():
        assert {packet["kind"] for packet in stream["packets"]} == {1, 2, 3}
        assert {packet["key"] for packet in stream["packets"] if packet["kind"] == 2} == {True, False}
        assert stream["header"]["metadata"] and len(stream["seek_points"]) >= 3
    packed, *others = (DESCRIPTION["streams"][f"{name}.bcd"]["packets"] for name in ("packed", "coded", "context"))
    for packets in others:
        assert [packet.get("codes") for packet in packed] == [packet.get("codes") for packet in packets]
    codings = [
        DESCRIPTION["streams"][f"{name}.bcd"]["header"]["content"]["coding"] for name in ("coded", "picture", "face")
    ]
    assert codings == [0, 1, 2]
    still, face = (DESCRIPTION["streams"][f"{name}.bcd"]["packets"] for name in ("picture", "face"))
    assert [packet.get("codes") for packet in still] != [packet.get("codes") for packet in face]
    gallery = DESCRIPTION["streams"]["gallery.bcd"]["packets"]
    assert [packet.get("number") for packet in gallery if packet["kind"] == 1] == [1, 2, None]
    assert [packet.get("reference", 0) for packet in gallery if packet["kind"] == 2] == [0, 0, 1, 0, 2, 0, 0]
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 500_000
    assert all((FOLDER / f"{name}.npy").stat().st_size <= 20_000 for name in ("levels", "picture", "face", "gallery"))


@pytest.mark.parametrize("name", STREAMS)
def test_the_library_reads_the_same_codes_without_torch(name: str) -> None:
    code = (
        f"import json, sys; sys.path.insert(0, {str(TOOL.parent)!r}); from pathlib import Path\n"
        "from regenerate_golden import FOLDER, describe_stream, weights_of\n"
        f"found = describe_stream(FOLDER / {name!r}, FOLDER / weights_of({name!r}))\n"
        "assert 'torch' not in sys.modules, 'reading a stream loaded torch'\n"
        "print(json.dumps(found))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == DESCRIPTION["streams"][name]


@pytest.mark.parametrize("name", STREAMS)
def test_the_reference_parser_reads_the_same_codes(name: str, tool: ModuleType) -> None:
    command = [sys.executable, str(PARSER), str(FOLDER / name), "--weights", str(FOLDER / tool.weights_of(name))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found, expected = json.loads(done.stdout), DESCRIPTION["streams"][name]
    header, packets, end = found["header"], found["packets"][:-1], found["packets"][-1]
    assert found["bytes"] == expected["bytes"]
    assert header["model"] == expected["header"]["model_id"]
    assert header["metadata"] == expected["header"]["metadata"]
    assert list(header["coding"].values()) == list(expected["header"]["coding"].values())
    assert header["audio"] == list(expected["header"]["audio"].values())
    assert_same_content(header["content"], expected["header"]["content"])
    assert [point[:2] for point in expected["seek_points"]] == [
        [point["tick"], point["offset"]] for point in end["seek_points"]
    ]
    assert len(packets) == len(expected["packets"])
    for packet, facts in zip(packets, expected["packets"], strict=True):
        assert all(packet[key] == facts[key] for key in ("kind", "timestamp", "payload_bytes"))
        assert bytes(code for frame in packet.get("codes", []) for code in frame).hex() == facts.get("codes", "")
        assert packet.get("opus") == facts.get("opus")
        if facts["kind"] == 1:
            assert_same_content(packet, facts)


def assert_same_content(record: dict[str, Any], facts: dict[str, Any]) -> None:
    assert [record["x"], record["y"], record["size"]] == facts["box"]
    if facts["coding"] > 0:
        still = bytes.fromhex(record["data"])[-record["picture_bytes"] :]
        assert hashlib.sha256(still).hexdigest() == facts["picture_sha256"]
        assert record["picture_size"] == [256, 256]
    if facts["coding"] == 2:
        points = np.array(record["landmarks"], "<i4")
        assert hashlib.sha256(points.tobytes()).hexdigest() == facts["landmarks_sha256"]
    if facts["coding"] == 0:
        assert hashlib.sha256(np.array(record["levels"], np.int8).tobytes()).hexdigest() == facts["levels_sha256"]


def test_every_truncation_is_reported_after_what_is_whole() -> None:
    data = (FOLDER / SHORTEST).read_bytes()
    reader = StreamReader(io.BytesIO(data), keep_packets=True)
    whole = list(reader)
    ends = [packet.offset + (packet.payload_bits + packet.framing_bits) // 8 for packet in reader.stats.packets]
    for cut in range(len(data)):
        packets, error = read_until_damage(data[:cut])
        assert isinstance(error, TruncatedError), f"cut to {cut} bytes"
        assert packets == whole[: sum(end <= cut for end in ends)], f"cut to {cut} bytes"


def flips(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The data with each of its bits flipped, one at a time, and the place of the bit."""
    damaged = bytearray(data)
    for bit in range(8 * len(data)):
        damaged[bit // 8] ^= 1 << bit % 8
        yield bit // 8, bytes(damaged)
        damaged[bit // 8] ^= 1 << bit % 8


def test_every_flipped_bit_is_noticed() -> None:
    """Any other exception than BitstreamError fails the test; so does a packet that is not one of the golden's."""
    data = (FOLDER / SHORTEST).read_bytes()
    reader = StreamReader(io.BytesIO(data), keep_packets=True)
    whole = list(reader)
    starts = [packet.offset for packet in reader.stats.packets]
    for place, damaged in flips(data):
        packets, error = read_until_damage(damaged)
        assert error is not None, f"byte {place}"
        damaged_packets = [start for start in starts if start <= place]
        assert packets == whole[: max(0, len(damaged_packets) - 1)], f"byte {place}"


def test_verify_notices_flips_and_accepts_the_goldens(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the weights at hand it decodes every symbol, which is slower: a bit of every fifth byte."""
    monkeypatch.setenv("BCD_WEIGHTS", str(FOLDER))
    for name in STREAMS:
        assert verify(io.BytesIO((FOLDER / name).read_bytes())).decoded
    data = (FOLDER / SHORTEST).read_bytes()
    for place, damaged in list(flips(data))[::41]:
        with pytest.raises(BitstreamError):
            verify(io.BytesIO(damaged))
            pytest.fail(f"byte {place}")


@pytest.mark.parametrize("name", STREAMS)
def test_encoding_again_gives_the_golden(name: str, tool: ModuleType, again: Path) -> None:
    """The same bytes where floats come out the same; elsewhere the same structure and nearly all codes.

    Which of two nearly equal distances is smaller may depend on the order in which a processor adds, so bytes are
    promised by the decoder for a given stream, not by the encoder for given pictures.
    """
    if DESCRIPTION["made_on"] == tool.machine_id():
        assert (again / name).read_bytes() == (FOLDER / name).read_bytes()
    found, expected = tool.describe_stream(again / name, FOLDER / tool.weights_of(name)), DESCRIPTION["streams"][name]
    for key in ("model_id", "video", "coding", "audio", "metadata"):
        assert found["header"][key] == expected["header"][key]
    assert found["header"]["content"]["box"] == expected["header"]["content"]["box"]
    same_keys = ("kind", "sequence", "timestamp", "frames", "key", "box", "opus")
    for packet, facts in zip(found["packets"], expected["packets"], strict=True):
        assert [packet.get(key) for key in same_keys] == [facts.get(key) for key in same_keys]
    codes, golden = (all_codes(stream) for stream in (found, expected))
    assert np.mean(codes != golden) <= CODE_TOLERANCE


def all_codes(stream: dict[str, Any]) -> np.ndarray:
    return np.frombuffer(bytes.fromhex("".join(packet.get("codes", "") for packet in stream["packets"])), np.uint8)


@pytest.mark.parametrize("name", STREAMS)
def test_two_runs_give_the_same_bytes(
    name: str, tool: ModuleType, model: CodecModel, again: Path, tmp_path: Path
) -> None:
    tool.encode_stream(tmp_path / name, model)
    assert (tmp_path / name).read_bytes() == (again / name).read_bytes()


@pytest.mark.parametrize("name", STREAMS)
def test_pictures_are_close_to_the_thumbnails(name: str, tool: ModuleType, model: CodecModel) -> None:
    expected = np.load(FOLDER / tool.THUMBNAILS[name], allow_pickle=False)
    found = tool.thumbnails(FOLDER / name, model)
    assert found.shape == expected.shape == (7, 16, 16, 3)
    assert np.abs(found.astype(int) - expected.astype(int)).max() <= PIXEL_TOLERANCE
    assert np.ptp(expected) > 50, "flat pictures would be close to anything"


def test_goldens_are_not_replaced_by_accident(tool: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert tool.main([]) == 2
    assert "--replace" in capsys.readouterr().err


def test_help(tool: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        tool.main(["--help"])
    assert stopped.value.code == 0
    assert "--new-weights" in capsys.readouterr().out
