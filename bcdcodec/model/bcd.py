"""The whole model: encoder, quantiser and denoiser in one module. In: latents. Out: what codec/ and training/ call.

encoder.content: z of a shot -> content map
analyse:         z, content map -> codes
synthesise:      content map, codes, context -> anchors -> sampler(denoise) -> z_hat
"""

import torch
from torch import Tensor, nn

from bcdcodec.config import ModelConfig, SamplingConfig
from bcdcodec.model.anchor import Anchor, Autoencoder, move_content
from bcdcodec.model.disentangle import DisentangleEncoder
from bcdcodec.model.dit import Dit
from bcdcodec.model.edm import scalings
from bcdcodec.model.quantizer import GroupQuantizer
from bcdcodec.model.sampler import sample


class Bcd(nn.Module):
    """Bitrate-controlled diffusion autoencoder over latents [B, T, C, H, W] (the VAE stands apart, model/vae.py)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        motion_dims = config.quantizer.groups * config.quantizer.dims
        self.encoder = DisentangleEncoder(config)
        self.quantizer = GroupQuantizer(config.quantizer)
        self.dit = Dit(config.denoiser, motion_dims)
        self.anchor = Anchor(config.denoiser, motion_dims) if config.denoiser.anchor_blocks else None

    def anchors(self, content: Tensor, m_hat: Tensor, vae: Autoencoder | None) -> Tensor:
        """Where each frame's diffusion starts: the moved content (`face`), or zero (paper). [B, T, C, H, W]."""
        if self.anchor is not None:
            return move_content(content, self.anchor(content, m_hat), vae)
        return torch.zeros_like(content)[:, None].expand(-1, m_hat.shape[1], -1, -1, -1)

    def denoise(
        self,
        x: Tensor,
        sigma: Tensor,
        content: Tensor,
        m_hat: Tensor,
        *,
        anchors: Tensor,
        keep: Tensor,
        temporal: bool = True,
    ) -> Tensor:
        """D(x; sigma, c, m). sigma: [B, T], a noise level a frame; keep: bool [B], False drops all conditions.

        The preconditioning is that of data around the anchors: D = a + skip (x - a) + out F(in (x - a)).
        """
        s = scalings(sigma[..., None, None, None], self.config.denoiser.sigma_data)
        anchors = anchors * keep.view(-1, 1, 1, 1, 1)
        # The denoiser is shown the content as it should lie in each frame, where that is known.
        shown = content[:, None].expand_as(x) if self.anchor is None else anchors
        rest = x - anchors
        raw = self.dit(s.in_ * rest, s.noise[..., 0, 0, 0], shown, m_hat, keep=keep, temporal=temporal)
        return anchors + s.skip * rest + s.out * raw

    @torch.no_grad()
    def analyse(self, z: Tensor, content: Tensor) -> tuple[Tensor, Tensor]:
        """Latents [B, T, C, H, W] and the dequantised content map [B, C, H, W] of their shot to symbols.

        Returns codes int64 [B, T, G] and the squared distance of every entry [B, T, G, E].
        """
        m = self.encoder.motion(z, content)
        distances = self.quantizer.distances(self.quantizer.normalise(m))
        return distances.argmin(-1), distances

    @torch.no_grad()
    def synthesise(
        self,
        content: Tensor,
        codes: Tensor,
        noise: Tensor,
        sampling: SamplingConfig,
        *,
        vae: Autoencoder | None,
        context: Tensor | None = None,
        context_codes: Tensor | None = None,
    ) -> Tensor:
        """Symbols to latents. content: [B, C, H, W] dequantised; codes: int64 [B, T, G]; noise: [B, T, C, H, W];
        context: latents already decoded [B, Tc, C, H, W] with their codes. Returns [B, T, C, H, W].
        """
        frames = codes.shape[1]
        if context_codes is not None:
            codes = torch.cat([context_codes, codes], 1)
        m_hat = self.quantizer.lookup(codes)
        anchors = self.anchors(content, m_hat, vae)
        yes = torch.ones(len(content), dtype=torch.bool, device=content.device)

        def guided(x: Tensor, sigma: Tensor) -> Tensor:
            conditional = self.denoise(x, sigma, content, m_hat, anchors=anchors, keep=yes)
            if sampling.guidance == 1:
                return conditional
            # Classifier-free guidance on the denoised output.
            free = self.denoise(x, sigma, content, m_hat, anchors=anchors, keep=~yes)
            return free + sampling.guidance * (conditional - free)

        return sample(guided, noise, sampling, start=anchors[:, -frames:], context=context)
