"""`bcd encode` on the tiny model."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bcdcodec.bitstream.records import CodingMode
from bcdcodec.bitstream.stream import StreamReader, read_stats
from bcdcodec.codec.encode import file as encode_module

Bcd = Callable[..., Any]
Pipes = Callable[[bytes], io.BytesIO]
TINY = ("--weights", "tiny", "--no-crop", "--device", "cpu")


def read(path: Path) -> StreamReader:
    return StreamReader(io.BytesIO(path.read_bytes()))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_report_tells_size_rate_and_frames(bcd: Bcd, talking_clip: Path, tmp_path: Path) -> None:
    target = tmp_path / "talk.bcd"
    done = bcd("encode", talking_clip, target, *TINY)
    size = target.stat().st_size
    assert (done.code, done.err) == (0, "")
    assert f"{target}: {size} bytes, 2.00 s, 1 shot\n" in done.out
    assert f"{size * 8 / 2 / 1000:.2f} kbps" in done.out
    assert "bits/frame at 12.5 fps, 25 frames" in done.out
    assert read_stats(io.BytesIO(target.read_bytes())).motion_frames == 25
    assert names(tmp_path) == ["talk.bcd"]


def test_options_reach_the_stream(bcd: Bcd, talking_clip: Path, tmp_path: Path) -> None:
    target = tmp_path / "talk.bcd"
    options = ("--mode", "packed", "--fps", "25/4", "--seed", "7", "--no-audio", "--background", "--groups", "16")
    assert bcd("encode", talking_clip, target, *TINY, *options, "--meta", "a=b", "--meta", "c=d=e", "-q").code == 0
    header = read(target).header
    assert header.coding.mode is CodingMode.PACKED
    assert (header.video.rate_num, header.video.rate_den) == (25, 4)
    assert (header.coding.seed, header.coding.groups) == (7, 16)
    assert header.audio is None
    assert header.plate
    assert header.metadata == {"a": "b", "c": "d=e"}


def test_an_exported_model_encodes(
    bcd: Bcd, tiny_weights: Path, talking_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its folder, and by the name of weights that were exported into a folder that weights are searched in."""
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    exported, target = tmp_path / "exported", tmp_path / "talk.bcd"
    shutil.copy(tiny_weights, tmp_path)
    monkeypatch.setenv("BCD_WEIGHTS", str(tmp_path))
    options = ("--no-crop", "--runtime", "onnxruntime", "--weights")
    assert "`bcd export onnx` writes one" in bcd("encode", talking_clip, target, *options, "tiny").err
    assert bcd("export", "onnx", exported, "--weights", "tiny").code == 0
    for weights in (exported, "tiny"):
        done = bcd("encode", talking_clip, target, "-f", *options, weights)
        assert (done.code, done.err) == (0, "") and "25 frames" in done.out
    assert "--device is cuda" in bcd("encode", talking_clip, target, "-f", *options, "tiny", "--device", "cuda").err
    assert "effort needs torch" in bcd("encode", talking_clip, target, "-f", *options, "tiny", "--effort", "1").err


def test_audio_is_carried_at_the_asked_rate(bcd: Bcd, talking_clip: Path, tmp_path: Path) -> None:
    target = tmp_path / "talk.bcd"
    assert bcd("encode", talking_clip, target, *TINY, "--audio-bitrate", "12k").code == 0
    audio = read(target).header.audio
    assert audio is not None
    assert audio.bitrate == 12_000


def test_quiet_prints_nothing(bcd: Bcd, talking_clip: Path, tmp_path: Path) -> None:
    done = bcd("encode", talking_clip, tmp_path / "talk.bcd", *TINY, "-q", "--progress")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_progress_can_be_forced(bcd: Bcd, talking_clip: Path, tmp_path: Path) -> None:
    assert "50/50" in bcd("encode", talking_clip, tmp_path / "talk.bcd", *TINY, "--progress").err


