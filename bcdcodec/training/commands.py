"""Implementation of `bcd train codec`, `vae`, `context` and `export`: from folders of clips to weights files."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from bcdcodec.config import ModelConfig, preset
from bcdcodec.entropy.predictor import Predictor
from bcdcodec.entropy.static import code_cost_bits
from bcdcodec.entropy.tables import Tables
from bcdcodec.errors import ConfigError
from bcdcodec.model.bcd import Bcd
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
from bcdcodec.training.objective.schedule import Schedule
from bcdcodec.training.options import CodecTrainOptions, TrainOptions
from bcdcodec.training.run.checkpoint import load_average
from bcdcodec.training.run.cost import TrainingCost, training_cost
from bcdcodec.training.run.training_run import CHECKPOINT
from bcdcodec.training.vae import load_vae, save_vae, train_vae
from bcdcodec.weightfile import WeightsFile, open_weights

#: Windows per packet as the encoder writes them, and passes over the clips, with other stills and mirrored.
PACKET_WINDOWS, CONTEXT_PASSES = 2, 3
#: Compilers that torch.compile can use.
COMPILERS = ("g++", "clang++", "c++", "cl")
#: The final bitrates are measured on every 20th packet of the training clips.
MEASURED = 20
#: (stage, done, total)
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class ContextStatistics:
    """Bits a frame on training clips, coded with the static table of the weights and with the context model."""

    table_bits: float
    context_bits: float


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """Size of a run, as --dry-run prints it."""

    model: str
    clips: int
    cost: TrainingCost
    updates: int
    temporal_from: int
    clips_seen: int


def plan_training(options: CodecTrainOptions) -> TrainingPlan:
    """Count parameters, clips and operations without training anything. Raises ConfigError."""
    config = preset(options.model)
    schedule = _schedule(config, options)
    return TrainingPlan(
        model=options.model,
        clips=len(read_manifest(options.data)),
        cost=training_cost(config, schedule),
        updates=options.updates,
        temporal_from=round(schedule.temporal_from * options.updates),
        clips_seen=options.updates * config.optim.batch,
    )


def run_training(options: CodecTrainOptions, progress: Progress = lambda stage, done, total: None) -> None:
    """Cache latents in RUN/latents or RUN/excerpts, then train or resume to `options.updates`."""
    from bcdcodec.training.run.distributed import init_distributed, leave_workers
    from bcdcodec.training.run.loop import train
    from bcdcodec.training.run.sharding import ProcessShard

    # Refuse what cannot work before hours of reading clips.
    config = preset(options.model)
    if options.compiled and not any(map(shutil.which, COMPILERS)):
        raise ConfigError(f"--compile needs a C++ compiler, found none of {', '.join(COMPILERS)}")
    workers = init_distributed(batch=config.optim.batch)
    if workers.num_processes > 1 and options.device != "auto":
        raise ConfigError(
            f"--device is {options.device}; with several processes the launcher says which has which device"
        )
    share = ProcessShard(workers.process_index, workers.num_processes)
    share.check_even(config.optim.batch, _schedule(config, options).decoded_clips(config))
    cache = _cache_folder(options.run, config, options.excerpts)

    # Weights to start from, and the autoencoder.
    start = None
    if options.init is not None:
        weights = open_weights(options.init)
        if weights.config.name != options.model:
            raise ConfigError(f"{options.init} is of preset {weights.config.name}, the run is of {options.model}")
        start = load_networks(weights, torch.device("cpu"))
    vae = start.vae if start is not None and options.vae is None else load_autoencoder(config, options.vae)

    # The clip cache; the main process fills it.
    with workers.main_process_first():
        if not workers.is_main_process and not is_cached(cache):
            raise ConfigError(f"{cache} is not what the first process made; all machines must share the run's folder")
        cache_clips(
            options.data,
            cache,
            vae=vae,
            config=config,
            excerpts=options.excerpts,
            seed=options.seed,
            workers=options.workers,
            progress=lambda done, total: progress("latents", done, total),
        )

    train(
        config,
        options,
        cache=cache,
        vae=vae,
        init=None if start is None else _without_painter(start.bcd.state_dict()),
        progress=lambda done: progress("updates", done, options.updates),
    )
    leave_workers()


def _without_painter(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state of a model without its denoiser of pictures, which is trained after all else, on what this makes."""
    return {name: value for name, value in state.items() if not name.startswith("picture_denoiser.")}


