"""Fine-tuning of weights to one person, from clips of them.

Unseen identities lose most in the encoder, which overfits to the training identities. So the encoder alone is trained
on, on the clips of one person. Codebooks, decoder, entropy tables and context model stay.
"""

import os
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file

from bcdcodec.atomic import check_run_manifest
from bcdcodec.errors import ConfigError
from bcdcodec.model.device import choose_device
from bcdcodec.model.tensors import halved, save_tensors
from bcdcodec.model.weights import load_networks
from bcdcodec.training.data.cache import cache_clips, read_manifest
from bcdcodec.training.options import TrainOptions
from bcdcodec.training.run.loop import train
from bcdcodec.weightfile import WeightsFile

#: Interpolation between the given (0) and the trained weights (1). At 1 motion of one person took 116 bits a frame, at
#: half 90, before 77, and eyes were tracked worse; half keeps most of what mouths gain.
SHARE = 0.5
MANIFEST, SAVE_EVERY = "personal.json", 50


def check_personal(weights: WeightsFile, device: str) -> None:
    """Refuse what cannot work, before clips are read.

    ConfigError for weights without landmarks, for a device that is not there, and under a launcher of several
    processes.
    """
    choose_device(device)
    if os.environ.get("WORLD_SIZE", "1") != "1":
        raise ConfigError("weights are personalized by one process; start it without a launcher")
    if not weights.config.denoiser.landmarks:
        raise ConfigError(
            f"{weights.path} cannot be personalized: codes of preset {weights.config.name} move no points of a face"
        )


def personalize(
    weights: WeightsFile,
    data: Path,
    out: Path,
    *,
    run: Path,
    updates: int,
    seed: int = 0,
    device: str = "cpu",
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> None:
    """Train the encoder of `weights` on the clips of the folder `data`, and write the weights interpolated half way.

    run: folder of the run, which the same call resumes. progress: (stage, done, total). ConfigError as of
    `check_personal`, where no clip is long enough, and where the run began with other settings.
    """
    check_personal(weights, device)
    _check_run(run, weights, data, updates=updates, seed=seed)
    networks, cache = load_networks(weights, torch.device("cpu")), run / "latents"
    cache_clips(
        data,
        cache,
        vae=networks.vae,
        config=weights.config,
        progress=lambda done, total: progress("latents", done, total),
    )
    options = TrainOptions(
        run=run,
        updates=updates,
        seed=seed,
        device=device,
        train="encoder",
        save_every=SAVE_EVERY,
    )
    learned = train(
        weights.config,
        options,
        cache=cache,
        vae=networks.vae,
        init=networks.bcd.state_dict(),
        progress=lambda done: progress("updates", done, updates),
    )
    tensors = load_file(weights.path)
    for name, value in learned.cpu().state_dict().items():
        given = tensors[f"bcd.{name}"]
        if given.is_floating_point():
            tensors[f"bcd.{name}"] = torch.lerp(given.float(), value, SHARE)
    save_tensors(out, halved(tensors), metadata={"config": weights.config.to_json()})


def _check_run(run: Path, weights: WeightsFile, data: Path, *, updates: int, seed: int) -> None:
    """ConfigError where the folder is of another run."""
    manifest, clips = run / MANIFEST, sorted(dict(read_manifest(data)))
    if not manifest.exists() and (run / "config.json").exists():
        raise ConfigError(f"{run} is a run of bcd train; name another folder for this run")
    check_run_manifest(manifest, {"weights": weights.model_id.hex(), "updates": updates, "seed": seed, "clips": clips})
