"""Refined codes: they paint nearer to the frames than the nearest ones, and everything else stays as it was."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from bcdcodec.codec.encode.backend import MotionCodes
from bcdcodec.codec.encode.motion_analysis import MotionAnalysis
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.codec.motion_reference import FrameReference
from bcdcodec.codec.window import Window
from bcdcodec.errors import ConfigError
from bcdcodec.model.bcd import Bcd
from bcdcodec.model.content import Content
from bcdcodec.model.landmarks import normalize_displacements
from bcdcodec.video.crop import scale

GROUPS = 64


@pytest.fixture(scope="module")
def face() -> CodecModel:
    return CodecModel.load("face", device="cpu")


@pytest.fixture(scope="module")
def shot() -> np.ndarray:
    """A face that moves through the picture, [4, 256, 256, 3]."""
    data = pytest.importorskip("skimage.data")
    person = scale(np.ascontiguousarray(data.astronaut()[:256, 96:352]), 256, 256)
    return np.stack([np.roll(person, (2 * step, 3 * step), (0, 1)) for step in range(4)])


def window_of(model: CodecModel, shot: np.ndarray) -> Window:
    """The window of a face that was found: the mesh moves with it."""
    grid = torch.rand(478, 2, generator=torch.Generator().manual_seed(0)) * 0.3 + torch.tensor([0.35, 0.3])
    steps = torch.arange(len(shot))[:, None, None] * torch.tensor([3.0, 2.0]) / 256
    return Window.of_frames(model, shot, (grid + steps).numpy())


def codes_of(
    model: CodecModel, window: Window, reference: FrameReference, *, effort: int, groups: int = GROUPS
) -> MotionCodes:
    return MotionAnalysis(model.encoder_backend, effort=effort, groups=groups).codes(window, reference)


def error(model: CodecModel, reference: FrameReference, codes: np.ndarray, shot: np.ndarray) -> float:
    """Mean absolute error of the moved content, in levels."""
    content = reference.content
    assert content.picture is not None and content.landmarks is not None
    with torch.no_grad():
        m_hat = model.bcd.quantizer.lookup(torch.from_numpy(codes)[None])
        whole = Content(content.map[None], content.picture[None], content.landmarks[None])
        moved = model.bcd.warp_references(whole, m_hat, model.vae).pictures
    assert moved is not None
    shown = (moved[0].permute(0, 2, 3, 1).numpy() + 1) * 127.5
    return float(np.abs(shown - shot).mean())


def test_no_steps_are_the_nearest_codes(face: CodecModel, shot: np.ndarray) -> None:
    window = window_of(face, shot)
    reference = FrameReference.of_shot(face, window, 0)
    codes, distances = codes_of(face, window, reference, effort=0)
    landmarks, known = torch.from_numpy(window.landmarks), torch.from_numpy(reference.face)
    moved = normalize_displacements(landmarks[None], known[None])
    z, shown = torch.from_numpy(window.latents[:])[None], reference.content.map[None]
    nearest, all_distances = face.bcd.analyze(z, shown, moved)
    assert np.array_equal(codes, nearest[0]) and np.array_equal(distances, all_distances[0])


def test_steps_paint_nearer_to_the_frames_twice_alike(face: CodecModel, shot: np.ndarray) -> None:
    window = window_of(face, shot)
    reference = FrameReference.of_shot(face, window, 0)
    nearest, _ = codes_of(face, window, reference, effort=0)
    codes, distances = codes_of(face, window, reference, effort=6)
    again, _ = codes_of(face, window, reference, effort=6)
    assert codes.shape == nearest.shape and np.array_equal(codes, distances.argmin(-1))
    assert error(face, reference, codes, shot) < 0.97 * error(face, reference, nearest, shot)
    assert np.array_equal(codes, again)
    assert all(parameter.grad is None for parameter in face.bcd.parameters())


def test_of_fewer_codes_those_are_refined_alone(face: CodecModel, shot: np.ndarray) -> None:
    window = window_of(face, shot)
    reference = FrameReference.of_shot(face, window, 0)
    nearest, _ = codes_of(face, window, reference, effort=0, groups=16)
    codes, distances = codes_of(face, window, reference, effort=6, groups=16)
    assert codes.shape == nearest.shape == (4, 16) and distances.shape == (4, 16, 32)
    assert error(face, reference, codes, shot) < 0.99 * error(face, reference, nearest, shot)


def test_a_model_that_moves_no_picture_is_refused(model: CodecModel) -> None:
    config = replace(model.config, denoiser=replace(model.config.denoiser, warp_blocks=0, landmarks=0))
    still = replace(model, networks=replace(model.networks, bcd=Bcd(config)))
    EncodeSettings(effort=0).check(still)
    with pytest.raises(ConfigError, match=r"effort needs weights that warp .* tiny.safetensors do not"):
        EncodeSettings(effort=1).check(still)


def test_effort_is_off_where_nobody_asks() -> None:
    assert EncodeSettings().effort == 0
