"""Variants of a preset that differ from it in one part of the method each.

| variant                 | differs in                                                   | in the paper             |
|-------------------------|--------------------------------------------------------------|--------------------------|
| base                    | nothing                                                      | its method               |
| rate-half, -1.5, -2, -4 | target bitrate; where codebooks cannot hold it, more of them | 2, 6, 8, 16 kbps, not 4  |
| no-rate-loss            | weight of the rate loss 0                                    | Table A3                 |
| not-cross-driven        | content comes from the frames that are rebuilt               | main paper               |

How many frames content comes from (Table A2) is no part of training: any of these models takes any number.
"""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from bcdcodec.config import ModelConfig
from bcdcodec.model.sd_vae import StableDiffusionVae
from bcdcodec.model.vae import Vae
from bcdcodec.training.start import Start

#: Weights file in the folder of each run.
WEIGHTS = "weights.safetensors"

BASE, NO_RATE_LOSS, NOT_CROSS_DRIVEN = "base", "no-rate-loss", "not-cross-driven"
#: Factors of the preset's target bitrate; the paper's targets are 2, 4, 6, 8 and 16 kbps.
RATES = {"rate-half": 0.5, "rate-1.5": 1.5, "rate-2": 2.0, "rate-4": 4.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class AblationPlan:
    """Settings of the study.

    config: the preset. data, test: folders of clips of different people. updates: of each run. pairs: transfers
    compared with the truth, where it is known. precision: of training, fp32 or bf16. start: weights that every run
    refines, None where it is trained from scratch. inception: weights of FID's network, None for a packaged one.
    """

    config: ModelConfig
    data: Path
    test: Path
    updates: int
    pairs: int = 0
    seed: int = 0
    precision: str = "fp32"
    device: torch.device = torch.device("cpu")  # noqa: RUF009 - immutable
    vae: Vae | StableDiffusionVae | None = None
    start: Start | None = None
    inception: Path | None = None


@dataclass(frozen=True, slots=True)
class Variant:
    """One run. name: also the name of its folder."""

    name: str
    config: ModelConfig

    @property
    def target_bits(self) -> float:
        """Target bitrate of motion, in bits a frame."""
        quantizer = self.config.quantizer
        return quantizer.target_bits_per_group * quantizer.groups


def variants(config: ModelConfig) -> list[Variant]:
    """The variants of a preset, the base first."""
    optim = config.optim
    return [
        Variant(BASE, config),
        *(Variant(name, at_rate(config, factor)) for name, factor in RATES.items()),
        Variant(NO_RATE_LOSS, replace(config, optim=replace(optim, rate_weight=0.0))),
        Variant(NOT_CROSS_DRIVEN, replace(config, optim=replace(optim, cross_driven=False))),
    ]


def at_rate(config: ModelConfig, factor: float) -> ModelConfig:
    """A preset with its target bitrate scaled, shared evenly by as many codebooks as can hold it."""
    quantizer = config.quantizer
    target_bits = factor * quantizer.target_bits_per_group * quantizer.groups
    groups = max(quantizer.groups, math.ceil(target_bits / math.log2(quantizer.entries)))
    return replace(config, quantizer=replace(quantizer, groups=groups, target_bits_per_group=target_bits / groups))
