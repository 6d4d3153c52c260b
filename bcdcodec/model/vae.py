"""The small image autoencoder of the `face` preset: 8x downsampling, 4 channels, deterministic.

    x [B, 3, H, W] -> unshuffle 4 -> conv, down 2 -> residual convs -> z [B, 4, H/8, W/8]
    z -> residual convs -> up 2 -> residual convs -> shuffle 4 -> x_hat [B, 3, H, W]

Latents leave the encoder standardised per channel: unit variance, as the denoiser's presets expect.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bcdcodec.config import VaeConfig


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with a skip connection; group norm keeps training stable at any batch size."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, width)
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        # The block starts as the identity.
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.silu(self.first(F.silu(self.norm(x)))))


class Vae(nn.Module):
    """Deterministic f8 c4 autoencoder with standardised latents (preset `face`)."""

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        fine, coarse = config.widths
        self.down = nn.Sequential(
            nn.PixelUnshuffle(4),  # no convolution at full resolution, where most of the time would go
            nn.Conv2d(48, fine, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(fine, coarse, 3, stride=2, padding=1),
            *(ResidualBlock(coarse) for _ in range(config.encoder_blocks)),
            nn.SiLU(),
            nn.Conv2d(coarse, config.channels, 3, padding=1),
        )
        # Without affine parameters: the running moments that ship with the weights are the standardisation.
        self.standardize = nn.BatchNorm2d(config.channels, affine=False, momentum=0.02)
        self.up_coarse = nn.Sequential(
            nn.Conv2d(config.channels, coarse, 3, padding=1),
            *(ResidualBlock(coarse) for _ in range(config.decoder_blocks)),
            nn.Conv2d(coarse, 4 * fine, 1),
            nn.PixelShuffle(2),
        )
        self.up_fine = nn.Sequential(
            *(ResidualBlock(fine) for _ in range(config.decoder_blocks)),
            nn.SiLU(),
            nn.Conv2d(fine, 48, 3, padding=1),
            nn.PixelShuffle(4),
        )

    def encode(self, x: Tensor) -> Tensor:
        """Frames to latents. x: [B, 3, H, W] in [-1, 1], H and W multiples of 8. Returns [B, 4, H/8, W/8], unit
        variance.
        """
        latent: Tensor = self.standardize(self.down(x))
        return latent

    def decode(self, z: Tensor) -> Tensor:
        """Latents to frames. z: [B, 4, h, w]. Returns [B, 3, 8h, 8w], nominally in [-1, 1], not clamped."""
        frames: Tensor = self.up_fine(self.up_coarse(z))
        return frames

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))


def to_uint8(x: Tensor) -> Tensor:
    """Model range to pixels: [-1, 1] floats -> uint8, rounded."""
    # Inverse of from_uint8, exact for all 256 values.
    return ((x.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def from_uint8(pixels: Tensor) -> Tensor:
    """Pixels to model range: uint8 -> [-1, 1] floats."""
    return pixels.float() / 127.5 - 1
