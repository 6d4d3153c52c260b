"""Disentangle encoder: shapes and inverses of patches, what content and motion depend on."""

from dataclasses import replace

import torch

from bcdcodec.config import ModelConfig
from bcdcodec.model.disentangle import DisentangleEncoder, central_frame, patchify, take_frame, unpatchify


def test_patches_are_in_raster_order_and_come_back() -> None:
    z = torch.randn(2, 3, 4, 32, 32)
    patches = patchify(z, 4)
    assert patches.shape == (2, 3, 64, 64)
    assert torch.equal(patches[0, 0, 9].view(4, 4, 4), z[0, 0, :, 4:8, 4:8])
    assert torch.equal(unpatchify(patches, 4, 4), z)


def test_the_central_frame_is_nearest_to_the_mean() -> None:
    z = torch.tensor([0.0, 1.0, 5.0]).view(1, 3, 1, 1, 1).expand(1, 3, 1, 2, 2)
    assert central_frame(z).tolist() == [1]
    assert torch.equal(take_frame(z, central_frame(z)), z[:, 1])


def test_seeded_content_is_a_frame_and_its_own_motion_is_zero(tiny_config: ModelConfig) -> None:
    torch.manual_seed(0)
    encoder = DisentangleEncoder(tiny_config).eval()
    z = torch.randn(2, 5, 4, 32, 32)
    content = encoder.content(z)
    assert torch.equal(content, take_frame(z, central_frame(z)))
    m = encoder.motion(content[:, None], content)
    assert m.shape == (2, 1, 128) and encoder.motion(z, content).shape == (2, 5, 128)
    assert m.abs().max().item() < 0.2 * encoder.motion(z, content).abs().max().item()


def test_the_papers_content_is_what_the_queries_gather(tiny_config: ModelConfig) -> None:
    torch.manual_seed(0)
    paper = replace(tiny_config, encoder=replace(tiny_config.encoder, seeded_queries=False))
    encoder = DisentangleEncoder(paper).eval()
    z = torch.randn(2, 5, 4, 32, 32)
    content = encoder.content(z)
    assert content.shape == (2, 4, 32, 32)
    assert not torch.equal(content[0], encoder.content(z.flip(0))[0])
    assert torch.equal(encoder.motion(z, content), encoder.motion(z, torch.zeros_like(content)))


def test_a_stem_feeds_the_frame_token(tiny_config: ModelConfig) -> None:
    config = replace(tiny_config, encoder=replace(tiny_config.encoder, frame_stem=(8, 16)))
    encoder = DisentangleEncoder(config)
    assert encoder.frame_token.in_features == 32 * 8 * 8
    assert encoder.motion(torch.randn(1, 2, 4, 32, 32), torch.randn(1, 4, 32, 32)).shape == (1, 2, 128)
