"""Frozen configurations and their presets. In: JSON text. Out: dataclasses that every model file is built from.

The exact tables of the paper live in `presets/*.json`, one file a preset, so that the code holds no hidden number.
"""

import dataclasses
import json
import types
import typing
from dataclasses import dataclass
from importlib import resources
from typing import Any, Self

from bcdcodec.errors import ConfigError

PRESET_NAMES = ("lrs3", "sprites", "sprites-tiny", "face")
#: Chains that a decoder may paint side by side: keeps memory bounded whatever the stream says.
MAX_BATCH_SEGMENTS = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class VaeConfig:
    """The small f8 c4 autoencoder (model/vae.py). `widths`: channels at 1/4 and 1/8 of the picture."""

    channels: int = 4
    widths: tuple[int, int] = (64, 128)
    encoder_blocks: int = 2
    decoder_blocks: int = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class EncoderConfig:
    """The disentangle encoder (T5, Tables A4 and A5; model/t5.py, model/disentangle.py)."""

    width: int
    feed_forward: int
    layers: int
    heads: int
    queries: int = 64
    content_channels: int = 64
    #: True: each query also sees its own patch of the content, the clip's most central frame (`face`). False:
    #: learned queries alone
    #: (paper).
    seeded_queries: bool = False
    #: Channels of the convolution stages before a frame becomes a token; empty: the flat projection of the paper.
    frame_stem: tuple[int, ...] = ()
    relative_buckets: int = 32
    relative_max_distance: int = 128


@dataclass(frozen=True, kw_only=True, slots=True)
class QuantizerConfig:
    """Grouped vector quantiser with distance-Gumbel-softmax (Tables A4 and A5; model/quantizer.py)."""

    groups: int
    entries: int
    dims: int
    target_bits_per_group: float
    temperature_max: float
    temperature_min: float
    temperature_decay: float
    #: Factor of the squared distance in the logits (TF-Codec uses 5 with 16 dims a group).
    alpha: float = 5.0
    #: Standard deviation the motion vector is normalised to before the codebooks; None leaves it as it comes.
    input_std: float | None = 0.58

    @property
    def bits_per_code(self) -> int:
        """Bits of a code of fixed width: the index of an entry."""
        return (self.entries - 1).bit_length()


@dataclass(frozen=True, kw_only=True, slots=True)
class DenoiserConfig:
    """The diffusion decoder (DiT with temporal blocks, Tables A4 and A5; model/dit.py)."""

    resolution: int
    channels: int
    patch: int
    width: int
    feed_forward: int
    layers: int
    heads: int
    temporal_blocks: tuple[int, ...]
    sigma_data: float
    #: Blocks of the network that moves the content to each frame's pose (model/warp.py); 0 is the paper's model.
    warp_blocks: int = 0
    #: Points of a face mesh whose movement can be read off the motion vector (model/bcd.py); 0 is the paper's model.
    landmarks: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class SamplingConfig:
    """EDM sampling (model/sampler.py). `steps` Heun steps from `sigma_max` to 0, guidance on the denoised output."""

    steps: int
    guidance: float
    sigma_min: float = 0.002
    sigma_max: float = 80.0
    rho: float = 7.0


