"""Implementation of `bcd train codec`, `vae`, `context` and `export`: from folders of clips to weights files."""

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
from bcdcodec.model.tensors import save_tensors
from bcdcodec.model.weights import load_networks
from bcdcodec.training.context import cost_bits, fit_context
from bcdcodec.training.data.cache import (
    cache_clips,
    cached_pieces,
    check_made_cache,
    is_cached,
    read_manifest,
)
from bcdcodec.training.data.clips import ClipCache
from bcdcodec.training.data.code_streams import read_streams
from bcdcodec.training.data.crops import random_crops
from bcdcodec.training.export import CodeStatistics, export
from bcdcodec.training.inputs import HELD_OUT, load_autoencoder, open_inputs, run_config
from bcdcodec.training.objective.schedule import Schedule
from bcdcodec.training.options import CodecTrainOptions, TrainOptions
from bcdcodec.training.run.checkpoint import load_average
from bcdcodec.training.run.cost import TrainingCost, training_cost
from bcdcodec.training.run.held_out import HeldOut
from bcdcodec.training.run.training_run import BEST, CHECKPOINT
from bcdcodec.training.vae import save_vae, train_vae
from bcdcodec.weightfile import WeightsFile, open_weights

#: Windows per packet as the encoder writes them, and passes over the clips, with other stills and mirrored.
PACKET_WINDOWS, CONTEXT_PASSES = 2, 3
#: The final bitrates are measured on every 20th packet of the training clips.
MEASURED = 20
#: (stage, done, total)
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class ExportSummary:
    """An export: codes of the weights, the file of the run that they come from, and the updates done by then."""

    statistics: CodeStatistics
    checkpoint: str
    update: int


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
    """Count parameters, clips and operations without training anything, and refuse what `run_training` would."""
    import bcdcodec.training.run.loop  # noqa: F401 - raises what a missing extra does

    config = run_config(options)
    schedule = _schedule(config, options)
    open_inputs(options)
    if options.data is not None:
        clips = len(read_manifest(options.data))
    else:
        assert options.cache is not None, "inputs come from a folder or a cache"
        clips = cached_pieces(options.cache)
    return TrainingPlan(
        model=options.model,
        clips=clips,
        cost=training_cost(config, schedule),
        updates=options.updates,
        temporal_from=round(schedule.temporal_from * options.updates),
        clips_seen=options.updates * config.optim.batch,
    )


def run_training(options: CodecTrainOptions, progress: Progress = lambda stage, done, total: None) -> bool:
    """Cache latents in RUN/latents or RUN/excerpts, then train or resume to `options.updates`.

    Returns whether this is the first process of the run, which alone reports.
    """
    from bcdcodec.training.run.distributed import device_of_run, init_distributed, leave_workers
    from bcdcodec.training.run.loop import train
    from bcdcodec.training.run.sharding import ProcessShard

    # Refuse what cannot work before hours of reading clips.
    config = run_config(options)
    schedule = _schedule(config, options)
    inputs = open_inputs(options)
    workers = init_distributed(batch=config.optim.batch)
    if workers.num_processes > 1 and options.device != "auto":
        raise ConfigError(
            f"--device is {options.device}; with several processes the launcher says which has which device"
        )
    share = ProcessShard(workers.process_index, workers.num_processes)
    share.check_even(config.optim.batch, schedule.decoded_clips(config), parts=options.accumulate)

    # The clip cache: every process makes its own shards.
    cache, vae = inputs.cache, inputs.vae
    device = device_of_run(workers, options.device)
    for name, folder, out, excerpts in (
        ("latents", options.data, cache, options.excerpts),
        ("held-out latents", options.held_out, options.run / HELD_OUT, 0),
    ):
        if isinstance(folder, Path):

            def report(done: int, total: int, name: str = name) -> None:
                if workers.is_main_process:
                    progress(name, done, total)

            cache_clips(
                folder,
                out,
                vae=vae,
                config=config,
                excerpts=excerpts,
                seed=options.seed,
                workers=options.workers,
                share=share,
                device=device,
                progress=report,
            )
            workers.wait_for_everyone()
            if not is_cached(out):
                raise ConfigError(f"{out} lacks shards of other processes; all machines must share the run's folder")
    held_out: HeldOut = "people"
    if options.held_out is not None:
        held_out = None if options.held_out == "none" else options.run / HELD_OUT

    train(
        config,
        options,
        cache=cache,
        vae=vae,
        init=inputs.init,
        held_out=held_out,
        progress=lambda done: progress("updates", done, options.updates),
    )
    is_main = workers.is_main_process
    leave_workers()
    return is_main


def _schedule(config: ModelConfig, options: TrainOptions) -> Schedule:
    return Schedule.of(config, options.updates, train=options.train, reinit_codebooks=options.reinit_codebooks)


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
    cache: Path | None = None,
    last: bool = False,
    eight_bits: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ExportSummary:
    """Turn a run into a weights file with integer tables: the average of the least error on held-out people, or with
    `last`, and of a run that had none, of the last checkpoint.

    The tables are counted on clips without augmentation: those of RUN/latents, of a `cache` of `bcd data cache`, or of
    the folder `data`, which are cached in RUN/latents. eight_bits: as of `save_networks`. progress: clips of that
    folder.
    """
    config_path, checkpoint = run / "config.json", run / CHECKPOINT
    if not config_path.exists() or not checkpoint.exists():
        raise ConfigError(f"{run} is not a run folder: it needs config.json and {CHECKPOINT}")
    if not last and (run / BEST).exists():
        checkpoint = run / BEST
    config = ModelConfig.from_json(config_path.read_text())
    bcd = Bcd(config)
    update = load_average(checkpoint, bcd)
    autoencoder = load_autoencoder(config, vae)
    if cache is not None:
        check_made_cache(cache, vae=autoencoder, config=config, whole=True)
    cache = cache or run / "latents"
    if data is not None:
        cache_clips(data, cache, vae=autoencoder, config=config, progress=progress)
    elif not is_cached(cache):
        raise ConfigError(f"{run} has no clips as they are, on which tables are counted; give --data")
    statistics = export(out, bcd=bcd, vae=autoencoder, config=config, cache=cache, eight_bits=eight_bits)
    return ExportSummary(statistics, checkpoint.name, update)


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
