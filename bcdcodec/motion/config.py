"""Configurations of motion models, and their presets.

`motion` is Table A6 of the supplement, every number as published; `face-motion` is a smaller network, whose weights
ship for the codes of `face`.
"""

import dataclasses
import json
from dataclasses import dataclass
from importlib import resources
from typing import Self

from bcdcodec.config import ModelConfig, parse_config
from bcdcodec.errors import ConfigError

MOTION_PRESETS = ("motion", "face-motion")


@dataclass(frozen=True, kw_only=True, slots=True)
class MotionOptim:
    """Optimiser rows of Table A6, and what the paper does not have.

    downsampling: probability that a clip is taken at half of its frame rate, which moves twice as fast (A.2). warmup:
    updates over which the learning rate rises; decay: share of a run over which it falls to zero; gradient_limit: norm
    to which gradients are clipped, 0: none; average_decay: of the moving average that ships, 0: the weights themselves.
    """

    learning_rate: float
    batch: int
    weight_decay: float
    betas: tuple[float, float]
    downsampling: float
    dropout: float = 0.1
    warmup: int = 100
    decay: float = 0.4
    gradient_limit: float = 1.0
    average_decay: float = 0.999
    #: People are drawn by the square root of their number of clips; False: every clip alike (the paper).
    balanced_people: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class MotionConfig:
    """A GPT-2 over the codes of one codec model (motion/model.py).

    groups, entries, dims: of the codec's quantiser. content: size of its content map, C, H, W. content_pool: side of
    the squares over which the map is averaged before it becomes a token. frames: the longest context in frames.
    """

    name: str
    groups: int
    entries: int
    dims: int
    content: tuple[int, int, int]
    content_pool: int
    width: int
    layers: int
    heads: int
    frames: int
    optim: MotionOptim

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Parse a configuration; unknown and missing keys raise ConfigError."""
        config: Self = parse_config(cls, text, what="motion")
        return config

    def to_json(self) -> str:
        """Inverse of `from_json`."""
        return json.dumps(dataclasses.asdict(self), indent=1)

    def check_fits(self, codec: ModelConfig) -> None:
        """ConfigError where the codes or the content are not those of a codec's configuration."""
        quantizer, denoiser = codec.quantizer, codec.denoiser
        own = (self.groups, self.entries, self.dims, *self.content)
        shape = (denoiser.channels, denoiser.resolution, denoiser.resolution)
        needed = (quantizer.groups, quantizer.entries, quantizer.dims, *shape)
        if own != needed:
            raise ConfigError(f"motion model is for codes and content {own}, those of {codec.name} are {needed}")


def motion_preset(name: str) -> MotionConfig:
    """The configuration of a preset by name; ConfigError names the known ones."""
    if name not in MOTION_PRESETS:
        raise ConfigError(f"unknown motion preset {name!r}, known are {', '.join(MOTION_PRESETS)}")
    return MotionConfig.from_json(resources.files("bcdcodec").joinpath("presets", f"{name}.json").read_text())
