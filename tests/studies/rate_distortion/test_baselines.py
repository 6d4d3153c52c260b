"""The FFmpeg binary: a file of the size asked for, and failures in the encoder's words."""

import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from media_kit import needs

from bcdcodec.errors import MissingExtraError, VideoError
from bcdcodec.studies.rate_distortion import baselines
from bcdcodec.studies.rate_distortion.baselines import encode_by_binary, ffmpeg
from bcdcodec.video.lossless import write_lossless

RATE = Fraction(25, 2)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    needs("imageio_ffmpeg")
    frames = np.random.default_rng(0).integers(0, 255, (4, 1, 1, 3)).astype(np.uint8)
    write_lossless(tmp_path / "a.mkv", frames.repeat(128, 1).repeat(128, 2), rate=RATE)
    return tmp_path / "a.mkv"


def encode(source: Path, *, encoder: str = "libx264") -> Path:
    path = source.with_name("b.mp4")
    encode_by_binary(source, path, side=64, rate=RATE, encoder=encoder, options={"crf": "20"})
    return path


def test_it_scales_and_keeps_the_rate_and_colors(source: Path) -> None:
    with av.open(str(encode(source))) as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        assert stream.average_rate == RATE
    assert [frame.shape for frame in frames] == [(64, 64, 3)] * 4
    with av.open(str(source)) as container:
        expected = [frame.to_ndarray(format="rgb24")[0, 0] for frame in container.decode(video=0)]
    for found, wanted in zip(frames, expected, strict=True):
        assert np.abs(found.reshape(-1, 3).mean(0) - wanted).max() < 6


def test_failures_say_why(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(VideoError, match=r"libnothing cannot encode a\.mkv: .*libnothing"):
        encode(source, encoder="libnothing")

    def slow(*_: object, timeout: float, **__: object) -> None:
        raise subprocess.TimeoutExpired("ffmpeg", timeout)

    monkeypatch.setattr(subprocess, "run", slow)
    with pytest.raises(VideoError, match=r"libx264 has not encoded a\.mkv after 3600 s"):
        encode(source)


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise MissingExtraError(f"no {name}")

    monkeypatch.setattr(baselines, "import_extra", absent)
    with pytest.raises(MissingExtraError, match="imageio_ffmpeg"):
        ffmpeg()
