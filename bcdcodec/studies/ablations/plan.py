"""Settings of the ablation study."""

from dataclasses import dataclass
from pathlib import Path

import torch

from bcdcodec.config import ModelConfig
from bcdcodec.model.sd_vae import StableDiffusionVae
from bcdcodec.model.vae import Vae

#: Weights file in the folder of each run.
WEIGHTS = "weights.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class AblationPlan:
    """config: the preset. data, test: folders of clips of different people. updates: of each run. pairs: transfers
    compared with the truth, where it is known. precision: of training, fp32 or bf16.
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
