"""What `bcd train-motion` does. In: paths and numbers. Out: a run folder and a motion weights file."""

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
from bcdcodec.training.data.code_streams import CodeStream, read_streams
from bcdcodec.training.data.sampler import ClipCache
from bcdcodec.training.run.distributed import init_distributed, leave_workers
from bcdcodec.weightfile import WeightsFile

#: How often clips are seen: as they are, then with other stills and half of them mirrored.
PASSES = 3
#: The prepared set inside a run folder.
STREAMS = "streams.safetensors"
#: (stage, done, total)
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class MotionTraining:
    """Bits a frame on held-out people: by order-0 counts, given the frame before, by the weights written."""

    order0_bits: float
    previous_bits: float
    model_bits: float


def run_motion_training(
    name: str,
    weights: WeightsFile,
    out: Path,
    *,
    data: Path | None = None,
    streams: Path | None = None,
    run: Path,
    steps: int,
    seed: int = 0,
    precision: str = "fp32",
    progress: Progress = lambda stage, done, total: None,
) -> MotionTraining | None:
    """Train a motion preset on the codes that `weights` give to clips, and write the weights that predict held-out
    people best.

    data: a folder of clips, whose latents are cached in RUN/latents; streams: a folder of `.bcd` files. One or both;
    what they give is kept in RUN/streams.safetensors, and a run that is resumed goes on with it. Raises ConfigError,
    BitstreamError.
    """
    config = motion_preset(name)
    config.check_fits(weights.config)
    model = CodecModel.load(weights, device="cpu")
    prepared = run / STREAMS
    workers = init_distributed(batch=config.optim.batch)
    if workers.is_main_process and not prepared.exists():
        run.mkdir(parents=True, exist_ok=True)
        save_streams(prepared, _prepare(model, data, streams, run / "latents", seed, progress))
    workers.wait_for_everyone()
    found = load_streams(prepared)
    options = MotionTrainOptions(run=run, steps=steps, codec_id=weights.model_id, seed=seed, precision=precision)
    codebook = model.bcd.quantizer.codebook.detach()
    best = train_motion(config, options, found, codebook=codebook, progress=lambda step: progress("steps", step, steps))
    first = workers.is_main_process
    leave_workers()
    if not first:
        return None
    write_bytes(out, best.read_bytes())
    gpt = load_motion(open_motion(out), codec_id=weights.model_id, device=torch.device("cpu"))
    learned, held_out = hold_out(found)
    order0, previous = count_bits(learned, held_out, entries=config.entries)
    return MotionTraining(order0, previous, stream_bits(gpt, held_out))


def _prepare(
    model: CodecModel, data: Path | None, bcd_files: Path | None, cache: Path, seed: int, progress: Progress
) -> list[CodeStream]:
    """Streams of clips, of `.bcd` files, or of both."""
    if data is None and bcd_files is None:
        raise ConfigError("a motion model needs clips (--data) or .bcd files (--streams) to learn from")

    def stage(name: str) -> Callable[[int, int], None]:
        return lambda done, total: progress(name, done, total)

    found: list[CodeStream] = []
    if data is not None:
        cache_clips(data, cache, vae=model.vae, config=model.config, progress=stage("latents"))
        found += read_streams(
            model.bcd, ClipCache(cache, model.config), passes=PASSES, seed=seed, progress=stage("codes")
        )
    if bcd_files is not None:
        found += read_bcd_folder(model, bcd_files, progress=stage("streams"))
    return [s for s in found if len(s.codes)]
