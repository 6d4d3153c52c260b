"""Memory and operations of a training update, counted on tensors without data."""

from dataclasses import dataclass

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from bcdcodec.config import ModelConfig
from bcdcodec.model.bcd import Bcd
from bcdcodec.model.vae import Vae
from bcdcodec.training.data.batch import CrossDrivenBatch, Faces
from bcdcodec.training.data.clips import THUMBNAIL
from bcdcodec.training.data.sampler import CONTENT_FRAMES
from bcdcodec.training.objective.losses import bcd_loss
from bcdcodec.training.objective.schedule import Schedule
from bcdcodec.video.landmarks import POINTS

#: Float32 values for each parameter: itself, its gradient, two moments of AdamW and its moving average.
KEPT = 5


@dataclass(frozen=True, slots=True)
class TrainingCost:
    """Size of a run. kept_bytes: weights, gradients, moments and averages; activations come on top.

    first_flops, last_flops: of the first and the last update, forward and backward, of matrix products and
    convolutions.
    """

    parameters: int
    kept_bytes: int
    first_flops: int
    last_flops: int


def training_cost(config: ModelConfig, schedule: Schedule) -> TrainingCost:
    """Count the first and the last update of a run on fake tensors."""
    with FakeTensorMode():
        model, batch = Bcd(config), _empty_batch(config)
        vae = None if config.vae is None else Vae(config.vae).requires_grad_(False)
        flops = []
        for step in (0, schedule.updates - 1):
            with FlopCounterMode(display=False) as counter:
                objective = schedule.objective(config, step)
                bcd_loss(model, batch, objective, torch.Generator().manual_seed(0), vae).total.backward()  # type: ignore[no-untyped-call]
            flops.append(counter.get_total_flops())
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return TrainingCost(parameters, 4 * KEPT * parameters, *flops)


def _empty_batch(config: ModelConfig) -> CrossDrivenBatch:
    """A batch with the shapes that training/data/sampler.py draws."""
    denoiser, b, t = config.denoiser, config.optim.batch, config.window_frames + config.context_frames
    latent = (denoiser.channels, denoiser.resolution, denoiser.resolution)
    if not denoiser.warp_blocks:
        return CrossDrivenBatch(
            torch.zeros(b, t if config.optim.whole_halves else CONTENT_FRAMES, *latent),
            torch.zeros(b, t, *latent),
            None,
        )
    faces = Faces(
        picture=torch.zeros(b, 3, config.pixels, config.pixels, dtype=torch.uint8),
        thumbnails=torch.zeros(b, t, 3, THUMBNAIL, THUMBNAIL, dtype=torch.uint8),
        content_points=torch.zeros(b, POINTS, 2),
        motion_points=torch.zeros(b, t, POINTS, 2),
    )
    return CrossDrivenBatch(torch.zeros(b, 1, *latent), torch.zeros(b, t, *latent), faces)
