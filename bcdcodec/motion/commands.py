"""Implementation of `bcd train motion`: from clips or `.bcd` files to a motion weights file."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from bcdcodec.atomic import write_bytes
from bcdcodec.codec.model import CodecModel
from bcdcodec.errors import ConfigError
from bcdcodec.motion.config import motion_preset
from bcdcodec.motion.data import hold_out, load_streams, save_streams
from bcdcodec.motion.entropy import count_bits, stream_bits
from bcdcodec.motion.streams import read_bcd_folder
from bcdcodec.motion.training import MotionTrainOptions, train_motion
from bcdcodec.motion.weights import load_motion, open_motion
from bcdcodec.training.data.cache import cache_clips
from bcdcodec.training.data.clips import ClipCache
from bcdcodec.training.data.code_streams import CodeStream, read_streams
from bcdcodec.training.run.distributed import init_distributed, leave_workers
from bcdcodec.weightfile import WeightsFile

#: Passes over the clips: unchanged, then with other stills and half of them mirrored.
PASSES = 3
#: The prepared set inside a run folder.
STREAMS = "streams.safetensors"
#: (stage, done, total)
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class MotionTraining:
    """Bits a frame on held-out people: order-0 entropy, entropy given the previous frame, and of the motion model."""

    order0_bits: float
    previous_bits: float
    model_bits: float


def run_motion_training(
    options: MotionTrainOptions,
    weights: WeightsFile,
    out: Path,
    progress: Progress = lambda stage, done, total: None,
) -> MotionTraining | None:
    """Train a motion preset on the codes that `weights` give to clips, and write the best weights to `out`.

    Code streams come from a folder of clips, whose latents are cached in RUN/latents, from a folder of `.bcd` files,
    or both; they are kept in RUN/streams.safetensors, which a resumed run uses. Returns None in all processes but the
    main one. Raises ConfigError, BitstreamError.
    """
    config = motion_preset(options.model)
    config.check_fits(weights.config)
    model = CodecModel.load(weights, device="cpu")
    prepared = options.run / STREAMS
    workers = init_distributed(batch=config.optim.batch)
    if workers.is_main_process and not prepared.exists():
        options.run.mkdir(parents=True, exist_ok=True)
        save_streams(prepared, _prepare_streams(model, options, progress))
    workers.wait_for_everyone()
    streams = load_streams(prepared)
    best = train_motion(
        config,
        options,
        streams,
        codec_id=weights.model_id,
        codebook=model.bcd.quantizer.codebook.detach(),
        progress=lambda done: progress("updates", done, options.updates),
    )
    is_main = workers.is_main_process
    leave_workers()
    if not is_main:
        return None
    write_bytes(out, best.read_bytes())
    gpt = load_motion(open_motion(out), codec_id=weights.model_id, device=torch.device("cpu"))
    learned, held_out = hold_out(streams)
    order0, previous = count_bits(learned, held_out, entries=config.entries)
    return MotionTraining(order0, previous, stream_bits(gpt, held_out))


def _prepare_streams(model: CodecModel, options: MotionTrainOptions, progress: Progress) -> list[CodeStream]:
    """Streams of clips, of `.bcd` files, or of both."""
    if options.data is None and options.streams is None:
        raise ConfigError("a motion model needs clips (--data) or .bcd files (--streams) to learn from")

    def stage(name: str) -> Callable[[int, int], None]:
        return lambda done, total: progress(name, done, total)

    streams: list[CodeStream] = []
    if options.data is not None:
        cache = options.run / "latents"
        cache_clips(options.data, cache, vae=model.vae, config=model.config, progress=stage("latents"))
        streams += read_streams(
            model.bcd,
            ClipCache(cache, model.config),
            passes=PASSES,
            seed=options.seed,
            downsampled=motion_preset(options.model).optim.downsampling > 0,
            progress=stage("codes"),
        )
    if options.streams is not None:
        streams += read_bcd_folder(model, options.streams, progress=stage("streams"))
    return [stream for stream in streams if len(stream.codes)]
