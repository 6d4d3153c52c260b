"""What `bcd train`, `bcd train-vae` and `bcd export` do. In: paths and numbers. Out: run folders and weights files."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from bcdcodec.config import ModelConfig, preset
from bcdcodec.errors import ConfigError
from bcdcodec.model.bcd import Bcd
from bcdcodec.model.sd_vae import StableDiffusionVae, load_sd_vae
from bcdcodec.model.vae import Vae
from bcdcodec.model.weights import load_networks
from bcdcodec.training.checkpoint import load_average
from bcdcodec.training.clips import cache_clips, random_crops, read_manifest
from bcdcodec.training.export import CodeStatistics, export
from bcdcodec.training.loop import TrainOptions, train
from bcdcodec.training.schedule import Codes, Schedule
from bcdcodec.training.vae import load_vae, save_vae, train_vae
from bcdcodec.weightfile import open_weights


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do: shown by --dry-run."""

    preset: str
    clips: int
    parameters: int
    steps: int
    phase_2_from: int
    clips_seen: int


def plan_training(name: str, data: Path, steps: int) -> Plan:
    """Count parameters and clips without training anything."""
    config = preset(name)
    with torch.device("meta"):
        parameters = sum(p.numel() for p in Bcd(config).parameters())
    first_temporal = round(Schedule.of(config, steps).phase_2_from * steps)
    return Plan(name, len(read_manifest(data)), parameters, steps, first_temporal, steps * config.optim.batch)


def run_training(
    name: str,
    data: Path,
    *,
    vae: Path | None,
    init: Path | None = None,
    run: Path,
    steps: int,
    seed: int = 0,
    precision: str = "fp32",
    codes: Codes = "learn",
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> None:
    """Cache latents in RUN/latents, then train or resume to `steps`. progress: (stage, done, total).

    init: a weights file of the same preset to start from; its autoencoder is used where `vae` names none.
    """
    config = preset(name)
    start = None
    if init is not None:
        weights = open_weights(init)
        if weights.config.name != name:
            raise ConfigError(f"{init} is of preset {weights.config.name}, the run is of {name}")
        start = load_networks(weights, torch.device("cpu"))
    autoencoder = start.vae if start is not None and vae is None else _autoencoder(config, vae)
    cache = run / "latents"
    cache_clips(
        data, cache, vae=autoencoder, config=config, progress=lambda done, total: progress("latents", done, total)
    )
    options = TrainOptions(
        run=run,
        cache=cache,
        steps=steps,
        seed=seed,
        precision=precision,
        codes=codes,
        init=None if start is None else start.bcd.state_dict(),
    )
    train(config, options, vae=autoencoder, progress=lambda step: progress("steps", step, steps))


def run_vae_training(
    data: Path,
    out: Path,
    *,
    steps: int,
    seed: int = 0,
    progress: Callable[[int, float], None] = lambda step, loss: None,
) -> None:
    """Train the autoencoder of the `face` preset and save it."""
    config = preset("face")
    assert config.vae is not None, "the face preset has an autoencoder"
    save_vae(out, train_vae(config.vae, random_crops(data, config=config, seed=seed), steps=steps, progress=progress))


def run_export(run: Path, out: Path, *, vae: Path | None) -> CodeStatistics:
    """Turn the newest checkpoint of a run into a weights file with integer tables."""
    config_path, checkpoint = run / "config.json", run / "last.safetensors"
    if not config_path.exists() or not checkpoint.exists():
        raise ConfigError(f"{run} is not a run folder: it needs config.json and last.safetensors")
    config = ModelConfig.from_json(config_path.read_text())
    bcd = Bcd(config)
    load_average(checkpoint, bcd)
    return export(out, bcd=bcd, vae=_autoencoder(config, vae), config=config, cache=run / "latents")


def _autoencoder(config: ModelConfig, path: Path | None) -> Vae | StableDiffusionVae | None:
    if config.autoencoder == "none":
        return None
    if config.autoencoder == "stable-diffusion":
        return load_sd_vae()
    assert config.vae is not None, "a small autoencoder has a configuration"
    if path is None:
        raise ConfigError(f"preset {config.name} needs an autoencoder; train one with `bcd train-vae`, then give --vae")
    return load_vae(path, config.vae)
