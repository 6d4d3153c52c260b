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

    Models with an anchor train it alone, without the denoiser, for the first `anchor_until` of the run.

    Learning rate: linear warm-up, flat, then linear to zero over the last `decay` of the run. Noise levels start high,
    where the conditions are learned, and end at the sampler's working range.
    """

    steps: int
    warmup: int = 100
    decay: float = 0.3
    phase_2_from: float = 2 / 3
    anchor_until: float = 0.0
    decoded_frames: int = 4

    @classmethod
    def of(cls, config: ModelConfig, steps: int) -> Self:
        """The paper's phases, or for a model with an anchor the ones that suit a short run."""
        if config.denoiser.anchor_blocks:
            return cls(steps=steps, anchor_until=0.8, phase_2_from=0.96)
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
        late = min(1.0, max(0.0, step / self.steps - 0.6) / 0.2)
        return Objective(
            tau=temperature(config.quantizer, step),
            sigma_mean=math.log(config.denoiser.sigma_data) + 1.0 - 0.8 * late,
            sigma_std=1.4,
            # Falls to none over the first half of the anchor's own phase.
            unquantised=max(0.0, 1 - 2 * step / (self.anchor_until * self.steps)) if self.anchor_until else 0.0,
            denoise=step >= self.anchor_until * self.steps,
            # Phase 2 decodes whole windows, so it decodes fewer clips of the batch.
            clips=max(1, config.optim.batch // 2) if self.temporal(step) else config.optim.batch,
            decoded_frames=self.decoded_frames,
            temporal=self.temporal(step),
        )
