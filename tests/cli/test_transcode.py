"""`bcd transcode`: files, pipes, refusals and the report."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bcdcodec.bitstream.stream import read_stats

Bcd = Callable[..., Any]
Pipes = Callable[[bytes], io.BytesIO]


def test_a_smaller_stream_with_the_same_frames(bcd: Bcd, stream_file: Path, tmp_path: Path) -> None:
    done = bcd("transcode", stream_file, tmp_path / "out.bcd")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{tmp_path / 'out.bcd'}: ")
    assert "re-coded" in done.out
    with (tmp_path / "out.bcd").open("rb") as new, stream_file.open("rb") as old:
        assert read_stats(new).motion_frames == read_stats(old).motion_frames
    assert (tmp_path / "out.bcd").stat().st_size <= stream_file.stat().st_size
    assert bcd("verify", tmp_path / "out.bcd").code == 0


def test_codes_are_left_out_where_asked(bcd: Bcd, stream_file: Path, tmp_path: Path) -> None:
    coarse = tmp_path / "coarse.bcd"
    assert bcd("transcode", stream_file, coarse, "--groups", "8").code == 0
    assert "8 groups of 3 bits" in bcd("info", coarse).out
    assert bcd("verify", coarse).code == 0 and bcd("info", coarse, "--bits").code == 0
    done = bcd("transcode", stream_file, tmp_path / "x.bcd", "--groups", "9")
    assert done.code == 2 and "groups is 9; of the 32 codes a frame of this stream 8, 16 may be kept" in done.err
    assert not (tmp_path / "x.bcd").exists()


def test_json_has_both_sides(bcd: Bcd, stream_file: Path, tmp_path: Path) -> None:
    done = bcd("transcode", stream_file, tmp_path / "out.bcd", "--json")
    found = json.loads(done.out)
    assert found["reduction"] == "recode"
    assert found["before"]["bytes"] == stream_file.stat().st_size
    assert found["after"]["bytes"] == (tmp_path / "out.bcd").stat().st_size
    for side in (found["before"], found["after"]):
        assert side["video_bits"] + side["audio_bits"] == 8 * side["bytes"]
        assert (side["frames"], side["fps"], side["duration_s"]) == (25, 12.5, 2.0)
        assert side["kbps"] == pytest.approx(side["video_bits"] / 2000)


def test_what_was_encoded_for_a_bitrate_keeps_its_frames_at_that_bitrate(
    bcd: Bcd, stream_file: Path, tmp_path: Path
) -> None:
    done = bcd("transcode", stream_file, tmp_path / "out.bcd", "--json", "--bitrate", "4k")
    assert json.loads(done.out)["reduction"] == "recode"


def test_pipes(bcd: Bcd, pipes: Pipes, stream_file: Path, stream_bytes: bytes, tmp_path: Path) -> None:
    assert bcd("transcode", stream_file, tmp_path / "out.bcd", "-q").out == ""
    out = pipes(stream_bytes)
    done = bcd("transcode", "-", "-")
    assert done.code == 0
    assert out.getvalue() == (tmp_path / "out.bcd").read_bytes()


def test_the_report_of_a_pipe_is_no_part_of_the_stream(
    bcd: Bcd, pipes: Pipes, stream_bytes: bytes, tmp_path: Path
) -> None:
    pipes(stream_bytes)
    assert bcd("transcode", "-", "-").err.startswith("<stdout>: ")


def test_an_existing_file_is_kept_without_force(bcd: Bcd, stream_file: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.bcd"
    target.write_bytes(b"mine")
    refused = bcd("transcode", stream_file, target)
    assert (refused.code, target.read_bytes()) == (2, b"mine")
    assert "-f replaces it" in refused.err
    assert bcd("transcode", stream_file, target, "-f").code == 0
    assert target.read_bytes() != b"mine"


def test_an_impossible_bitrate_names_the_least(bcd: Bcd, stream_file: Path, tmp_path: Path) -> None:
    done = bcd("transcode", stream_file, tmp_path / "out.bcd", "--bitrate", "500")
    assert done.code == 2
    assert "bit/s is the least" in done.err
    assert not (tmp_path / "out.bcd").exists()


def test_a_cut_stream_leaves_no_output(bcd: Bcd, stream_file: Path, tmp_path: Path) -> None:
    stream_file.write_bytes(stream_file.read_bytes()[:-40])
    done = bcd("transcode", stream_file, tmp_path / "out.bcd", "--bitrate", "2k")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert done.err.startswith("bcd: error: stream ends")
    assert [path.name for path in tmp_path.iterdir()] == [stream_file.name]
