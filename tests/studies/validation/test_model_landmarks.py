"""Landmarks that the tiny model holds of a stream: the encoder's own codes, key packets, skipped and halved frames."""

import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from bcdcodec import encode_file
from bcdcodec.codec import window
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.errors import ConfigError
from bcdcodec.frame import Frame
from bcdcodec.model.landmarks import picture_displacements
from bcdcodec.motion.streams import read_shots
from bcdcodec.studies.validation import model_landmarks as module
from bcdcodec.studies.validation.model_landmarks import model_landmarks
from bcdcodec.video.reader import VideoReader


@pytest.fixture(scope="module")
def model(tiny_weights: Path) -> CodecModel:
    return CodecModel.load(tiny_weights, device="cpu")


#: Of a face that sways.
FACE = np.random.default_rng(0).uniform(60, 200, (478, 3)).astype(np.float32)


@pytest.fixture(autouse=True)
def planted_mesh(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mesh that moves from frame to frame, and one of the references' pictures: 478 times one point."""
    monkeypatch.setattr(window, "follow_landmarks", lambda frame, before: FACE + 9 * math.sin(frame.index))
    monkeypatch.setattr(module, "landmarks", lambda frame: np.full((478, 3), 77, np.float32))


@pytest.fixture
def stream(model: CodecModel, talking_clip: Path, tmp_path: Path) -> Path:
    """25 frames of the nearest codes, with key packets in between."""
    path = tmp_path / "a.bcd"
    settings = EncodeSettings(bitrate=None, key_interval_s=0.8, packet_windows=1)
    encode_file(talking_clip, path, model=model, settings=settings, crop=False, audio_bitrate=None)
    return path


def frames(model: CodecModel, clip: Path) -> Iterator[Frame]:
    with VideoReader(clip, model.frame_rate) as reader:
        yield from reader


def test_without_a_limit_the_nearest_codes_are_sent(model: CodecModel, stream: Path, talking_clip: Path) -> None:
    """Windows are those of the encoder, or other codes would be nearest."""
    found = model_landmarks(model, stream, frames(model, talking_clip))
    assert found is not None
    assert found.sent.shape == (25, 478, 2)
    assert np.allclose(found.nearest, found.sent, atol=1e-4)
    assert not np.allclose(found.encoder, found.sent, atol=1e-4)
    assert (found.reference == 77).all()
    codes = np.concatenate([shot.codes for shot in read_shots(model, stream)])
    with torch.inference_mode():
        vectors = model.bcd.quantizer.lookup(torch.from_numpy(codes.astype(np.int64))[None])
        [shot] = read_shots(model, stream)
        assert shot.landmarks is not None
        normalized = model.bcd.landmark_displacements(vectors)
        expected = picture_displacements(normalized, torch.from_numpy(shot.landmarks)[None])[0].numpy() * 256
    assert np.allclose(found.sent, expected, atol=1e-4)


def test_fewer_groups_are_lost_in_the_nearest_codes(model: CodecModel, stream: Path, talking_clip: Path) -> None:
    whole = model_landmarks(model, stream, frames(model, talking_clip))
    coarse = stream.with_name("coarse.bcd")
    settings = EncodeSettings(bitrate=None, groups=8)
    encode_file(talking_clip, coarse, model=model, settings=settings, crop=False, audio_bitrate=None)
    few = model_landmarks(model, coarse, frames(model, talking_clip))
    assert whole is not None and few is not None
    assert np.allclose(few.encoder, whole.encoder, atol=1e-4)
    assert np.allclose(few.nearest, few.sent, atol=1e-4)
    assert not np.allclose(few.nearest, whole.nearest, atol=1e-4)


def test_halved_frames_are_interpolated(model: CodecModel, talking_clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "half.bcd"
    settings = EncodeSettings(bitrate=None, frame_rate=Fraction(25, 4))
    encode_file(talking_clip, path, model=model, settings=settings, crop=False, audio_bitrate=None)
    found = model_landmarks(model, path, frames(model, talking_clip))
    assert found is not None
    assert len(found.sent) == 26
    for values in (found.encoder, found.sent):
        between, middle = values[1:-1:2], (values[:-2:2] + values[2::2]) / 2
        interpolated = np.isclose(between, middle, atol=1e-4).all((1, 2))
        # The clip has cuts, across which nothing is interpolated.
        assert interpolated.sum() >= 8
        assert np.array_equal(between[~interpolated], values[:-2:2][~interpolated])
        assert np.array_equal(values[-1], values[-2]), "nothing follows the last coded frame"


def test_a_part_of_the_frames(model: CodecModel, stream: Path, talking_clip: Path) -> None:
    found = model_landmarks(model, stream, frames(model, talking_clip))
    assert found is not None
    assert np.array_equal(found.part(1, 5).sent, found.sent[1:5]) and len(found.part(1, 5).reference) == 4


def test_other_models(stream: Path) -> None:
    other = CodecModel.load("sprites-tiny", device="cpu")
    assert model_landmarks(other, stream, iter(())) is None


def test_a_stream_of_other_weights_is_refused(stream: Path) -> None:
    with pytest.raises(ConfigError, match="the stream needs weights"):
        model_landmarks(CodecModel.load("face", device="cpu"), stream, iter(()))
