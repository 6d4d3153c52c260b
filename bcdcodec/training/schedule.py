"""What changes over a run: phase, learning rate, noise levels, temperature. In: a step. Out: numbers for loop.py."""

import math
from dataclasses import dataclass
from typing import Self

from bcdcodec.config import ModelConfig
from bcdcodec.model.quantizer import temperature
from bcdcodec.training.losses import Objective


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Phase 1 (no temporal blocks) until `phase_2_from` of `steps`, then phase 2 with them (2/3 in the paper).

    Models with an anchor learn in an order, each part from what the one before gives it: until `poses_until` the
    encoder alone (where the points of faces go), until `anchor_until` the anchor too, and only then the denoiser.

    Learning rate: linear warm-up, flat, then linear to zero over the last `decay` of the run. Noise levels start high,
    where the conditions are learned, and end at the sampler's working range; around an anchor they stay high.
    """

    steps: int
    warmup: int = 100
    decay: float = 0.3
    phase_2_from: float = 2 / 3
    poses_until: float = 0.0
    anchor_until: float = 0.0
    decoded_frames: int = 4

    @classmethod
    def of(cls, config: ModelConfig, steps: int) -> Self:
        """The paper's phases, or for a model with an anchor the ones that suit a short run."""
        if config.denoiser.anchor_blocks:
            poses = 0.52 if config.denoiser.face_points else 0.0
            return cls(steps=steps, poses_until=poses, anchor_until=0.86, phase_2_from=0.98)
        return cls(steps=steps)

    def temporal(self, step: int) -> bool:
        """Whether the temporal blocks are trained at this step."""
        return step >= self.phase_2_from * self.steps

    def rate_factor(self, step: int) -> float:
        """Factor of the learning rates, 0..1."""
        left = (self.steps - step) / max(1.0, self.decay * self.steps)
        return min((step + 1) / self.warmup, 1.0, max(left, 0.0))

    def objective(self, config: ModelConfig, step: int) -> Objective:
        """Everything the loss needs to know about the step."""
        done = step / self.steps
        poses = done < self.poses_until
        # Anchors leave little over, and what they leave is told by the conditions, which are learned at high noise.
        late = 0.0 if self.anchor_until else min(1.0, max(0.0, done - 0.6) / 0.2)
        # Codes replace vectors over the first half of the anchor's own phase.
        coded = (done - self.poses_until) / (self.anchor_until - self.poses_until) if self.anchor_until else 1.0
        whole = self.temporal(step) or poses
        return Objective(
            tau=temperature(config.quantizer, step),
            sigma_mean=math.log(config.denoiser.sigma_data) + (2.0 if self.anchor_until else 1.0) - 0.8 * late,
            sigma_std=1.4,
            unquantised=min(1.0, max(0.0, 1 - 2 * coded)),
            anchor=not poses,
            denoise=done >= self.anchor_until,
            # Phase 2 decodes whole windows, so it decodes fewer clips of the batch.
            clips=max(1, config.optim.batch // 2) if self.temporal(step) else config.optim.batch,
            decoded_frames=config.window_frames + config.context_frames if whole else self.decoded_frames,
            temporal=self.temporal(step),
        )
