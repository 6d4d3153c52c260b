"""Weights with a trained denoiser of pictures: a copy of a weights file with its tensors and its samplers, without the
denoiser of latents whose place it takes.
"""

from dataclasses import replace
from pathlib import Path

from safetensors.torch import load_file

from bcdcodec.config import SamplingConfig
from bcdcodec.denoiser.objective import TOP_SIGMA
from bcdcodec.model.tensors import halved, save_tensors
from bcdcodec.model.unet import PictureDenoiser
from bcdcodec.weightfile import WeightsFile

#: Share of the correction that decoders paint. More looks better and takes more from identity (docs/denoiser.md).
CORRECTION = 0.65


def painting() -> SamplingConfig:
    """The sampler of a denoiser of pictures: from the warp, without noise. It is trained for one step."""
    return SamplingConfig(steps=1, guidance=1.0, sigma_max=TOP_SIGMA, noise=0.0)


def export_denoiser(out: Path, weights: WeightsFile, net: PictureDenoiser) -> None:
    """Write a copy of weights with this denoiser; its id is another one, so streams of the old ones need those."""
    given = load_file(weights.path)
    tensors = {
        name: value for name, value in given.items() if not name.startswith(("bcd.picture_denoiser.", "bcd.dit."))
    }
    added = {f"bcd.picture_denoiser.{name}": value for name, value in net.state_dict().items()}
    samplers = {name: painting() for name in ("standard", "realtime", "paper")}
    config = replace(weights.config, picture_denoiser=net.config, sampling=samplers)
    save_tensors(out, tensors | halved(added), metadata={"config": config.to_json()})
