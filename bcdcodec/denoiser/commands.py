"""Implementation of `bcd train denoiser`: train on packed pairs, write weights, and score them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from bcdcodec.config import PictureDenoiserConfig
from bcdcodec.denoiser.export import CORRECTION, export_denoiser
from bcdcodec.denoiser.score import Score, condition_errors, score_denoiser
from bcdcodec.denoiser.training import DenoiserOptions, train_denoiser
from bcdcodec.errors import ConfigError
from bcdcodec.model.weights import load_networks
from bcdcodec.weightfile import WeightsFile

#: Excerpts of a score: about a minute of one core.
SCORED = 48


def run_denoiser_training(
    options: DenoiserOptions,
    out: Path,
    *,
    weights: WeightsFile,
    scored: Path | None = None,
    progress: Callable[[float, float], None] = lambda minutes, total: None,
) -> tuple[dict[str, Score], dict[str, float]]:
    """Train or resume a run to the end of its budget, and write a copy of the weights with the denoiser.

    It starts from the denoiser of `weights`, where they have one. scored: pairs of other people, for the scores and the
    errors under other conditions that are returned; both are empty without them. ConfigError for weights without a
    warper and landmarks.
    """
    config = weights.config
    if not config.denoiser.warp_blocks or not config.denoiser.landmarks:
        raise ConfigError(f"{weights.path} has no warper of faces, so there are no warps to train a denoiser on")
    motion_dims = config.quantizer.groups * config.quantizer.dims
    start = load_networks(weights, torch.device("cpu")).bcd.picture_denoiser
    net = train_denoiser(
        replace(config.picture_denoiser or PictureDenoiserConfig(), correction=1.0),
        motion_dims,
        options,
        init=start.state_dict() if start is not None else None,
        progress=progress,
    ).cpu()
    net.config = replace(net.config, correction=CORRECTION)
    export_denoiser(out, weights, net)
    if scored is None:
        return {}, {}
    return score_denoiser(net, scored, excerpts=SCORED), condition_errors(net, scored, excerpts=SCORED)
