"""What changes over a run: phase, learning rate, noise levels, temperature. In: a step. Out: numbers for loop.py."""

import math
from dataclasses import dataclass
from typing import Literal, Self

from bcdcodec.config import ModelConfig
from bcdcodec.errors import ConfigError
from bcdcodec.model.quantizer import temperature
from bcdcodec.training.codebooks.kmeans_init import MOTION_NOISE
from bcdcodec.training.objective.losses import Objective

#: What becomes of the codes: learned with the rest, laid out anew on the way, kept while the denoiser learns what they
#: mean, or kept while the encoder learns to tell them.
Codes = Literal["learn", "refit", "keep", "tell"]
#: Share of a run that its motion is not coded before codes are refitted.
REFIT = 0.25
#: An encoder that is trained on learns at this share of the rate of a new one. Every so-many-th step asks for the whole
#: picture's flow, which takes long, of a share of the clips; the others for the points of the face alone.
TELL_RATE, TELL_FLOW_EVERY, TELL_FLOW_SHARE = 0.5, 3, 1 / 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Phase 1 (no temporal blocks) until `phase_2_from` of `steps`, then phase 2 with them (2/3 in the paper).

    Models with an anchor learn in an order, each part from what the one before gives it: until `poses_until` the
    encoder alone (where the points of faces go), then codebooks are laid out (training/codebooks/pca_init.py), until
    `anchor_until` the anchor too, and only then the denoiser.

    A model that was trained before may have its codes refitted: until `refit_until` its motion passes as noisy numbers,
    then its codebooks are laid out anew over clusters (training/codebooks/kmeans_init.py), and the denoiser alone learns those.
    Or its codes are kept, and with them the encoder: from the first step the denoiser alone learns, temporal blocks
    and all, at the noise levels of the sampler's standard preset. Or they are kept and the encoder alone learns to tell
    them, as a stream has them, from what the settled rest makes of them.

    Learning rate: linear warm-up, flat, then linear to zero over the last `decay` of the run. Noise levels start high,
    where the conditions are learned, and end at the sampler's working range; around an anchor they stay high.
    """

    steps: int
    warmup: int = 100
    decay: float = 0.3
    phase_2_from: float = 2 / 3
    poses_until: float = 0.0
    anchor_until: float = 0.0
    refit_until: float = 0.0
    keep_codes: bool = False
    tell_codes: bool = False
    decoded_frames: int = 4

    @classmethod
    def of(cls, config: ModelConfig, steps: int, *, codes: Codes = "learn") -> Self:
        """The paper's phases, or for a model with an anchor the ones that suit a short run. Raises ConfigError."""
        if codes == "keep":
            return cls(steps=steps, keep_codes=True, phase_2_from=0.0)
        if codes == "tell":
            if not config.denoiser.landmarks:
                raise ConfigError("an encoder can learn to tell codes only where they move points of a face")
            return cls(steps=steps, tell_codes=True, phase_2_from=1.0)
        if config.denoiser.warp_blocks:
            if codes == "refit":
                raise ConfigError("codes of a model with an anchor are laid out over poses, not refitted")
            poses = 0.49 if config.denoiser.landmarks else 0.0
            return cls(steps=steps, poses_until=poses, anchor_until=0.77, phase_2_from=0.973)
        return cls(steps=steps, refit_until=REFIT if codes == "refit" else 0.0)

    def temporal(self, step: int) -> bool:
        """Whether the temporal blocks are trained at this step."""
        return step >= self.phase_2_from * self.steps

    def rate_factor(self, step: int, *, denoiser: bool) -> float:
        """Factor of the learning rate of the denoiser or of the rest, 0..1. With an anchor the rest is done when the
        denoiser begins.
        """
        begin, end, decay = 0.0, float(self.steps), self.decay
        if self.anchor_until and denoiser:
            begin, decay = self.anchor_until * self.steps, 0.4
        elif self.anchor_until:
            end, decay = self.anchor_until * self.steps, 0.7
        left = (end - step) / max(1.0, decay * (end - begin))
        return max(0.0, min((step + 1 - begin) / self.warmup, 1.0, left)) * (TELL_RATE if self.tell_codes else 1.0)

    def moves_encoder(self, step: int) -> bool:
        """Whether anything but the denoiser is trained at this step."""
        return not self.keep_codes and (not self.anchor_until or step < self.denoiser_from)

    @property
    def coded_from(self) -> int:
        """The first step whose motion passes the quantiser."""
        return math.ceil(max(self.poses_until, self.refit_until) * self.steps)

    @property
    def denoiser_from(self) -> int:
        """The first step that trains the denoiser."""
        return math.ceil(self.anchor_until * self.steps)

    def objective(self, config: ModelConfig, step: int) -> Objective:
        """Everything the loss needs to know about the step."""
        done = step / self.steps
        coded = step >= self.coded_from
        poses = not coded and self.poses_until > 0
        ramp = min(1.0, max(0.0, done - 0.6) / 0.2)
        flow = coded and not (self.tell_codes and step % TELL_FLOW_EVERY)
        whole = self.temporal(step) or poses or (self.tell_codes and not flow)
        sigma_mean, sigma_std = self._noise_levels(config, ramp)
        return Objective(
            tau=temperature(config.quantizer, step),
            sigma_mean=sigma_mean,
            sigma_std=sigma_std,
            # What the content has to hold is learned first; what it need not hold then goes.
            content_weight=config.optim.content_weight * (1.0 if self.refit_until else ramp),
            coded=coded,
            motion_noise=MOTION_NOISE if not coded and self.refit_until else 0.0,
            nearest=self.tell_codes,
            flow=flow,
            denoise=step >= self.denoiser_from and not self.tell_codes,
            settled=self.keep_codes
            or (coded and step >= self.denoiser_from and (self.anchor_until > 0 or self.refit_until > 0)),
            clips=max(1, round(config.optim.batch * self._share(step, flow=flow))),
            decoded_frames=config.window_frames + config.context_frames if whole else self.decoded_frames,
            temporal=self.temporal(step),
        )

    def _share(self, step: int, *, flow: bool) -> float:
        """Of the clips of a batch that are decoded; phase 2 decodes whole windows, so fewer of them."""
        if self.tell_codes:
            return TELL_FLOW_SHARE if flow else 1.0
        return 0.5 if self.temporal(step) else 1.0

    def _noise_levels(self, config: ModelConfig, ramp: float) -> tuple[float, float]:
        """Mean and deviation of ln sigma. ramp: 0 until the last two fifths of the run, then up to 1."""
        if self.keep_codes:
            used = config.sampling["standard"]
            first, last = used.sigma_max, used.sigma_min if used.steps > 1 else used.sigma_max
            return math.log(first * last) / 2, max(1.0, math.log(first / last) / 2)
        # Anchors leave little over, and what they leave is told by the conditions, which are learned at high noise.
        above = 2.0 if self.anchor_until else 1.0 - 0.8 * ramp
        return math.log(config.denoiser.sigma_data) + above, 1.4
