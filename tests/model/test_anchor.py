"""Warping and the anchor: identity at the start, exact shifts, gradients that find a displacement."""

from dataclasses import replace

import torch

from bcdcodec.config import ModelConfig
from bcdcodec.model.anchor import Anchor, move_content, warp, warp_frames
from bcdcodec.model.bcd import Bcd
from bcdcodec.training.losses import anchor_loss


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


def test_an_untrained_anchor_is_the_content(tiny_config: ModelConfig) -> None:
    torch.manual_seed(0)
    anchor = Anchor(tiny_config.denoiser, 128)
    content = torch.randn(2, 4, 32, 32)
    moved = warp_frames(content, anchor(content, torch.randn(2, 3, 128)))
    assert moved.shape == (2, 3, 4, 32, 32)
    torch.testing.assert_close(moved, content[:, None].expand_as(moved), atol=1e-5, rtol=0)


def test_the_loss_finds_a_far_shift() -> None:
    """A blob 12 pixels away, farther than one pixel's gradient reaches: descent on the flow alone closes the gap."""
    place = torch.arange(64).float()

    def blob(x: float) -> torch.Tensor:
        bump = torch.exp(-((place - x) ** 2) / 18)
        return (bump[None, :] * torch.exp(-((place - 32) ** 2) / 18)[:, None])[None, None].expand(1, 3, -1, -1)

    seen, wanted = blob(26), blob(38)[:, None]
    shift = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.Adam([shift], 0.3)
    weights = torch.ones(1, 64, 64)
    for _ in range(80):
        flow = shift.view(1, 1, 2, 1, 1).expand(1, 1, 2, 32, 32)
        optimizer.zero_grad()
        anchor_loss(seen, flow, wanted, weights).backward()
        optimizer.step()
    assert abs(shift[0].item() + 6) < 0.5 and abs(shift[1].item()) < 0.5  # in pixels of the latents


def test_content_moves_as_a_picture(tiny_config: ModelConfig) -> None:
    """Through an autoencoder a shift of half a latent pixel is exact, which it is not between latents."""

    class Blocks(torch.nn.Module):
        """Unshuffling: an autoencoder without loss."""

        def encode(self, x: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.pixel_unshuffle(x, 8)

        def decode(self, z: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.pixel_shuffle(z, 8)

    picture = torch.randn(1, 3, 64, 64)
    flow = torch.zeros(1, 2, 2, 8, 8)
    flow[:, :, 0] = 0.5  # four pixels
    moved = move_content(Blocks().encode(picture), flow, Blocks())
    found = Blocks().decode(moved.flatten(0, 1))
    torch.testing.assert_close(found[..., :60], picture[..., 4:].expand(2, -1, -1, -1), atol=1e-4, rtol=0)


def test_without_blocks_there_is_no_anchor(tiny_config: ModelConfig) -> None:
    paper = replace(tiny_config, denoiser=replace(tiny_config.denoiser, anchor_blocks=0))
    model = Bcd(paper)
    assert model.anchor is None
    anchors = model.anchors(torch.randn(2, 4, 32, 32), torch.randn(2, 3, 128), None)
    assert anchors.shape == (2, 3, 4, 32, 32) and not anchors.any()


def test_denoising_starts_around_the_anchor(tiny_config: ModelConfig) -> None:
    """An untrained network at the highest noise returns the anchor, at the lowest its input."""
    torch.manual_seed(0)
    model = Bcd(tiny_config)
    content, m_hat = torch.randn(1, 4, 32, 32), torch.randn(1, 2, 128)
    anchors = model.anchors(content, m_hat, None)
    x, keep = torch.randn(1, 2, 4, 32, 32), torch.ones(1, dtype=torch.bool)

    def denoise(sigma: float, kept: torch.Tensor) -> torch.Tensor:
        return model.denoise(x, torch.full((1, 2), sigma), content, m_hat, anchors=anchors, keep=kept)

    torch.testing.assert_close(denoise(1e4, keep), anchors, atol=1e-2, rtol=0)
    torch.testing.assert_close(denoise(1e-4, keep), x, atol=1e-2, rtol=0)
    torch.testing.assert_close(denoise(1e4, ~keep), torch.zeros_like(x), atol=1e-2, rtol=0)
