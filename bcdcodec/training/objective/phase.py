"""Phases of training, and the objective of one update: its phase and the numbers that change over a run."""

from dataclasses import dataclass
from enum import Enum


class Phase(Enum):
    """The parts of the model that an update trains, and how motion passes from the encoder to the decoder.

    Without a warper a run is JOINT from start to end. A model with one goes through LANDMARKS, WARPING and DENOISER.
    `--reinit-codebooks` goes from CONTINUOUS to DENOISER, `--train denoiser` is DENOISER throughout, `--train warper`
    is WARPER, and `--train encoder` alternates between ENCODER and ENCODER_FLOW.
    """

    #: The encoder learns to estimate landmark displacements from latents, for frames without a face.
    LANDMARKS = "landmarks"
    #: Encoder and denoiser learn with continuous motion vectors under additive noise.
    CONTINUOUS = "continuous"
    #: Encoder, codebooks, landmark head and warper learn; the denoiser waits.
    WARPING = "warping"
    #: Everything learns.
    JOINT = "joint"
    #: The denoiser learns from what a decoder would have; everything else is frozen.
    DENOISER = "denoiser"
    #: The warper learns from codes as a decoder has them; everything else is frozen.
    WARPER = "warper"
    #: The encoder learns with hard codes, from landmarks alone.
    ENCODER = "encoder"
    #: As ENCODER, from the dense flow of the frozen warper too.
    ENCODER_FLOW = "encoder_flow"

    @property
    def quantizes(self) -> bool:
        """Motion vectors pass through the codebooks."""
        return self not in (Phase.LANDMARKS, Phase.CONTINUOUS)

    @property
    def trains_encoder(self) -> bool:
        """The encoder is trained."""
        return self not in (Phase.DENOISER, Phase.WARPER)

    @property
    def trains_flow(self) -> bool:
        """The loss of the dense flow is computed."""
        return self.computes_flow and self is not Phase.DENOISER

    @property
    def trains_denoiser(self) -> bool:
        """The denoising loss is computed."""
        return self in (Phase.CONTINUOUS, Phase.JOINT, Phase.DENOISER)

    @property
    def hard_codes(self) -> bool:
        """Codes are the nearest entries, as in a stream, with a straight-through gradient to the encoder."""
        return self in (Phase.ENCODER, Phase.ENCODER_FLOW)

    @property
    def computes_flow(self) -> bool:
        """A model with a warper computes its dense flow."""
        return self.quantizes and self is not Phase.ENCODER


@dataclass(frozen=True, slots=True)
class Objective:
    """Everything that the loss depends on beside the model and the batch.

    tau: temperature of the Gumbel softmax over codes. sigma_mean, sigma_std: noise levels are drawn with
    ln sigma ~ N(mean, std^2). content_weight: of the L1 norm of the content. motion_noise: standard deviation added to
    continuous motion vectors. clips, decoded_frames: clips of the batch that are decoded, and frames of each.
    temporal: the temporal blocks of the denoiser take part, over whole windows. landmark_dropout: share of the clips
    whose landmarks the encoder does not get.
    """

    phase: Phase
    tau: float
    sigma_mean: float
    sigma_std: float
    content_weight: float
    motion_noise: float
    clips: int
    decoded_frames: int
    temporal: bool
    landmark_dropout: float = 0.0