def test_standard_input_and_output(bcd: Bcd, pipes: Pipes, talking_clip: Path, tmp_path: Path) -> None:
    target = tmp_path / "talk.bcd"
    assert bcd("encode", talking_clip, target, *TINY).code == 0
    out = pipes(talking_clip.read_bytes())
    done = bcd("encode", "-", "-", *TINY)
    assert done.code == 0
    assert "<stdout>: " in done.err
    assert out.getvalue() == target.read_bytes()


def test_an_existing_file_is_replaced_only_with_force(bcd: Bcd, talking_clip: Path, tmp_path: Path) -> None:
    target = tmp_path / "talk.bcd"
    target.write_bytes(b"mine")
    done = bcd("encode", talking_clip, target, *TINY)
    assert (done.code, done.err) == (2, f"bcd: error: {target} exists; -f replaces it\n")
    assert target.read_bytes() == b"mine"
    assert bcd("encode", talking_clip, target, *TINY, "-f").code == 0
    assert target.read_bytes() != b"mine"


def test_the_source_is_never_replaced(bcd: Bcd, tmp_path: Path) -> None:
    source = tmp_path / "talk.mp4"
    source.write_bytes(b"mine")
    done = bcd("encode", source, source, *TINY, "-f")
    assert (done.code, done.err) == (2, f"bcd: error: {source} is input and output at once\n")
    assert source.read_bytes() == b"mine"


def test_the_report_says_what_was_asked_and_why_it_is_more(bcd: Bcd, talking_clip: Path, tmp_path: Path) -> None:
    """Two seconds may take what ten may, in any mode."""
    for mode in ("auto", "packed"):
        done = bcd("encode", talking_clip, tmp_path / f"{mode}.bcd", *TINY, "--mode", mode)
        assert done.code == 0 and " kbps, asked for 4.00 (under 10 s as much as 10 s)" in done.out
    done = bcd("encode", talking_clip, tmp_path / "none.bcd", *TINY, "--bitrate", "none")
    assert done.code == 0 and "asked for" not in done.out


@pytest.mark.parametrize(
    ("source", "target", "options"),
    [
        ("missing.mp4", "talk.bcd", TINY),
        ("noise.mp4", "talk.bcd", TINY),
        ("talk.mp4", "missing/talk.bcd", TINY),
        ("talk.mp4", ".", TINY),
        ("talk.mp4", "talk.bcd", ("--weights", "nothing")),
        ("talk.mp4", "talk.bcd", (*TINY[:-1], "abacus")),
        ("talk.mp4", "talk.bcd", (*TINY, "--meta", "k=" + "x" * 70_000)),
        ("talk.mp4", "talk.bcd", (*TINY, "--mode", "packed", "--bitrate", "100")),
        ("talk.mp4", "talk.bcd", (*TINY, "--audio-bitrate", "1")),
        ("talk.mp4", "talk.bcd", (*TINY, "--groups", "12")),
    ],
)
def test_a_failure_is_one_line_and_leaves_no_file(
    source: str, target: str, options: tuple[str, ...], bcd: Bcd, talking_clip: Path, tmp_path: Path
) -> None:
    (tmp_path / "noise.mp4").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "talk.mp4").write_bytes(talking_clip.read_bytes())
    before = names(tmp_path)
    done = bcd("encode", tmp_path / source, tmp_path / target, *options)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("bcd: error: ")
    assert done.err.count("\n") == 1
    assert names(tmp_path) == before


def test_an_interruption_leaves_no_file(
    bcd: Bcd, talking_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(encode_module.StreamWriter, "finish", interrupt)
    assert bcd("encode", talking_clip, tmp_path / "talk.bcd", *TINY).code == 130
    assert names(tmp_path) == []


def test_a_stream_is_not_given_the_name_of_a_video(bcd: Bcd, talking_clip: Path, tmp_path: Path) -> None:
    done = bcd("encode", talking_clip, tmp_path / "b.MP4")
    assert done.code == 2 and "is the name of a video, needs one such as OUT.bcd" in done.err
    assert [*tmp_path.iterdir()] == []
