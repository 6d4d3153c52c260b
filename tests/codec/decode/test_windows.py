"""Windows are computed where the networks are.

On `meta`, which computes shapes and refuses tensors that live elsewhere, as a graphics card would.
"""

from dataclasses import replace

import pytest
import torch

from bcdcodec.config import ModelConfig, PictureDenoiserConfig, preset
from bcdcodec.denoiser.export import painting
from bcdcodec.model.bcd import Bcd, reconstruct
from bcdcodec.model.content import Content
from bcdcodec.model.vae import Vae, to_uint8

META, FRAMES = torch.device("meta"), 4


def parts(config: ModelConfig, clips: int) -> tuple[Bcd, Vae | None, Content, torch.Tensor]:
    """Networks of a preset, contents of some segments, and code vectors [clips, FRAMES, G*D], all on `meta`."""
    with META:
        bcd, vae = Bcd(config).eval(), None if config.vae is None else Vae(config.vae).eval()
        latents = torch.zeros(clips, config.denoiser.channels, *[config.denoiser.resolution] * 2)
        face = torch.rand(clips, config.denoiser.landmarks, 2) if config.denoiser.landmarks else None
        content = Content(latents, torch.zeros(clips, 3, config.pixels, config.pixels), face)
        codes = torch.zeros(clips, FRAMES, config.quantizer.groups, dtype=torch.long)
        return bcd, vae, content, bcd.quantizer.lookup(codes)


@pytest.mark.parametrize("clips", [1, 3])
def test_painted(clips: int) -> None:
    config = replace(preset("face"), picture_denoiser=PictureDenoiserConfig())
    bcd, _, content, motion = parts(config, clips)
    noise = torch.zeros(clips, FRAMES, 3, config.pixels, config.pixels, device=META)
    for sampling in (painting(), replace(painting(), steps=2, noise=1.0, sigma_end=0.0)):
        pictures = bcd.paint(content, motion, noise, sampling)
        assert pictures.shape == noise.shape and pictures.device == META
        assert to_uint8(pictures).dtype == torch.uint8


@pytest.mark.parametrize("clips", [1, 3])
def test_warped(clips: int) -> None:
    config = preset("face")
    bcd, _, content, motion = parts(config, clips)
    pictures = bcd.warp_references(content, motion, None).pictures
    assert pictures is not None and pictures.device == META
    assert pictures.shape == (clips, FRAMES, 3, config.pixels, config.pixels)


@pytest.mark.parametrize("name", ["face", "face-bcd", "sprites-tiny"])
def test_denoised_in_latents(name: str) -> None:
    config = preset(name)
    bcd, vae, content, motion = parts(config, 2)
    size = (2, FRAMES, *content.map.shape[1:])
    made = bcd.synthesize(
        content,
        motion,
        torch.zeros(size, device=META),
        config.sampling["standard"],
        vae=vae,
        context=torch.zeros(size, device=META)[:, :2],
        context_motion=motion[:, :2],
    )
    assert made.latents.shape == size and made.latents.device == META
    pictures = reconstruct(made.latents[0], made.reference.of_clip(0), vae)
    assert pictures.device == META and pictures.shape == (FRAMES, 3, config.pixels, config.pixels)
