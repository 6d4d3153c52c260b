"""A clip measured with the tiny model: rates of the real file, qualities against simple truths."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bcdcodec.bitstream.stream import read_stats
from bcdcodec.codec.model import CodecModel
from bcdcodec.errors import ConfigError, VideoError
from bcdcodec.evaluation.harness.clips import Clip, read_clips
from bcdcodec.evaluation.harness.decoding import decoded_frames
from bcdcodec.evaluation.metrics.judges import JUDGES
from bcdcodec.evaluation.metrics.psnr import psnr_db
from bcdcodec.studies.validation import measure
from bcdcodec.studies.validation.measure import MeasureSettings, measure_clip
from bcdcodec.video.crop import crop, largest_square
from bcdcodec.video.reader import VideoReader


@pytest.fixture(scope="module")
def model(tiny_weights: Path) -> CodecModel:
    return CodecModel.load(tiny_weights, device="cpu")


@pytest.fixture
def clips(clips_folder: Path) -> list[Clip]:
    return read_clips(clips_folder)


def settings(model: CodecModel, *, limit_s: float | None = None, judges: tuple[str, ...] = ()) -> MeasureSettings:
    return MeasureSettings(sampling=model.config.sampling["realtime"], limit_s=limit_s, judges=judges)


def test_numbers_are_those_of_the_file(model: CodecModel, clips: list[Clip], tmp_path: Path) -> None:
    stream = tmp_path / "a.bcd"
    score, strip = measure_clip(model, clips[0], clips[1], stream=stream, settings=settings(model))
    with stream.open("rb") as file:
        stats = read_stats(file)
    assert (score.clip, score.donor, score.frames, score.seconds) == ("a1", "b1", 24, 2.0)
    assert score.kbps == pytest.approx(stream.stat().st_size * 8 / 2000)
    assert stats.audio_bits == 0
    assert score.header_content_bits == stats.header_bits + stats.content_bits
    assert score.motion_bits_per_frame == stats.motion_bits / 25
    assert score.packed_kbps == pytest.approx(32 * 3 * 12.5 / 1000)
    assert strip.shape == (512, 8 * 256, 3)


def test_pictures_are_compared_one_by_one(model: CodecModel, clips: list[Clip], tmp_path: Path) -> None:
    """The means again, the simple way, with everything in memory."""
    stream = tmp_path / "a.bcd"
    score, strip = measure_clip(model, clips[0], clips[1], stream=stream, settings=settings(model))
    with VideoReader(clips[0].path, model.frame_rate) as reader:
        source = [crop(frame, largest_square(frame.width, frame.height), 256).pixels for frame in reader]
    decoded = [frame.pixels for frame in decoded_frames(model, stream, model.config.sampling["realtime"])]
    pairs = list(zip(decoded, source, strict=True))
    assert score.codec.psnr_db == pytest.approx(np.mean([psnr_db(a, b) for a, b in pairs[1:]]))
    assert score.freeze_frame.psnr_db == pytest.approx(np.mean([psnr_db(source[0], b) for _, b in pairs[1:]]))
    assert np.array_equal(strip[:, :256], np.concatenate([source[0], decoded[0]]))
    assert np.array_equal(strip[:, -256:], np.concatenate([source[-1], decoded[-1]]))
    assert score.codec.faces == score.chain == score.source_misses == {}
    bare = decoded_frames(model, stream, replace(model.config.sampling["realtime"], steps=0))
    assert score.warp_only is not None
    warped = [psnr_db(frame.pixels, b) for frame, b in zip(bare, source, strict=True)]
    assert score.warp_only.psnr_db == pytest.approx(np.mean(warped[1:]))


def test_a_limit_compares_less_but_counts_the_whole_file(model: CodecModel, clips: list[Clip], tmp_path: Path) -> None:
    whole, _ = measure_clip(model, clips[0], None, stream=tmp_path / "a.bcd", settings=settings(model))
    short, strip = measure_clip(model, clips[0], None, stream=tmp_path / "b.bcd", settings=settings(model, limit_s=0.4))
    assert (short.frames, short.kbps, short.seconds) == (4, whole.kbps, whole.seconds)
    assert strip.shape[1] == 5 * 256
    assert short.mismatched_content is None and short.donor is None


def test_faces_that_are_not_found_are_counted(
    model: CodecModel, clips: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Source frames have a face but for the last; of the decoded ones every other. Two judges, two faces."""
    rng = np.random.default_rng(0)

    def plant(name: str) -> dict[str, int]:
        judge, seen = JUDGES[name], {"source": 0, "decoded": 0, "warped": 0, "held": 0, "mismatched": 0}
        points = rng.uniform(0, 256, (judge.layout.points, 3)).astype(np.float32)
        kinds = iter(["source", *["source", "decoded", "warped", "held", "mismatched"] * 23, "source"])

        def find(pixels: np.ndarray) -> np.ndarray | None:
            kind = next(kinds)
            seen[kind] += 1
            if kind == "source":
                return None if seen[kind] == 25 else points
            return None if kind == "decoded" and seen[kind] % 2 else points

        monkeypatch.setitem(JUDGES, name, replace(judge, find=find))
        return seen

    mesh, dlib = plant("mesh"), plant("dlib")
    monkeypatch.setattr(measure, "model_landmarks", lambda *_: None)
    score, _ = measure_clip(
        model, clips[0], clips[1], stream=tmp_path / "a.bcd", settings=settings(model, judges=("mesh", "dlib"))
    )
    assert mesh == dlib == {"source": 25, "decoded": 23, "warped": 23, "held": 23, "mismatched": 23}
    assert score.source_misses == {"mesh": 1, "dlib": 1}
    for name in ("mesh", "dlib"):
        assert (score.codec.faces[name].misses, score.freeze_frame.faces[name].misses) == (12, 0)
        assert score.codec.faces[name].landmarks["all"] == 0
        assert set(score.chain[name]) == {"warped", "decoded"}


def test_an_unknown_judge_is_refused(model: CodecModel) -> None:
    with pytest.raises(ConfigError, match="judge is jury, allowed are mesh, dlib"):
        settings(model, judges=("mesh", "jury"))


def test_a_picture_cannot_be_compared(model: CodecModel, write_list: Callable[..., Path], tmp_path: Path) -> None:
    from bcdcodec.video.lossless import pack_png

    folder = write_list("a.png,amy", head="clip,person")
    (folder / "a.png").write_bytes(pack_png(np.zeros((64, 64, 3), np.uint8)))
    with pytest.raises(VideoError, match="needs at least 2"):
        measure_clip(model, read_clips(folder)[0], None, stream=tmp_path / "a.bcd", settings=settings(model))
