"""The error of a run on people that it does not learn from, and the weights of the least one.

A twelfth of the motion model's people is held out; a codec needs all the faces it can get, so here it is one in fifty
of a set that has many people, and none of a smaller one.
"""

import hashlib
import math
from pathlib import Path
from typing import Literal, TypeAlias

import torch

from bcdcodec.atomic import check_run_manifest
from bcdcodec.config import ModelConfig
from bcdcodec.model.bcd import Bcd
from bcdcodec.model.warp import Autoencoder
from bcdcodec.training.data.batch import CrossDrivenBatch
from bcdcodec.training.data.clips import ClipCache
from bcdcodec.training.data.sampler import CrossDrivenSampler, least_frames
from bcdcodec.training.run.checkpoint import average_error, save_average
from bcdcodec.training.run.samples import decoder_inputs, probe_error
from bcdcodec.training.run.training_run import BEST

#: What a run is measured on: a cache of other people's clips, a few people of its own cache, or nothing.
HeldOut: TypeAlias = Path | Literal["people"] | None
MANIFEST = "held_out.json"
#: Sets of fewer people hold nobody back; of others one person in so many, up to a number.
LEAST_PEOPLE, PEOPLE_TO_ONE_HELD_OUT, MOST_HELD_OUT = 50, 50, 16
#: Clip halves that the error is measured on, and those computed at once.
PROBE_CLIPS, PROBE_CHUNK = 16, 4


def hold_out_people(cache: ClipCache, config: ModelConfig) -> frozenset[str]:
    """People of a cache to hold back: the first ones by a hash of their names, none of a set of few.

    More clips of the same people change nothing. Only people with a clip that gives two halves count.
    """
    people = {entry.person for entry in cache.entries if entry.frames >= least_frames(config)}
    if len(people) < LEAST_PEOPLE:
        return frozenset()
    ordered = sorted(people, key=lambda name: hashlib.sha256(name.encode()).digest())
    return frozenset(ordered[: min(MOST_HELD_OUT, len(people) // PEOPLE_TO_ONE_HELD_OUT)])


@torch.no_grad()
def held_out_error(model: Bcd, batch: CrossDrivenBatch, vae: Autoencoder | None, *, temporal: bool) -> float:
    """Mean squared error of latents that are denoised from PROBE_SIGMA under their true conditions.

    Of a model without a denoiser of latents it is the error of the warped latents. temporal: with temporal blocks.
    """
    trained, errors = model.training, []
    model.eval()
    for start in range(0, len(batch.motion), PROBE_CHUNK):
        chunk = batch.clips(slice(start, start + PROBE_CHUNK))
        frames = torch.arange(chunk.motion.shape[1], device=chunk.motion.device)
        content, m_hat, z = decoder_inputs(model, chunk, frames)
        if model.dit is not None:
            error = probe_error(model, content, m_hat, z, vae, temporal=temporal)
        else:
            error = float((model.warp_references(content, m_hat, vae).latents - z).square().mean())
        errors.append(error * len(z))
    model.train(trained)
    return sum(errors) / len(batch.motion)


def divide_clips(cache: ClipCache, config: ModelConfig, held_out: HeldOut) -> tuple[ClipCache, ClipCache | None]:
    """Clips to train on, and those to measure the error on, None for none."""
    if held_out is None:
        return cache, None
    if held_out != "people":
        return cache, ClipCache(held_out, config)
    held = hold_out_people(cache, config)
    everybody = {entry.person for entry in cache.entries}
    return cache.of_people(everybody - held), cache.of_people(held) if held else None


class HeldOutProbe:
    """Measures the averaged weights of a run on the same clip halves each time, and keeps the best in its folder."""

    def __init__(self, run: Path, cache: ClipCache, config: ModelConfig, *, device: torch.device) -> None:
        """cache: clips of people that the run does not learn from.

        ConfigError where none gives two halves, and where the run began with others.
        """
        people, clips = sorted({entry.person for entry in cache.entries}), len(cache.entries)
        check_run_manifest(run / MANIFEST, {"people": people, "clips": clips})
        self._best = run / BEST
        sampler = CrossDrivenSampler.of(
            cache, config, seed=0, batch=PROBE_CLIPS, cross_driven=config.optim.cross_driven
        )
        self._batch = sampler.draw(0).to(device)
        self._least = average_error(self._best) if self._best.exists() else math.inf

    def measure(self, step: int, average: Bcd, vae: Autoencoder | None, *, temporal: bool, complete: bool) -> float:
        """The error after `step` updates. complete: the weights may be kept, as all their parts have been trained."""
        error = held_out_error(average, self._batch, vae, temporal=temporal)
        if complete and error < self._least:
            self._least = error
            save_average(self._best, step=step, average=average, error=error)
        return error
