"""`bcd decode` on the tiny model."""

import io
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from stream_kit import damaged

from bcdcodec.cli.streams import HeadReplay
from bcdcodec.codec.decode import file as decode_module
from bcdcodec.codec.decode.concealment import HoldConcealer
from bcdcodec.video.reader import VideoReader

Bcd = Callable[..., Any]
Pipes = Callable[[bytes], io.BytesIO]
RATE = Fraction(25, 2)


def frames(path: Path) -> list[Any]:
    with VideoReader(path, RATE) as reader:
        return [frame.pixels for frame in reader]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_every_frame_comes_back_with_its_audio(bcd: Bcd, stream_file: Path, tmp_path: Path) -> None:
    target = tmp_path / "talk.mp4"
    done = bcd("decode", stream_file, target)
    assert (done.code, done.err) == (0, "")
    assert f"{target}: 25 frames at 12.5 fps, 2.00 s, decoded in " in done.out
    assert [picture.shape for picture in frames(target)] == [(256, 256, 3)] * 25
    with VideoReader(target, RATE) as reader:
        assert reader.has_audio
    assert names(tmp_path) == ["talk.bcd", "talk.mp4"]


def test_an_exported_decoder_decodes_without_torch(bcd: Bcd, stream_file: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    exported, target = tmp_path / "decoder", tmp_path / "talk.mp4"
    done = bcd("export", "onnx", exported, "--weights", "tiny")
    assert done.code == 0 and "for streams of model" in done.out
    assert bcd("export", "onnx", exported, "--weights", "tiny").code == 2
    runtime = ("--runtime", "onnxruntime", "--weights", exported)
    done = bcd("decode", stream_file, target, *runtime, "--preset", "fast", "--conceal", "hold")
    assert done.code == 0 and len(frames(target)) == 25
    assert "asked for are 2 steps" in bcd("decode", stream_file, tmp_path / "other.mp4", *runtime).err
    assert "--device is cuda" in bcd("decode", stream_file, tmp_path / "other.mp4", *runtime, "--device", "cuda").err
    assert "needs --runtime torch" in bcd("decode", stream_file, target, "-f", *runtime, "--conceal", "model").err


def test_paste_back_has_the_size_of_the_source(bcd: Bcd, stream_file: Path, tmp_path: Path) -> None:
    target = tmp_path / "talk.mp4"
    done = bcd("decode", stream_file, target, "--paste-back", "--preset", "fast")
    assert (done.code, done.err) == (0, "")
    assert frames(target)[0].shape == (120, 160, 3)


def test_a_stream_without_a_background_is_named(bcd: Bcd, talking_clip: Path, tmp_path: Path) -> None:
    stream = tmp_path / "talk.bcd"
    assert bcd("encode", talking_clip, stream, "--weights", "tiny", "--no-crop", "--no-audio").code == 0
    done = bcd("decode", stream, tmp_path / "talk.mp4", "--paste-back", "--preset", "fast")
    assert done.code == 0 and "keeps no background, surroundings are gray; `bcd encode --background`" in done.err


@pytest.mark.parametrize(
    "options",
    [
        ("--preset", "paper"),
        ("--steps", "1"),
        ("--guidance", "2.5"),
        ("--seed", "5"),
    ],
)
def test_sampling_options_change_the_pictures(
    options: tuple[str, str], bcd: Bcd, stream_file: Path, tmp_path: Path
) -> None:
    plain, other = tmp_path / "plain.mkv", tmp_path / "other.mkv"
    assert bcd("decode", stream_file, plain).code == 0
    assert bcd("decode", stream_file, other, *options).code == 0
    assert plain.read_bytes() != other.read_bytes()


def test_weights_can_be_named_and_must_fit(bcd: Bcd, stream_file: Path, tiny_weights: Path, tmp_path: Path) -> None:
    assert bcd("decode", stream_file, tmp_path / "a.mp4", "--weights", tiny_weights).code == 0
    # The same tensors in another file have another id.
    other = tmp_path / "other.safetensors"
    other.write_bytes(tiny_weights.read_bytes().replace(b'"name\\": \\"tiny', b'"name\\": \\"othr'))
    done = bcd("decode", stream_file, tmp_path / "b.mp4", "--weights", other)
    assert done.code == 2
    assert "the stream needs weights" in done.err


def test_missing_weights_are_named(
    bcd: Bcd, stream_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BCD_WEIGHTS", str(tmp_path))
    done = bcd("decode", stream_file, tmp_path / "talk.mp4")
    assert done.code == 2
    assert "the stream needs weights" in done.err
    assert str(tmp_path) in done.err


def test_batch_decodes_every_frame(bcd: Bcd, stream_file: Path, tmp_path: Path) -> None:
    assert bcd("decode", stream_file, tmp_path / "talk.mp4", "--batch-segments", "4").code == 0
    assert len(frames(tmp_path / "talk.mp4")) == 25


def test_standard_input_and_output(bcd: Bcd, pipes: Pipes, stream_bytes: bytes, tmp_path: Path) -> None:
    out = pipes(stream_bytes)
    done = bcd("decode", "-", "-")
    assert done.code == 0
    assert "<stdout>: 25 frames" in done.err
    piped = tmp_path / "piped.mp4"
    piped.write_bytes(out.getvalue())
    assert len(frames(piped)) == 25


def test_a_pipe_is_read_twice_up_to_the_header_only() -> None:
    replay = HeadReplay(io.BytesIO(b"headtail"))
    assert replay.read(4) == b"head"
    again = replay.rewind()
    assert [again.read(3), again.read(3), again.read(9), again.read(9)] == [b"hea", b"d", b"tail", b""]


def test_progress_knows_the_number_of_frames(bcd: Bcd, stream_file: Path, tmp_path: Path) -> None:
    assert "25/25" in bcd("decode", stream_file, tmp_path / "talk.mp4", "--progress").err


def test_a_cut_stream_leaves_no_file(bcd: Bcd, stream_file: Path, tmp_path: Path) -> None:
    stream_file.write_bytes(stream_file.read_bytes()[:-100])
    done = bcd("decode", stream_file, tmp_path / "talk.mp4")
    assert done.code == 2
    assert done.err.startswith(f"bcd: error: {stream_file}: stream ends without its END packet")
    assert done.err.count("\n") == 1
    assert names(tmp_path) == ["talk.bcd"]


def test_salvage_keeps_what_comes_before_the_damage(bcd: Bcd, stream_file: Path, tmp_path: Path) -> None:
    stream_file.write_bytes(stream_file.read_bytes()[:-100])
    done = bcd("decode", stream_file, tmp_path / "talk.mp4", "--salvage")
    assert done.code == 0
    assert "damaged stream" in done.err
    assert 0 < len(frames(tmp_path / "talk.mp4")) <= 25


@pytest.mark.parametrize(
    ("target", "force", "code"), [("talk.mp4", (), 2), ("talk.mp4", ("-f",), 0), ("talk.bcd", ("-f",), 2)]
)
def test_overwriting(
    target: str, force: tuple[str, ...], code: int, bcd: Bcd, stream_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "talk.mp4").write_bytes(b"mine")
    before = (tmp_path / target).read_bytes()
    assert bcd("decode", stream_file, tmp_path / target, *force).code == code
    assert ((tmp_path / target).read_bytes() == before) == (code == 2)


@pytest.mark.parametrize("target", ["talk.xyz", "missing/talk.mp4"])
def test_an_impossible_target_is_one_line(target: str, bcd: Bcd, stream_file: Path, tmp_path: Path) -> None:
    done = bcd("decode", stream_file, tmp_path / target)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert names(tmp_path) == ["talk.bcd"]


def test_an_interruption_leaves_no_file(
    bcd: Bcd, stream_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(decode_module.Decoder, "flush", interrupt)
    assert bcd("decode", stream_file, tmp_path / "talk.mp4").code == 130
    assert names(tmp_path) == ["talk.bcd"]


def test_lost_packets_are_concealed_where_that_is_asked_for(bcd: Bcd, stream_file: Path, tmp_path: Path) -> None:
    stream_file.write_bytes(damaged(stream_file.read_bytes()))
    target = tmp_path / "talk.mp4"
    refused = bcd("decode", stream_file, target, "--conceal", "none")
    assert refused.code == 2 and "is damaged" in refused.err and not target.exists()
    done = bcd("decode", stream_file, target, "--conceal", "hold")
    assert done.code == 0 and "25 frames at 12.5 fps, 2.00 s, 8 of them concealed (1 packets lost)" in done.out
    assert len(frames(target)) == 25


def test_a_model_conceals_too(bcd: Bcd, stream_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("transformers")
    from bcdcodec.motion import conceal

    asked = []

    class Model(HoldConcealer):
        @classmethod
        def for_codec(cls, model: object) -> "Model":
            asked.append(model)
            return cls()

    monkeypatch.setattr(conceal, "ModelConcealer", Model)
    stream_file.write_bytes(damaged(stream_file.read_bytes()))
    done = bcd("decode", stream_file, tmp_path / "talk.mp4", "--conceal", "model")
    assert done.code == 0 and "8 of them concealed" in done.out and len(asked) == 1


def test_a_model_is_not_asked_for_codes_that_it_does_not_know(bcd: Bcd, stream_file: Path, tmp_path: Path) -> None:
    coarse, target = tmp_path / "coarse.bcd", tmp_path / "talk.mp4"
    assert bcd("transcode", stream_file, coarse, "--groups", "8").code == 0
    done = bcd("decode", coarse, target, "--conceal", "model")
    assert done.code == 2 and "has 8 codes a frame, --conceal model needs 32; try --conceal hold" in done.err
    assert not target.exists() and bcd("decode", coarse, target, "--conceal", "hold").code == 0


def test_a_codec_without_a_motion_model_says_so(bcd: Bcd, stream_file: Path, tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    done = bcd("decode", stream_file, tmp_path / "talk.mp4", "--conceal", "model")
    assert done.code == 2 and "bcd train motion" in done.err and not (tmp_path / "talk.mp4").exists()
