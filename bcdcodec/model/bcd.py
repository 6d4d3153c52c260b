"""The whole model: encoder, quantiser and denoiser in one module. In: latents. Out: what codec/ and training/ call.

    analyse:    z -> DisentangleEncoder -> content map, codes
    synthesise: content map, codes, context -> sampler(denoise) -> z_hat
"""

import torch
from torch import Tensor, nn

from bcdcodec.config import ModelConfig, SamplingConfig
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
        self.encoder = DisentangleEncoder(config)
        self.quantizer = GroupQuantizer(config.quantizer)
        self.dit = Dit(config.denoiser, config.quantizer.groups * config.quantizer.dims)

    def denoise(
        self, x: Tensor, sigma: Tensor, content: Tensor, m_hat: Tensor, *, keep: Tensor, temporal: bool = True
    ) -> Tensor:
        """D(x; sigma, c, m). sigma: [B, T], a noise level a frame; keep: bool [B], False drops both conditions."""
        s = scalings(sigma[..., None, None, None], self.config.denoiser.sigma_data)
        raw = self.dit(s.in_ * x, sigma.log() / 4, content, m_hat, keep=keep, temporal=temporal)
        return s.skip * x + s.out * raw

    @torch.no_grad()
    def analyse(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Latents to symbols. Returns content [B, C, H, W], codes int64 [B, T, G] and code distances [B, T, G, E]."""
        content, m = self.encoder(z)
        distances = self.quantizer.distances(self.quantizer.normalise(m))
        return content, distances.argmin(-1), distances

    @torch.no_grad()
    def synthesise(
        self,
        content: Tensor,
        codes: Tensor,
        noise: Tensor,
        sampling: SamplingConfig,
        *,
        context: Tensor | None = None,
        context_codes: Tensor | None = None,
    ) -> Tensor:
        """Symbols to latents. content: [B, C, H, W] dequantised; codes: int64 [B, T, G]; noise: [B, T, C, H, W];
        context: latents already decoded [B, Tc, C, H, W] with their codes. Returns [B, T, C, H, W].
        """
        if context_codes is not None:
            codes = torch.cat([context_codes, codes], 1)
        m_hat = self.quantizer.lookup(codes)
        b = len(content)
        yes = torch.ones(b, dtype=torch.bool, device=content.device)

        def guided(x: Tensor, sigma: Tensor) -> Tensor:
            if sampling.guidance == 1:
                return self.denoise(x, sigma, content, m_hat, keep=yes)
            # Classifier-free guidance on the denoised output, both branches in one batch.
            both = self.denoise(
                torch.cat([x, x]),
                torch.cat([sigma, sigma]),
                torch.cat([content, content]),
                torch.cat([m_hat, m_hat]),
                keep=torch.cat([yes, ~yes]),
            )
            conditional, unconditional = both.chunk(2)
            return unconditional + sampling.guidance * (conditional - unconditional)

        return sample(guided, noise, sampling, context=context)
