"""Reference warping: identity at the start, exact shifts, sharpness of the reconstruction."""

from dataclasses import replace

import pytest
import torch

from bcdcodec.config import ModelConfig
from bcdcodec.model.bcd import CHANGE_NOISE, Bcd, reconstruct
from bcdcodec.model.content import Content
from bcdcodec.model.landmark_flow import dense_flow
from bcdcodec.model.landmarks import picture_displacements
from bcdcodec.model.lids import shut_lids
from bcdcodec.model.warp import FLOW_SCALE, ReferenceWarper, Smooth, WarpedReference, resize_flow, warp, warp_reference


class Blocks(torch.nn.Module):
    """Unshuffling: an autoencoder without loss."""

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.pixel_unshuffle(x, 8)

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.pixel_shuffle(z, 8)


class Coarse(Blocks):
    """Rounding on top: an autoencoder that loses detail."""

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        return super().decode(z).round()


def test_zero_flow_returns_the_picture() -> None:
    picture = torch.randn(2, 4, 8, 8)
    torch.testing.assert_close(warp(picture, torch.zeros(2, 2, 8, 8)), picture, atol=1e-5, rtol=0)


def test_flow_is_in_pixels_x_then_y() -> None:
    picture = torch.randn(1, 1, 8, 8)
    flow = torch.zeros(1, 2, 8, 8)
    flow[:, 0] = 2  # each pixel comes from two to its right
    torch.testing.assert_close(warp(picture, flow)[..., :5], picture[..., 2:7], atol=1e-5, rtol=0)
    flow = torch.zeros(1, 2, 8, 8)
    flow[:, 1] = 1
    torch.testing.assert_close(warp(picture, flow)[:, :, :6], picture[:, :, 1:7], atol=1e-5, rtol=0)


def test_flow_keeps_its_meaning_at_other_sizes() -> None:
    flow = torch.full((1, 2, 2, 8, 8), 1.5)
    torch.testing.assert_close(resize_flow(flow, 32), torch.full((1, 2, 2, 32, 32), 6.0))
    torch.testing.assert_close(resize_flow(flow, 2), torch.full((1, 2, 2, 2, 2), 0.375))


def test_an_untrained_warper_returns_the_prior_flow(tiny_config: ModelConfig) -> None:
    torch.manual_seed(0)
    warper = ReferenceWarper(tiny_config.denoiser, 128)
    side = 32 * FLOW_SCALE
    content, m_hat, confidence = torch.randn(2, 4, 32, 32), torch.randn(2, 3, 128), torch.rand(2, 3, 1, side, side)
    prior_flow = torch.randn(2, 3, 2, side, side)
    torch.testing.assert_close(warper(content, m_hat, prior_flow, confidence), prior_flow)
    flow = warper(content, m_hat, torch.zeros_like(prior_flow), torch.zeros_like(confidence))
    assert flow.shape == (2, 3, 2, side, side) and not flow.any()
    picture = torch.randn(2, 3, 64, 64)
    moved = warp_reference(picture, flow, None).latents
    torch.testing.assert_close(moved, picture[:, None].expand_as(moved), atol=1e-5, rtol=0)


def test_content_moves_as_a_picture() -> None:
    """Through an autoencoder a shift of half a latent pixel is exact, which it is not between latents."""
    picture = torch.randn(1, 3, 64, 64)
    flow = torch.zeros(1, 2, 2, 8, 8)
    flow[:, :, 0] = 0.5  # four pixels
    moved = warp_reference(picture, flow, Blocks())
    found = Blocks().decode(moved.latents.flatten(0, 1))
    torch.testing.assert_close(found[..., :60], picture[..., 4:].expand(2, -1, -1, -1), atol=1e-4, rtol=0)
    assert moved.pictures is not None
    torch.testing.assert_close(found, moved.pictures.flatten(0, 1), atol=1e-5, rtol=0)


