"""Decode settings: what the caller asks of a decoder."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bcdcodec.codec.decode.concealment import Concealer
from bcdcodec.config import MAX_BATCH_SEGMENTS, MAX_FRAME_MULTIPLIER, SamplingConfig
from bcdcodec.errors import ConfigError

if TYPE_CHECKING:
    from bcdcodec.model.content import Content


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeSettings:
    """Parameters of a decoder. Raises ConfigError for numbers out of range.

    sampling: of the denoiser, None for the model's `standard` preset; no steps show the warped reference. seed: of the
    noise, None for the stream's. content: of another video, which replaces the stream's own everywhere (motion
    transfer). relative: its face moves from where it is, instead of taking the driver's place, size, pose and
    expression. batch_segments: segments decoded side by side, which fills a GPU at the price of delay.
    frame_multiplier: frames decoded for a coded one, those between by interpolating motion; None for as many as bring
    the stream to the model's frame rate. concealer: fills frames whose packets are missing by their sequence numbers;
    None leaves them out.
    """

    sampling: SamplingConfig | None = None
    seed: int | None = None
    content: "Content | None" = None
    relative: bool = False
    batch_segments: int = 1
    frame_multiplier: int | None = None
    concealer: Concealer | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.batch_segments <= MAX_BATCH_SEGMENTS:
            raise ConfigError(f"batch_segments is {self.batch_segments}, allowed are 1 to {MAX_BATCH_SEGMENTS}")
        if self.frame_multiplier is not None and not 1 <= self.frame_multiplier <= MAX_FRAME_MULTIPLIER:
            raise ConfigError(f"frame_multiplier is {self.frame_multiplier}, allowed are 1 to {MAX_FRAME_MULTIPLIER}")
