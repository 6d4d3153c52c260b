"""Training schedule: the phase, learning rates, noise levels and temperature of every update of a run."""

import math
from dataclasses import dataclass
from functools import partial
from typing import Self

from bcdcodec.config import ModelConfig
from bcdcodec.errors import ConfigError
from bcdcodec.model.quantizer import temperature
from bcdcodec.training.codebooks.kmeans_init import MOTION_NOISE
from bcdcodec.training.objective.phase import Objective, Phase
from bcdcodec.training.options import Trained

#: Share of a run with continuous motion before codebooks are re-initialised.
CONTINUOUS_SHARE = 0.25
#: Share of the clips whose landmarks the encoder does not get while it is trained on codes.
LANDMARK_DROPOUT = 0.25
#: Fine-tuning of an encoder: its learning rate relative to a new one's, the interval of updates with the dense flow
#: (which is slow), and the share of the batch that those decode.
ENCODER_RATE, FLOW_EVERY, FLOW_CLIPS = 0.5, 3, 1 / 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Starts of the phases of a run, as shares of its `updates`.

    The temporal blocks join at `temporal_from` (2/3 in the paper). A model with a warper trains its parts one after
    another, each on the output of the one before: the encoder's estimates until `landmarks_until`, then codebooks are
    initialised (training/codebooks/pca_init.py), the warper joins until `warping_until`, and the denoiser follows.

    Codebooks of a trained model are re-initialised at `continuous_until` (training/codebooks/kmeans_init.py), up to
    where motion is continuous; the denoiser alone then learns the new codes. With train="denoiser" only the denoiser
    learns, temporal blocks included, at the noise levels of the sampler's preset `standard`; with train="warper" only
    the warper. With train="encoder" only the encoder learns, to write codes as streams have them.

    Learning rate: linear warm-up over `warmup` updates, flat, then linear to zero over the last `decay` of the run.
    Noise levels start high, where the conditions are learned, and end at the sampler's working range; around a warped
    reference they stay high. A configuration may fix them, and has warm-up and decay without a warper.
    """

    updates: int
    train: Trained = "all"
    warmup: int = 100
    decay: float = 0.3
    temporal_from: float = 2 / 3
    landmarks_until: float = 0.0
    warping_until: float = 0.0
    continuous_until: float = 0.0
    decoded_frames: int = 4

    @classmethod
    def of(cls, config: ModelConfig, updates: int, *, train: Trained = "all", reinit_codebooks: bool = False) -> Self:
        """The schedule of a model: the paper's phases, or those for a model with a warper. Raises ConfigError."""
        make = partial(cls, updates=updates, train=train, warmup=config.optim.warmup, decay=config.optim.decay)
        if reinit_codebooks and train != "all":
            raise ConfigError(f"codebooks are initialised anew where everything is trained, not the {train} alone")
        if config.picture_denoiser is not None and train in ("all", "denoiser"):
            raise ConfigError("a model that denoises pictures has no denoiser of latents to train")
        if train == "denoiser":
            return make(temporal_from=0.0)
        if train == "warper":
            if not config.denoiser.warp_blocks:
                raise ConfigError(f"preset {config.name} has no warper to train alone")
            return make(temporal_from=1.0)
        if train == "encoder":
            if not config.denoiser.landmarks:
                raise ConfigError("an encoder is trained alone only for codes that move landmarks, of points of a face")
            return make(temporal_from=1.0)
        if config.denoiser.warp_blocks:
            if reinit_codebooks:
                raise ConfigError(
                    "codebooks of a model with a warper are initialised from landmarks, not anew by k-means"
                )
            landmarks = 0.25 if config.denoiser.landmarks else 0.0
            return make(landmarks_until=landmarks, warping_until=0.77, temporal_from=0.973)
        return make(continuous_until=CONTINUOUS_SHARE if reinit_codebooks else 0.0)

    @property
    def quantized_from(self) -> int:
        """The first update whose motion is quantised."""
        return math.ceil(max(self.landmarks_until, self.continuous_until) * self.updates)

    @property
    def denoiser_from(self) -> int:
        """The first update that may train the denoiser."""
        return math.ceil(self.warping_until * self.updates)

    @property
    def complete_from(self) -> int:
        """The first update in which every part that the run trains has joined; weights before it are unfinished."""
        temporal = self.temporal_from if self.temporal_from < 1 else 0.0
        return max(self.quantized_from, self.denoiser_from, math.ceil(temporal * self.updates))

    def phase(self, step: int) -> Phase:
        """The phase of update `step`, from 0 on."""
        if self.train == "denoiser":
            return Phase.DENOISER
        if self.train == "warper":
            return Phase.WARPER
        if self.train == "encoder":
            return Phase.ENCODER if step % FLOW_EVERY else Phase.ENCODER_FLOW
        if step < self.quantized_from:
            return Phase.LANDMARKS if self.landmarks_until else Phase.CONTINUOUS
        if step < self.denoiser_from:
            return Phase.WARPING
        return Phase.DENOISER if self.warping_until or self.continuous_until else Phase.JOINT

    def temporal(self, step: int) -> bool:
        """Whether the temporal blocks are trained."""
        return step >= self.temporal_from * self.updates

    def rate_factor(self, step: int, *, denoiser: bool) -> float:
        """Factor 0..1 of the learning rate of the denoiser, or of everything else.

        With a warper the rate of everything else is at zero where the denoiser begins.
        """
        begin, end, decay = 0.0, float(self.updates), self.decay
        if self.warping_until and denoiser:
            begin, decay = self.warping_until * self.updates, 0.4
        elif self.warping_until:
            end, decay = self.warping_until * self.updates, 0.7
        left = (end - step) / max(1.0, decay * (end - begin))
        factor = max(0.0, min((step + 1 - begin) / max(1, self.warmup), 1.0, left))
        return factor * (ENCODER_RATE if self.train == "encoder" else 1.0)

    def objective(self, config: ModelConfig, step: int) -> Objective:
        """The objective of update `step`."""
        phase, temporal = self.phase(step), self.temporal(step)
        # Noise and content weight change over the last two fifths of the run, at their final values for its last fifth.
        ramp = min(1.0, max(0.0, step / self.updates - 0.6) / 0.2)
        sigma_mean, sigma_std = self._noise_levels(config, ramp)
        whole_window = temporal or config.optim.full_batch or phase in (Phase.LANDMARKS, Phase.ENCODER)
        share = 1.0 if config.optim.full_batch else _decoded_share(phase, temporal=temporal)
        return Objective(
            phase=phase,
            tau=temperature(config.quantizer, step),
            sigma_mean=sigma_mean,
            sigma_std=sigma_std,
            # Content is learned first and pruned then; a trained model starts with the full weight.
            content_weight=config.optim.content_weight * (1.0 if self.continuous_until else ramp),
            motion_noise=MOTION_NOISE if phase is Phase.CONTINUOUS else 0.0,
            clips=max(1, round(config.optim.batch * share)),
            decoded_frames=config.window_frames + config.context_frames if whole_window else self.decoded_frames,
            temporal=temporal,
            landmark_dropout=_landmark_dropout(phase),
        )

    def decoded_clips(self, config: ModelConfig) -> set[int]:
        """All numbers of clips that objectives of this run decode."""
        first_temporal = math.ceil(self.temporal_from * self.updates)
        steps = {0, 1, 2, self.quantized_from, self.denoiser_from, first_temporal, self.updates - 1}
        return {self.objective(config, step).clips for step in steps if step < self.updates}

    def _noise_levels(self, config: ModelConfig, ramp: float) -> tuple[float, float]:
        """Mean and standard deviation of ln sigma."""
        if self.train == "denoiser":
            used = config.sampling["standard"]
            first, last = used.sigma_max, used.sigma_min if used.steps > 1 else used.sigma_max
            return math.log(first * last) / 2, max(1.0, math.log(first / last) / 2)
        if config.optim.noise_levels is not None:
            return config.optim.noise_levels
        # A warped reference leaves a small residual, which the conditions determine; those are learned at high noise.
        above = 2.0 if self.warping_until else 1.0 - 0.8 * ramp
        return math.log(config.denoiser.sigma_data) + above, 1.4


def _decoded_share(phase: Phase, *, temporal: bool) -> float:
    """Share of the batch that is decoded: fewer clips where whole windows or dense flows are computed."""
    if phase is Phase.ENCODER_FLOW:
        return FLOW_CLIPS
    return 0.5 if temporal else 1.0


def _landmark_dropout(phase: Phase) -> float:
    """Share of the clips whose landmarks the encoder does not get: all where it learns to do without."""
    if phase is Phase.LANDMARKS:
        return 1.0
    return LANDMARK_DROPOUT if phase.trains_encoder else 0.0
