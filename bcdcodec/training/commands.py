"""What `bcd train`, `train-vae`, `export`, `train-context` do. In: paths and numbers. Out: runs and weights files."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from bcdcodec.config import ModelConfig, preset
from bcdcodec.entropy.predictor import Predictor
from bcdcodec.entropy.static import code_cost_bits
from bcdcodec.entropy.tables import Tables
from bcdcodec.errors import ConfigError
from bcdcodec.model.bcd import Bcd
from bcdcodec.model.device import choose_device
from bcdcodec.model.sd_vae import StableDiffusionVae, load_sd_vae
from bcdcodec.model.tensors import save_tensors
from bcdcodec.model.vae import Vae
from bcdcodec.model.weights import load_networks
from bcdcodec.training.context import cost_bits, fit_context
from bcdcodec.training.data.cache import cache_clips, is_cached, read_manifest
from bcdcodec.training.data.code_streams import read_streams
from bcdcodec.training.data.crops import random_crops
from bcdcodec.training.data.sampler import ClipCache
from bcdcodec.training.export import CodeStatistics, export
from bcdcodec.training.objective.schedule import Codes, Schedule
from bcdcodec.training.run.checkpoint import load_average
from bcdcodec.training.run.cost import TrainingCost, training_cost
from bcdcodec.training.vae import load_vae, save_vae, train_vae
from bcdcodec.weightfile import WeightsFile, open_weights

#: Windows of a packet that the encoder writes, and how often clips are seen with other stills and mirrored.
PACKET_WINDOWS, CONTEXT_PASSES = 2, 3
#: What torch.compile builds with.
COMPILERS = ("g++", "clang++", "c++", "cl")
#: Every so-many-th packet of training clips is measured when all is done.
MEASURED = 20


@dataclass(frozen=True, slots=True)
class ContextStatistics:
    """Bits a frame on training clips: by the table of the weights, and by the context model."""

    table_bits: float
    context_bits: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do: shown by --dry-run."""

    preset: str
    clips: int
    cost: TrainingCost
    steps: int
    phase_2_from: int
    clips_seen: int


def plan_training(name: str, data: Path, steps: int, *, codes: Codes = "learn") -> Plan:
    """Count parameters, clips and operations without training anything. Raises ConfigError."""
    config = preset(name)
    schedule = Schedule.of(config, steps, codes=codes)
    cost = training_cost(config, schedule)
    first_temporal = round(schedule.phase_2_from * steps)
    return Plan(name, len(read_manifest(data)), cost, steps, first_temporal, steps * config.optim.batch)


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
    compiled: bool = False,
    device: str = "cpu",
    codes: Codes = "learn",
    excerpts: int = 0,
    workers: int = 1,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> None:
    """Cache latents in RUN/latents, then train or resume to `steps`. progress: (stage, done, total).

    init: a weights file of the same preset to start from; its autoencoder is used where `vae` names none. excerpts: how
    many augmented excerpts to learn from, 0 for the clips as they are. workers: processes that make the cache.
    """
    from bcdcodec.training.run.distributed import init_distributed, leave_workers
    from bcdcodec.training.run.loop import TrainOptions, check_shares, train
    from bcdcodec.training.run.sharding import ProcessShard

    config = preset(name)
    if compiled and not any(map(shutil.which, COMPILERS)):
        raise ConfigError(f"--compile needs a C++ compiler, found none of {', '.join(COMPILERS)}")
    shared = init_distributed(batch=config.optim.batch)
    if shared.num_processes > 1 and device != "auto":
        raise ConfigError(f"--device is {device}; with several processes the launcher says which has which device")
    check_shares(
        Schedule.of(config, steps, codes=codes), config, ProcessShard(shared.process_index, shared.num_processes)
    )  # before hours of reading clips
    cache = _cache_folder(run, config, excerpts)
    start = None
    if init is not None:
        weights = open_weights(init)
        if weights.config.name != name:
            raise ConfigError(f"{init} is of preset {weights.config.name}, the run is of {name}")
        start = load_networks(weights, torch.device("cpu"))
    autoencoder = start.vae if start is not None and vae is None else load_autoencoder(config, vae)
    with shared.main_process_first():  # the others find it made
        if not shared.is_main_process and not is_cached(cache):
            raise ConfigError(f"{cache} is not what the first process made; all machines must share the run's folder")
        cache_clips(
            data,
            cache,
            vae=autoencoder,
            config=config,
            excerpts=excerpts,
            seed=seed,
            workers=workers,
            progress=lambda done, total: progress("latents", done, total),
        )
    options = TrainOptions(
        run=run,
        cache=cache,
        steps=steps,
        seed=seed,
        precision=precision,
        compiled=compiled,
        device=choose_device(device),
        codes=codes,
        init=None if start is None else start.bcd.state_dict(),
    )
    train(config, options, vae=autoencoder, progress=lambda step: progress("steps", step, steps))
    leave_workers()


