"""Reference codecs: colours and timestamps are kept; there is one key frame."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from bcdcodec.errors import VideoError
from bcdcodec.evaluation.metrics.psnr import psnr_db
from bcdcodec.video.reference_codecs import decode_classical, encode_classical

RATE = Fraction(25, 2)


@pytest.fixture
def frames() -> NDArray[np.uint8]:
    """A saturated ramp that moves: [12, 64, 64, 3]."""
    y, x = np.mgrid[:64, :64]
    pictures = [np.stack([3 * x + 40, 255 - 3 * y, (x + y + 8 * t) % 128 + 60], axis=-1) for t in range(12)]
    return np.stack(pictures).astype(np.uint8)


def encode(path: Path, frames: NDArray[np.uint8], crf: int) -> None:
    encode_classical(path, frames, rate=RATE, encoder="libx264", options={"preset": "fast", "crf": str(crf)})


def test_frames_come_back_in_their_colors_and_order(tmp_path: Path, frames: NDArray[np.uint8]) -> None:
    encode(tmp_path / "a.mp4", frames, 5)
    found = decode_classical(tmp_path / "a.mp4", rate=RATE, count=12)
    closeness = np.array([[psnr_db(a, b) for b in frames] for a in found])
    assert (closeness.argmax(axis=1) == np.arange(12)).all()
    # A wrong matrix or range costs more than 4:2:0 and the encoder together.
    assert closeness.diagonal().min() > 34


def test_there_is_one_key_frame(tmp_path: Path, frames: NDArray[np.uint8]) -> None:
    encode(tmp_path / "a.mp4", frames, 20)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert [packet.is_keyframe for packet in container.demux(video=0) if packet.size] == [True] + [False] * 11


def test_failures_name_the_encoder_and_the_count(tmp_path: Path, frames: NDArray[np.uint8]) -> None:
    with pytest.raises(VideoError, match="libnothing"):
        encode_classical(tmp_path / "a.mp4", frames, rate=RATE, encoder="libnothing", options={})
    encode(tmp_path / "b.mp4", frames, 20)
    with pytest.raises(VideoError, match="has 12 pictures, needs 13"):
        decode_classical(tmp_path / "b.mp4", rate=RATE, count=13)
