"""A model ready for coding: the networks on a device, the entropy-coding tables and the id of one weights file."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.records import CodingMode
from bcdcodec.config import ModelConfig
from bcdcodec.entropy.motion import MotionCoder
from bcdcodec.entropy.predictor import Predictor
from bcdcodec.entropy.tables import LANDMARKS, Tables
from bcdcodec.errors import WeightsError
from bcdcodec.model.bcd import Bcd
from bcdcodec.model.device import choose_device
from bcdcodec.model.sd_vae import StableDiffusionVae
from bcdcodec.model.vae import Vae, from_uint8
from bcdcodec.model.weights import Networks, load_networks
from bcdcodec.weightfile import DEFAULT_NAME, WeightsFile, find_weights

if TYPE_CHECKING:
    from bcdcodec.codec.decode.backend import DecoderBackend
    from bcdcodec.codec.decode.settings import DecodeSettings
    from bcdcodec.codec.encode.backend import EncoderBackend


@dataclass(frozen=True)
class CodecModel:
    """Networks, tables and predictor of one weights file, as encoder and decoder share them.

    It is only read, so any number of encoders and decoders may share one, each in a thread of its own.
    predictor: context model of the coding mode `context`, None where the weights have none.
    """

    weights: WeightsFile
    networks: Networks
    tables: Tables
    device: torch.device
    predictor: Predictor | None = None

    @classmethod
    def load(cls, weights: WeightsFile | str | Path = DEFAULT_NAME, *, device: str = "auto") -> "CodecModel":
        """Load weights by file, path or name. Raises WeightsError, ConfigError."""
        file = weights if isinstance(weights, WeightsFile) else find_weights(weights)
        chosen = choose_device(device)
        networks, tables = load_networks(file, chosen), Tables.from_file(file.path)
        quantizer = file.config.quantizer
        if tables.motion.shape != (quantizer.groups, quantizer.entries):
            raise WeightsError(f"{file.path}: motion table is {tables.motion.shape}, its model needs another shape")
        count, has_tables = file.config.denoiser.landmarks, tables.landmarks is not None
        if (count, has_tables) not in ((0, False), (LANDMARKS, True)):
            found = f"{count} landmarks {'with' if has_tables else 'without'} tables"
            raise WeightsError(f"{file.path} has {found}, allowed are none, and {LANDMARKS} with tables")
        return cls(file, networks, tables, chosen, Predictor.of_table(file.path, tables.motion))

    @property
    def config(self) -> ModelConfig:
        return self.weights.config

    @property
    def model_id(self) -> bytes:
        """The id that its streams carry."""
        return self.weights.model_id

    @property
    def name(self) -> str:
        """Name of its file, for messages."""
        return self.weights.path.name

    @property
    def bcd(self) -> Bcd:
        """The diffusion autoencoder."""
        return self.networks.bcd

    @property
    def vae(self) -> Vae | StableDiffusionVae | None:
        """The image autoencoder; None where RGB is diffused itself."""
        return self.networks.vae

    def coder(self, mode: CodingMode, groups: int | None = None) -> MotionCoder:
        """Coder of the first `groups` codebooks, None for all; BitstreamError where the weights lack its tensors."""
        return MotionCoder(mode, self.tables.motion, self.predictor).first(groups or self.config.quantizer.groups)

    @property
    def frame_rate(self) -> Fraction:
        """Frame rate that the model was trained at, in frames per second."""
        return Fraction(*self.config.frame_rate)

    @property
    def follows_faces(self) -> bool:
        """Whether its pictures are crops around a face; models that diffuse RGB itself are of drawn sprites."""
        return self.config.autoencoder != "none"

    @cached_property
    def latent_shape(self) -> tuple[int, int, int]:
        denoiser = self.config.denoiser
        return denoiser.channels, denoiser.resolution, denoiser.resolution

    @property
    def noise_shape(self) -> tuple[int, int, int]:
        """Shape of a frame's noise: of latents, or of pictures where these are denoised."""
        paints = self.config.picture_denoiser is not None
        return (3, self.config.pixels, self.config.pixels) if paints else self.latent_shape

    def backend(self, header: StreamHeader, settings: "DecodeSettings") -> "DecoderBackend":
        """The networks for a decoder of one stream."""
        from bcdcodec.codec.decode.torch_backend import TorchBackend  # which is made of this class

        return TorchBackend(self, header, settings)

    @cached_property
    def encoder_backend(self) -> "EncoderBackend":
        """The networks for encoders."""
        from bcdcodec.codec.encode.torch_backend import TorchEncoder  # which is made of this class

        return TorchEncoder(self)

    @torch.inference_mode()
    def to_latents(self, pixels: NDArray[np.uint8]) -> Tensor:
        """uint8 [T, H, W, 3] -> latents [T, C, h, w] on the model's device."""
        x = from_uint8(torch.from_numpy(pixels).to(self.device)).permute(0, 3, 1, 2)
        return x if self.vae is None else self.vae.encode(x)
