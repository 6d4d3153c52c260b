"""`bcd info`: every bit accounted for, damage reported."""

import dataclasses
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stream_kit import damaged

from bcdcodec.bitstream.face import join_face
from bcdcodec.bitstream.records import ContentCoding
from bcdcodec.bitstream.stream import StreamReader, StreamWriter

Bcd = Callable[..., Any]
Pipes = Callable[[bytes], io.BytesIO]


def test_json_adds_up_to_the_file(bcd: Bcd, stream_file: Path) -> None:
    done = bcd("info", stream_file, "--json", "--packets")
    found = json.loads(done.out)
    size = stream_file.stat().st_size
    bits = dict(found["bits"])
    assert done.code == 0
    assert found["bytes"] == size
    assert bits.pop("total") == 8 * size == sum(bits.values())
    assert found["kbps"]["total"] == pytest.approx(8 * size / 2 / 1000)
    assert found["bits_per_frame"]["motion"] == pytest.approx(bits["motion"] / 25)
    packets, sections = found["packet_list"], found["sections"]
    assert packets[-1]["offset"] + (packets[-1]["payload_bits"] + packets[-1]["framing_bits"]) // 8 == size
    assert sum(p["payload_bits"] for p in packets if p["name"] == "motion") == bits["motion"]
    assert sum(p["payload_bits"] for p in packets if p["name"] == "audio") == bits["audio"]
    assert [s["bits"] for s in sections if s["name"] == "content"] == [bits["content"]]


def test_json_describes_the_stream(bcd: Bcd, stream_file: Path, tiny_weights: Path) -> None:
    found = json.loads(bcd("info", stream_file, "--json").out)
    assert found["damage"] is None
    assert found["model"]["found"] is True
    assert found["model"]["path"] == str(tiny_weights)
    assert found["video"]["fps"] == 12.5
    assert (found["frames"], found["duration_s"]) == (25, 2.0)
    assert found["crop"] == {"x": 20, "y": 0, "size": 120}
    assert found["content"]["coding"] == "picture" and 0 < found["content"]["bytes"] <= 1000
    assert found["content"]["landmark_bits"] is None
    assert (found["coding"]["mode"], found["coding"]["groups"]) == ("coded", 32)
    assert found["audio"]["codec"] == "opus"
    assert found["metadata"] == {"title": "a \x1b[31mtest"}
    assert found["plate_bytes"] > 0
    assert [point["time_s"] for point in found["seek_points"]] == [0.0]
    assert found["packet_list"] == []


def test_the_table_shows_every_category_and_no_control_characters(bcd: Bcd, stream_file: Path) -> None:
    done = bcd("info", stream_file)
    rows = {line.split()[0]: line.split() for line in done.out.splitlines() if line}
    assert done.code == 0
    assert int(rows["total"][1]) == 8 * stream_file.stat().st_size
    parts = ("header", "content", "motion", "audio", "framing", "unknown")
    assert sum(int(rows[name][1]) for name in parts) == int(rows["total"][1])
    assert "12.5 fps (25/2), 2.00 s" in done.out
    assert rows["token"][1] == "picture,"
    assert "\x1b" not in done.out


def test_the_landmarks_of_a_face_are_counted(bcd: Bcd, stream_file: Path) -> None:
    header = StreamReader(io.BytesIO(stream_file.read_bytes())).header

    def info(data: bytes, *options: str) -> Any:
        content, out = dataclasses.replace(header.content, coding=ContentCoding.FACE, data=data), io.BytesIO()
        writer = StreamWriter(out)
        writer.write_header(dataclasses.replace(header, content=content))
        writer.finish()
        stream_file.write_bytes(out.getvalue())
        return bcd("info", stream_file, *options)

    found = json.loads(info(join_face(bytes(25), b"still"), "--json").out)
    assert found["content"] == {"coding": "face", "bytes": 31, "landmark_bits": 200}
    assert "face, 31 bytes, 200 bits of landmarks among them" in info(join_face(bytes(25), b"still")).out
    assert "needs 25 bytes" in json.loads(info(bytes([25, 0]), "--json").out)["damage"]


def test_packets_are_listed(bcd: Bcd, stream_file: Path) -> None:
    lines = bcd("info", stream_file, "--packets").out.split("sequence")[1].splitlines()[1:]
    assert [int(line.split()[0]) for line in lines] == list(range(len(lines)))
    assert lines[0].endswith("yes")
    assert " end " in lines[-1]


def test_standard_input(bcd: Bcd, pipes: Pipes, stream_bytes: bytes) -> None:
    out = pipes(stream_bytes)
    assert bcd("info", "-", "--json").code == 0
    assert json.loads(out.getvalue())["bytes"] == len(stream_bytes)


def test_weights_that_are_not_there(bcd: Bcd, stream_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BCD_WEIGHTS", str(stream_file.parent))
    assert json.loads(bcd("info", stream_file, "--json").out)["model"]["found"] is False
    assert "not found on this machine" in bcd("info", stream_file).out


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_cut_file_is_described_up_to_the_cut(form: tuple[str, ...], bcd: Bcd, stream_file: Path) -> None:
    stream_file.write_bytes(stream_file.read_bytes()[:-40])
    done = bcd("info", stream_file, *form)
    assert done.code == 2
    assert "stream ends without its END packet" in done.out
    assert "motion" in done.out
    assert done.err.startswith(f"bcd: error: {stream_file.name}: stream ends")


def test_frames_of_lost_packets_are_named_where_reading_goes_on(bcd: Bcd, stream_file: Path, tmp_path: Path) -> None:
    whole = json.loads(bcd("info", stream_file, "--tolerate-loss", "--json").out)
    assert whole["lost"] == {"packets": 0, "gaps": [], "frames": 0} and "lost" not in bcd("info", stream_file).out
    stream_file.write_bytes(damaged(stream_file.read_bytes()))
    assert bcd("info", stream_file).code == 2
    done = bcd("info", stream_file, "--tolerate-loss")
    assert done.code == 0 and "1 packets, 8 frames to predict: 0.64 to 1.28 s" in done.out
    found = json.loads(bcd("info", stream_file, "--tolerate-loss", "--json").out)
    assert found["lost"] == {"packets": 1, "gaps": [[8, 16]], "frames": 8} and found["frames"] == 17
    assert found["damage"] is None and found["duration_s"] == 2.0


@pytest.mark.parametrize("data", [b"", b"not a stream", b"\x8bBCD\r\n\x1a\n\x01\x01"])
def test_without_a_header_only_the_size_is_known(data: bytes, bcd: Bcd, tmp_path: Path) -> None:
    path = tmp_path / "x.bcd"
    path.write_bytes(data)
    done = bcd("info", path, "--json")
    found = json.loads(done.out)
    assert done.code == 2
    assert found["bytes"] == len(data)
    assert found["damage"]
    assert "bits" not in found
    assert bcd("info", path).code == 2


def test_a_missing_file_is_one_line(bcd: Bcd, tmp_path: Path) -> None:
    done = bcd("info", tmp_path / "x.bcd")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)


def test_references_are_listed_with_the_frames_made_from_them(bcd: Bcd) -> None:
    golden = Path(__file__).parents[1] / "data" / "golden" / "gallery.bcd"
    listed = json.loads(bcd("info", golden, "--json").out)["references"]
    assert [(one["shot"], one["number"], one["tick"], one["frames"], one["drops"]) for one in listed] == [
        (0, 0, 0, 12, 0),
        (0, 1, 8, 4, 0),
        (0, 2, 16, 4, 1),
        (1, 0, 20, 5, 0),
    ]
    assert "reference   shot  number" in bcd("info", golden).out
