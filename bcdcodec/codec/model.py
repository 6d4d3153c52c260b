"""A model ready for coding: networks, tables and identity in one value. In: a weights file. Out: what both ends
share.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bcdcodec.bitstream.records import CodingMode
from bcdcodec.config import ModelConfig
from bcdcodec.entropy.motion import MotionCoder
from bcdcodec.entropy.predictor import Predictor
from bcdcodec.entropy.tables import Tables
from bcdcodec.errors import WeightsError
from bcdcodec.model.bcd import Bcd
from bcdcodec.model.device import choose_device
from bcdcodec.model.sd_vae import StableDiffusionVae
from bcdcodec.model.vae import Vae, from_uint8
from bcdcodec.model.weights import load_networks
from bcdcodec.weightfile import DEFAULT_NAME, WeightsFile, find_weights


@dataclass(frozen=True)
class CodecModel:
    """Networks on a device, integer tables, and the id that streams carry. predictor: of mode context, None where the
    weights have none.
    """

    weights: WeightsFile
    bcd: Bcd
    vae: Vae | StableDiffusionVae | None
    tables: Tables
    device: torch.device
    predictor: Predictor | None = None

    @classmethod
    def load(cls, weights: WeightsFile | str | Path = DEFAULT_NAME, *, device: str = "auto") -> "CodecModel":
        """Load weights by file, path or name. Raises WeightsError, ConfigError."""
        found = weights if isinstance(weights, WeightsFile) else find_weights(weights)
        place = choose_device(device)
        networks, tables = load_networks(found, place), Tables.from_file(found.path)
        quantizer = found.config.quantizer
        if tables.motion.shape != (quantizer.groups, quantizer.entries):
            raise WeightsError(f"{found.path}: motion table is {tables.motion.shape}, its model needs another shape")
        return cls(found, networks.bcd, networks.vae, tables, place, Predictor.of_table(found.path, tables.motion))

    @property
    def config(self) -> ModelConfig:
        return self.weights.config

    def coder(self, mode: CodingMode, groups: int | None = None) -> MotionCoder:
        """Of the first so many groups, None for all. BitstreamError where the weights cannot be asked for the mode."""
        return MotionCoder(mode, self.tables.motion, self.predictor).first(groups or self.config.quantizer.groups)

    @property
    def frame_rate(self) -> Fraction:
        """Frames a second the model was trained at."""
        return Fraction(*self.config.frame_rate)

    @property
    def follows_faces(self) -> bool:
        """Whether its pictures are crops around a face; drawn pictures that are diffused as they are have none."""
        return self.config.autoencoder != "none"

    @cached_property
    def latent_shape(self) -> tuple[int, int, int]:
        denoiser = self.config.denoiser
        return denoiser.channels, denoiser.resolution, denoiser.resolution

    @torch.inference_mode()
    def to_latents(self, pixels: NDArray[np.uint8]) -> Tensor:
        """uint8 [T, H, W, 3] -> latents [T, C, h, w] on the model's device."""
        x = from_uint8(torch.from_numpy(pixels).to(self.device)).permute(0, 3, 1, 2)
        return x if self.vae is None else self.vae.encode(x)
