"""Weights that training runs start from."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from bcdcodec.config import ModelConfig
from bcdcodec.errors import ConfigError, WeightsError
from bcdcodec.model.bcd import Bcd
from bcdcodec.model.sd_vae import StableDiffusionVae
from bcdcodec.model.vae import Vae
from bcdcodec.model.weights import load_networks
from bcdcodec.weightfile import open_weights


@dataclass(frozen=True, slots=True)
class Start:
    """State of a trained model and its autoencoder.

    name: of the file. model_id: as in streams. state: without the denoiser of pictures, which is trained after all
    else, on what the rest makes.
    """

    name: str
    model_id: bytes
    state: dict[str, Tensor]
    vae: Vae | StableDiffusionVae | None


def load_start(path: Path, config: ModelConfig) -> Start:
    """Load the weights that runs of a preset start from.

    ConfigError where they are of another preset, WeightsError where they do not fit its model.
    """
    weights = open_weights(path)
    if weights.config.name != config.name:
        raise ConfigError(f"{path} is of preset {weights.config.name}, the run is of {config.name}")
    networks = load_networks(weights, torch.device("cpu"))
    state = {
        name: value for name, value in networks.bcd.state_dict().items() if not name.startswith("picture_denoiser.")
    }
    try:
        Bcd(config).load_start(state)
    except RuntimeError as error:
        raise WeightsError(f"{path} does not fit preset {config.name}: {str(error).splitlines()[0]}") from error
    return Start(path.stem, weights.model_id, state, networks.vae)


def refined(config: ModelConfig) -> ModelConfig:
    """A preset for runs that refine weights: as their codes are learned, the temperature is at its least throughout."""
    quantizer = config.quantizer
    return replace(config, quantizer=replace(quantizer, temperature_max=quantizer.temperature_min))


def fit_state(state: dict[str, Tensor], config: ModelConfig, *, seed: int) -> dict[str, Tensor]:
    """The state for a model whose codebooks may be more: what has another shape there is drawn anew."""
    torch.manual_seed(seed)
    own = Bcd(config).state_dict()
    same = {name: value for name, value in state.items() if name in own and own[name].shape == value.shape}
    return {**own, **same}
