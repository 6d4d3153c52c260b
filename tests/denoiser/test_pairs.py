"""Excerpts of clips: coded references, their warps, and frames that fit together."""

from pathlib import Path

import numpy as np
import pytest
import torch

from bcdcodec.codec.model import CodecModel
from bcdcodec.denoiser import pairs as pairs_module
from bcdcodec.denoiser.pairs import MOMENTS, RUN, Pairs, coded_content, make_pairs
from bcdcodec.model.guides import FACE_PLANES
from bcdcodec.training.data.excerpts import Augmentation


def without_augmentation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Augmentation, "draw_colors", lambda rng, side: Augmentation.none(side))


def test_an_excerpt_of_a_clip(face_clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_augmentation(monkeypatch)
    model = CodecModel.load("face", device="cpu")
    pairs = make_pairs(model, face_clips / "a.mp4", np.random.default_rng(0))
    assert pairs is not None
    assert pairs.stills.shape == (1, 3, 256, 256) and pairs.frames.shape == (1, MOMENTS * RUN, 3, 256, 256)
    guides, targets = pairs.guides(), pairs.targets()
    assert guides.rasters.shape == (MOMENTS * RUN, 2 * FACE_PLANES, 128, 128) and guides.rasters.amax() == 1
    # The face moved with the whole picture: warps follow it, the still does not.
    face = (..., slice(60, 190), slice(70, 190))
    moved, held = ((made - targets)[face].square().mean() for made in (guides.warps, guides.stills))
    assert moved < held / 2
    # What a decoder would make of the coded still, not the frame itself.
    assert not torch.equal(guides.stills, targets)
    assert guides.motion.shape == (MOMENTS * RUN, 1024) and guides.motion.any()


def test_excerpts_follow_the_generator(face_clips: Path) -> None:
    model = CodecModel.load("face", device="cpu")
    first, again, other = (make_pairs(model, face_clips / "b.mp4", np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert first is not None and again is not None and other is not None
    for name in Pairs.__slots__:
        assert torch.equal(getattr(first, name), getattr(again, name))
    assert not torch.equal(first.frames, other.frames)


def test_references_are_central_and_moments_near_as_in_streams(
    face_clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_augmentation(monkeypatch)
    model, moved = CodecModel.load("face", device="cpu"), list[float]()
    for central, far in ((1.0, 0.0), (0.0, 1.0)):
        monkeypatch.setattr(pairs_module, "CENTRAL", central)
        monkeypatch.setattr(pairs_module, "FAR", far)
        total = 0.0
        for seed in range(6):
            pairs = make_pairs(model, face_clips / "a.mp4", np.random.default_rng(seed))
            assert pairs is not None
            total += float((pairs.points - pairs.still_points[:, None]).float().abs().mean())
        moved.append(total)
    assert moved[0] < 0.8 * moved[1]


def test_a_clip_without_a_face_gives_nothing(face_clips: Path) -> None:
    model = CodecModel.load("face", device="cpu")
    assert make_pairs(model, face_clips / "c.mp4", np.random.default_rng(0)) is None


def test_stills_lose_by_their_coding() -> None:
    """More bits are nearer; landmarks are within their grid of half a pixel."""
    from skimage import data

    model = CodecModel.load("face", device="cpu")
    person = np.ascontiguousarray(data.astronaut()[:256, 96:352])
    face = (
        torch.rand(478, 2, generator=torch.Generator().manual_seed(0)) * 0.01 + torch.linspace(0.3, 0.6, 478)[:, None]
    )
    true = torch.from_numpy(person).permute(2, 0, 1) / 127.5 - 1
    errors = []
    for bits in (4_000, 28_000):
        content = coded_content(model, person, face, bits)
        assert content.picture is not None
        errors.append(float((content.picture[0] - true).square().mean()))
    assert 0 < errors[1] < errors[0] / 2