def test_reconstruction_keeps_the_warped_picture_and_adds_what_changed() -> None:
    picture = torch.randn(2, 3, 64, 64)
    latents, vae = Blocks().encode(picture), Coarse()
    torch.testing.assert_close(reconstruct(latents, WarpedReference(latents, picture), vae), picture, atol=1e-5, rtol=0)
    for change in (0.01, 0.2, 1.0):  # small ones are taken for errors of the denoiser
        changed = latents.clone()
        changed[:, :64] += change  # the first colour of every block
        expected, power = picture.clone(), change**2 / 3
        expected[:, 0] += change * power / (power + CHANGE_NOISE**2)
        found = reconstruct(changed, WarpedReference(latents, picture), Blocks())
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
        assert (float((found - picture)[:, 0].mean()) / change > 0.9) == (change == 1)
    # Without a warped picture the autoencoder's picture is all there is.
    torch.testing.assert_close(
        reconstruct(latents, WarpedReference(latents, None), vae), picture.round(), atol=1e-5, rtol=0
    )


def test_without_blocks_there_is_no_warper(tiny_config: ModelConfig) -> None:
    paper = replace(tiny_config, denoiser=replace(tiny_config.denoiser, warp_blocks=0))
    model = Bcd(paper)
    assert model.warper is None
    reference = model.warp_references(Content(torch.randn(2, 4, 32, 32), None), torch.randn(2, 3, 128), None)
    assert reference.latents.shape == (2, 3, 4, 32, 32) and not reference.latents.any() and reference.pictures is None


def test_an_untrained_model_moves_by_its_landmarks_alone(tiny_config: ModelConfig) -> None:
    torch.manual_seed(0)
    model = Bcd(tiny_config)
    content, m_hat = torch.randn(1, 4, 32, 32), torch.randn(1, 2, 128)
    face = torch.rand(1, 478, 2) * 0.4 + 0.3
    moved = picture_displacements(model.landmark_displacements(m_hat), face)
    assert moved.shape == (1, 2, 478, 2) and bool(moved.any())
    shown = shut_lids(face[:, None] + moved, face)
    known, _ = dense_flow(shown, shown - face[:, None], 32 * FLOW_SCALE)
    torch.testing.assert_close(model.flow(content, m_hat, face), known)
    for nobody in (None, torch.full_like(face, torch.nan)):
        assert not model.flow(content, m_hat, nobody).any()
    without = Bcd(replace(tiny_config, denoiser=replace(tiny_config.denoiser, landmarks=0)))
    assert not without.flow(content, m_hat).any()
    with pytest.raises(ValueError, match="not trained to predict face landmarks"):
        without.landmark_displacements(m_hat)


def test_denoising_starts_around_the_reference(tiny_config: ModelConfig) -> None:
    """An untrained network at the highest noise returns the reference, at the lowest its input."""
    torch.manual_seed(0)
    model = Bcd(tiny_config)
    content, m_hat = torch.randn(1, 4, 32, 32), torch.randn(1, 2, 128)
    reference = model.warp_references(Content(content, content), m_hat, None).latents
    x, conditioned = torch.randn(1, 2, 4, 32, 32), torch.ones(1, dtype=torch.bool)

    def denoise(sigma: float, mask: torch.Tensor) -> torch.Tensor:
        return model.denoise(x, torch.full((1, 2), sigma), content, m_hat, reference=reference, condition_mask=mask)

    torch.testing.assert_close(denoise(1e4, conditioned), reference, atol=1e-2, rtol=0)
    torch.testing.assert_close(denoise(1e-4, conditioned), x, atol=1e-2, rtol=0)
    torch.testing.assert_close(denoise(1e4, ~conditioned), torch.zeros_like(x), atol=1e-2, rtol=0)


def test_what_alternates_from_cell_to_cell_is_removed() -> None:
    """And nothing else: slopes stay."""
    rows, columns = torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij")
    slope = torch.stack([0.5 * columns, rows - columns])[None]
    checks = torch.where((rows + columns) % 2 == 0, 1.0, -1.0)
    found = Smooth()(slope + checks)
    torch.testing.assert_close(found[..., 1:-1, 1:-1], slope[..., 1:-1, 1:-1])