def _cache_folder(run: Path, config: ModelConfig, excerpts: int) -> Path:
    """Of a run that learns from clips or excerpts. ConfigError where that makes no sense, or was otherwise before."""
    made = run / "excerpts"
    if not excerpts and made.exists():
        raise ConfigError(f"{run} learned from excerpts; give --excerpts again, or take another run")
    if excerpts and (config.optim.across_clips or config.autoencoder == "none"):
        raise ConfigError(f"--excerpts is for presets of filmed faces, {config.name} is of drawn figures")
    return made if excerpts else run / "latents"


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


def run_export(
    run: Path,
    out: Path,
    *,
    vae: Path | None,
    data: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> CodeStatistics:
    """Turn the newest checkpoint of a run into a weights file with integer tables, which are counted on clips as they
    are: on those in RUN/latents, or of the folder `data`, which are put there. progress: clips of that folder.
    """
    config_path, checkpoint = run / "config.json", run / "last.safetensors"
    if not config_path.exists() or not checkpoint.exists():
        raise ConfigError(f"{run} is not a run folder: it needs config.json and last.safetensors")
    config = ModelConfig.from_json(config_path.read_text())
    bcd = Bcd(config)
    load_average(checkpoint, bcd)
    autoencoder, cache = load_autoencoder(config, vae), run / "latents"
    if data is not None:
        cache_clips(data, cache, vae=autoencoder, config=config, progress=progress)
    elif not is_cached(cache):
        raise ConfigError(f"{run} has no clips as they are, on which tables are counted; give --data")
    return export(out, bcd=bcd, vae=autoencoder, config=config, cache=cache)


def run_context_training(
    source: Path,
    data: Path,
    out: Path,
    *,
    run: Path,
    steps: int,
    seed: int = 0,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> ContextStatistics:
    """Fit a context model to the codes that weights give to clips; `out` is a copy of the weights with it, and another
    model to streams. Latents are cached in RUN/latents as by `run_training`. progress: (stage, done, total).
    """
    weights = open_weights(source)
    networks, table, config = (
        load_networks(weights, torch.device("cpu")),
        Tables.from_file(source).motion,
        weights.config,
    )
    cache, packet_frames = run / "latents", PACKET_WINDOWS * config.window_frames

    def stage(name: str) -> Callable[[int, int], None]:
        return lambda done, total: progress(name, done, total)

    cache_clips(data, cache, vae=networks.vae, config=config, progress=stage("latents"))
    streams = read_streams(
        networks.bcd, ClipCache(cache, config), passes=CONTEXT_PASSES, seed=seed, progress=stage("codes")
    )
    predictor = fit_context(
        streams,
        entries=config.quantizer.entries,
        packet_frames=packet_frames,
        steps=steps,
        seed=seed,
        progress=lambda step, bits: progress("steps", step, steps),
    )
    save_with_context(out, weights, predictor)
    packets = [packet for stream in streams for packet in stream.packets(packet_frames)][::MEASURED]
    codes, prices = np.concatenate(packets), code_cost_bits(table)
    table_bits = float(prices[np.arange(len(prices)), codes].sum())
    return ContextStatistics(table_bits / len(codes), cost_bits(packets, predictor) / len(codes))


def save_with_context(out: Path, weights: WeightsFile, predictor: Predictor) -> None:
    """A copy of a weights file with this context model."""
    context = {name: torch.from_numpy(values) for name, values in predictor.tensors().items()}
    save_tensors(out, load_file(weights.path) | context, metadata={"config": weights.config.to_json()})


def load_autoencoder(config: ModelConfig, path: Path | None) -> Vae | StableDiffusionVae | None:
    """The autoencoder of a preset, from a file of `bcd train-vae` where it is a small one. Raises ConfigError."""
    if config.autoencoder == "none":
        return None
    if config.autoencoder == "stable-diffusion":
        return load_sd_vae()
    assert config.vae is not None, "a small autoencoder has a configuration"
    if path is None:
        raise ConfigError(f"preset {config.name} needs an autoencoder; train one with `bcd train-vae`, then give --vae")
    return load_vae(path, config.vae)