def _schedule(config: ModelConfig, options: TrainOptions) -> Schedule:
    return Schedule.of(config, options.updates, train=options.train, reinit_codebooks=options.reinit_codebooks)


def _cache_folder(run: Path, config: ModelConfig, excerpts: int) -> Path:
    """The clip cache of a run. ConfigError for excerpts of drawn figures, and for a run that used excerpts before."""
    excerpt_cache = run / "excerpts"
    if not excerpts and excerpt_cache.exists():
        raise ConfigError(f"{run} learned from excerpts; give --excerpts again, or take another run")
    if excerpts and (config.optim.across_clips or config.autoencoder == "none"):
        raise ConfigError(f"--excerpts is for presets of filmed faces, {config.name} is of drawn figures")
    return excerpt_cache if excerpts else run / "latents"


def run_vae_training(
    data: Path,
    out: Path,
    *,
    updates: int,
    seed: int = 0,
    progress: Callable[[int, float], None] = lambda done, loss: None,
) -> None:
    """Train the autoencoder of the `face` preset and write it to `out`."""
    config = preset("face")
    assert config.vae is not None, "the face preset has an autoencoder"
    crops = random_crops(data, config=config, seed=seed)
    save_vae(out, train_vae(config.vae, crops, updates=updates, progress=progress))


def run_export(
    run: Path,
    out: Path,
    *,
    vae: Path | None,
    data: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> CodeStatistics:
    """Turn the newest checkpoint of a run into a weights file with integer tables.

    The tables are counted on clips without augmentation: those of RUN/latents, or of the folder `data`, which are
    cached there. progress: clips of that folder.
    """
    config_path, checkpoint = run / "config.json", run / CHECKPOINT
    if not config_path.exists() or not checkpoint.exists():
        raise ConfigError(f"{run} is not a run folder: it needs config.json and {CHECKPOINT}")
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
    updates: int,
    seed: int = 0,
    progress: Progress = lambda stage, done, total: None,
) -> ContextStatistics:
    """Fit a context model to the codes that weights give to clips; `out` is a copy of the weights with it.

    The copy has another model id. Latents are cached in RUN/latents as by `run_training`.
    """
    weights = open_weights(source)
    networks, table = load_networks(weights, torch.device("cpu")), Tables.from_file(source).motion
    config, cache = weights.config, run / "latents"
    packet_frames = PACKET_WINDOWS * config.window_frames

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
        updates=updates,
        seed=seed,
        progress=lambda done, bits: progress("updates", done, updates),
    )
    save_with_context(out, weights, predictor)
    packets = [packet for stream in streams for packet in stream.packets(packet_frames)][::MEASURED]
    codes, code_bits = np.concatenate(packets), code_cost_bits(table)
    table_bits = float(code_bits[np.arange(len(code_bits)), codes].sum())
    return ContextStatistics(table_bits / len(codes), cost_bits(packets, predictor) / len(codes))


def save_with_context(out: Path, weights: WeightsFile, predictor: Predictor) -> None:
    """Write a copy of a weights file with this context model."""
    context = {name: torch.from_numpy(values) for name, values in predictor.tensors().items()}
    save_tensors(out, load_file(weights.path) | context, metadata={"config": weights.config.to_json()})


def load_autoencoder(config: ModelConfig, path: Path | None) -> Vae | StableDiffusionVae | None:
    """Load the autoencoder of a preset, from a file of `bcd train vae` where it is a small one. Raises ConfigError."""
    if config.autoencoder == "none":
        return None
    if config.autoencoder == "stable-diffusion":
        return load_sd_vae()
    assert config.vae is not None, "a small autoencoder has a configuration"
    if path is None:
        raise ConfigError(f"preset {config.name} needs an autoencoder; train one with `bcd train vae`, then give --vae")
    return load_vae(path, config.vae)
