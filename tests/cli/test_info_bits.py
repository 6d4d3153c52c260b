"""`bcd info --bits` and `--plot`: what packets and codebooks take, and a picture of it."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bcdcodec.cli.main import main

Bcd = Callable[..., Any]
GOLDEN = Path(__file__).parents[1] / "data" / "golden"


def test_packets_and_codebooks_add_up(bcd: Bcd, stream_file: Path) -> None:
    found = json.loads(bcd("info", stream_file, "--bits", "--json").out)
    assert found["packet_list"] == []  # that is for --packets
    (first, *_) = json.loads(bcd("info", stream_file, "--packets", "--json").out)["packet_list"]
    assert 8 * first["offset"] + sum(packet["bits"] for packet in found["packet_bits"]) == found["bits"]["total"]
    motion = [packet for packet in found["packet_bits"] if packet["name"] == "motion"]
    assert sum(packet["frames"] for packet in motion) == 25
    assert [packet["bits_per_frame"] for packet in motion] == [p["bits"] / p["frames"] for p in motion]
    assert [packet["time_s"] for packet in motion] == [0.0, 0.64, 1.28, 1.92][: len(motion)]
    groups = found["group_bits"]
    assert len(groups) == 32
    # Beyond the codes a packet holds its count of frames, its flags, and what its last byte rounds up.
    assert 0 <= found["bits"]["motion"] - sum(groups) <= 8 * 4 * len(motion)
    assert found["group_bits_per_frame"] == pytest.approx([bits / 25 for bits in groups])


def test_the_table_has_both_lists(bcd: Bcd, stream_file: Path) -> None:
    done = bcd("info", stream_file, "--bits")
    packets, groups = done.out.split("sequence")[1].split("bits/frame of each codebook")
    assert " end " in packets.splitlines()[-2]
    assert [line.split()[0] for line in groups.splitlines()[1:]] == ["0-7", "8-15", "16-23", "24-31"]
    assert all(float(number) > 0 for line in groups.splitlines()[1:] for number in line.split()[1:])


@pytest.mark.parametrize("name", ["packed", "coded", "context"])
def test_every_mode_of_the_golden_streams(name: str, bcd: Bcd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BCD_WEIGHTS", str(GOLDEN))
    found = json.loads(bcd("info", GOLDEN / f"{name}.bcd", "--bits", "--json").out)
    assert len(found["group_bits"]) == 5
    assert 0 <= found["bits"]["motion"] - sum(found["group_bits"]) <= 8 * 4 * 4
    if name == "packed":
        assert found["group_bits_per_frame"] == [3.0] * 5


def test_without_weights_packets_alone_are_shown(bcd: Bcd, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BCD_WEIGHTS", str(tmp_path))
    for name, known in (("coded", False), ("packed", True)):  # of packed codes no table is needed
        found = json.loads(bcd("info", GOLDEN / f"{name}.bcd", "--bits", "--json").out)
        assert (found["group_bits"] is not None) == known
        assert found["packet_bits"]
        done = bcd("info", GOLDEN / f"{name}.bcd", "--bits")
        assert done.code == 0
        assert ("weights that hold the tables are not found" in done.out) != known


def test_damage_is_counted_up_to(bcd: Bcd, stream_file: Path) -> None:
    stream_file.write_bytes(stream_file.read_bytes()[:-40])
    done = bcd("info", stream_file, "--bits", "--json")
    found = json.loads(done.out)
    assert done.code == 2
    assert found["damage"]
    assert len(found["group_bits"]) == 32


def pixels(path: Path) -> np.ndarray:
    """A PNG as matplotlib reads it: [height, width, 4], 0 to 1."""
    picture: np.ndarray = pytest.importorskip("matplotlib.image").imread(path)
    return picture


def test_a_plot_is_drawn_beside_the_table(bcd: Bcd, stream_file: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    mean, target = tmp_path / "mean.png", tmp_path / "target.png"
    done = bcd("info", stream_file, "--plot", mean)
    assert done.code == 0
    assert "total" in done.out
    assert bcd("info", stream_file, "--plot", target, "--bitrate", "2k", "--bucket", "2.5").code == 0
    assert pixels(mean).shape == pixels(target).shape
    assert (pixels(mean) != pixels(target)).any()
    assert pixels(mean)[..., :3].std() > 0.05  # not an empty sheet


def test_an_existing_plot_is_kept_without_force(bcd: Bcd, stream_file: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "x.png"
    path.write_bytes(b"mine")
    assert bcd("info", stream_file, "--plot", path).code == 2
    assert path.read_bytes() == b"mine"
    assert bcd("info", stream_file, "--plot", path, "-f").code == 0
    assert path.read_bytes() != b"mine"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--bucket", "2"), "--bucket is for --plot"),
        (("--bitrate", "2k"), "--bitrate is for --plot"),
        (("--plot", "x.svg"), "plots are written as .png"),
        (("--plot", "-"), "a plot is written to a path"),
        (("--plot", "x.png", "--bucket", "0"), "no number of seconds"),
        (("--plot", "x.png", "--bucket", "nan"), "no number of seconds"),
    ],
)
def test_options_without_use_are_refused(
    options: tuple[str, ...], message: str, bcd: Bcd, stream_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = bcd("info", stream_file, *options)
    assert done.code == 2
    assert message in done.err


def test_without_matplotlib_one_line_says_what_to_install(
    bcd: Bcd, stream_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    done = bcd("info", stream_file, "--plot", tmp_path / "x.png")
    assert done.code == 2
    assert done.err == "bcd: error: plots need matplotlib: pip install '.[bench]' in a clone of bcdcodec\n"
    assert not (tmp_path / "x.png").exists()


def test_a_stream_without_frames_has_no_plot(bcd: Bcd, stream_file: Path, tmp_path: Path) -> None:
    from bcdcodec.bitstream.stream import StreamReader, StreamWriter

    with stream_file.open("rb") as file:
        header = StreamReader(file).header
    with stream_file.open("wb") as file:
        writer = StreamWriter(file)
        writer.write_header(header)
        writer.finish()
    done = bcd("info", stream_file, "--plot", tmp_path / "x.png")
    assert (done.code, done.err) == (2, "bcd: error: the stream has no frames, there is nothing to show over time\n")
    assert main(["info", str(stream_file), "--bits"]) == 0