@dataclass(frozen=True, kw_only=True, slots=True)
class OptimConfig:
    """Optimiser rows of Tables A4 and A5; `learning_rate` is for the denoiser, `encoder_learning_rate` for the rest."""

    learning_rate: float
    encoder_learning_rate: float
    batch: int
    weight_decay: float
    betas: tuple[float, float]
    condition_dropout: float
    rate_weight: float = 0.04
    #: Weight of the codebook loss; the paper has none.
    codebook_weight: float = 0.0
    #: Weight of the mean size of the content token's numbers, which its bits grow with; the paper has none.
    content_weight: float = 0.0
    #: Content comes from any clip of the same person, not from the other half of the clip (the paper): whatever stays
    #: the same within a clip, as the action of a sprite does, is then motion.
    across_clips: bool = False
    #: Content comes from other frames than those that are rebuilt, so that it can hold none of their motion. Off, it
    #: comes from the same frames: the ablation of the paper.
    cross_driven: bool = True
    #: Of some clips the denoiser sees the first so many groups of codes alone, so that these are of use without the
    #: others. Empty: it always sees all (the paper).
    nested_groups: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ContentConfig:
    """How the content token is written to the stream: as integer levels of one step (entropy/content.py), or with
    `picture_bits` as a still of at most so many bits that both ends encode (video/still.py).
    """

    step: float
    max_level: int
    picture_bits: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelConfig:
    """One whole model: everything that must be known to build it, stored as JSON beside its weights."""

    name: str
    pixels: int
    #: "small": our own autoencoder, "stable-diffusion": loaded with the `diffusers` extra, "none": RGB is diffused
    #: itself.
    autoencoder: str
    frame_rate: tuple[int, int]
    #: Frames the encoder sees at once, and how many decoded frames the denoiser gets as clean context before them.
    window_frames: int
    context_frames: int
    encoder: EncoderConfig
    quantizer: QuantizerConfig
    denoiser: DenoiserConfig
    sampling: dict[str, SamplingConfig]
    optim: OptimConfig
    content: ContentConfig
    vae: VaeConfig | None = None

    def __post_init__(self) -> None:
        counts, groups = self.optim.nested_groups, self.quantizer.groups
        if list(counts) != sorted({*counts}) or (counts and not 1 <= counts[0] <= counts[-1] < groups):
            raise ConfigError(f"nested_groups is {counts}, needs rising numbers from 1 to {groups - 1}")

    @property
    def group_counts(self) -> tuple[int, ...]:
        """How many codes a frame a stream may carry, the first ones of all: those that were nested in training and all;
        where codes are laid out over points of a face, the most important first, a quarter, half and all.
        """
        groups, nested = self.quantizer.groups, self.optim.nested_groups
        if not nested and self.denoiser.landmarks:
            nested = tuple(sorted({groups // 4, groups // 2} - {0, groups}))
        return (*nested, groups)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Parse a configuration; unknown and missing keys raise ConfigError."""
        config: Self = parse_config(cls, text, what="model")
        return config

    def to_json(self) -> str:
        """Inverse of `from_json`."""
        return json.dumps(dataclasses.asdict(self), indent=1)


def parse_config(kind: Any, text: str, *, what: str) -> Any:
    """A frozen dataclass of this package from JSON; ConfigError on unknown, missing and mistyped keys."""
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{what} configuration is not JSON: {error}") from error
    return _build(kind, found, what)


def preset(name: str) -> ModelConfig:
    """The configuration of a preset by name; ConfigError names the known ones."""
    if name not in PRESET_NAMES:
        raise ConfigError(f"unknown preset {name!r}, known are {', '.join(PRESET_NAMES)}")
    text = resources.files("bcdcodec").joinpath("presets", f"{name}.json").read_text()
    return ModelConfig.from_json(text)


def _build(kind: Any, found: Any, where: str) -> Any:
    """Check a JSON value against a type of this file and convert it: dataclass, tuple, dict, union or scalar."""
    if dataclasses.is_dataclass(kind):
        return _build_record(kind, found, where)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType:
        inner = next(part for part in arguments if part is not types.NoneType)
        return None if found is None else _build(inner, found, where)
    if origin is tuple and isinstance(found, list):
        if arguments[-1] is not Ellipsis and len(found) != len(arguments):
            raise ConfigError(f"{where} has {len(found)} values, needs {len(arguments)}")
        return tuple(_build(arguments[0], item, where) for item in found)
    if origin is dict and isinstance(found, dict):
        return {key: _build(arguments[1], value, f"{where}.{key}") for key, value in found.items()}
    if kind is float and isinstance(found, int) and not isinstance(found, bool):
        return float(found)
    if kind in (int, float, str, bool) and type(found) is kind:
        return found
    raise ConfigError(f"{where} is {found!r}, needs {kind}")


def _build_record(kind: Any, found: Any, where: str) -> Any:
    if not isinstance(found, dict):
        raise ConfigError(f"{where} is {found!r}, needs an object")
    hints = typing.get_type_hints(kind)
    unknown = set(found) - set(hints)
    if unknown:
        raise ConfigError(f"{where} has unknown keys {sorted(unknown)}, known are {sorted(hints)}")
    values = {key: _build(hints[key], value, f"{where}.{key}") for key, value in found.items()}
    try:
        return kind(**values)
    except TypeError as error:
        raise ConfigError(f"{where}: {error}") from error
