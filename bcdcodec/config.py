"""Model configurations as frozen dataclasses, their JSON form and the presets.

The hyperparameters of the paper (Tables A4 and A5) are in `presets/*.json`, one file per preset.
"""

import dataclasses
import json
import types
import typing
from dataclasses import dataclass
from importlib import resources
from typing import Any, Self

from bcdcodec.errors import ConfigError

PRESET_NAMES = ("lrs3", "sprites", "sprites-tiny", "face", "face-bcd")
#: Autoencoder that is not part of the weights.
PUBLIC_AUTOENCODER = "stable-diffusion"
DIGEST_DIGITS = 64
#: Segments (key packet to key packet) that a decoder may decode as one batch: bounds the memory for any stream.
MAX_BATCH_SEGMENTS = 64
#: Frames decoded for a coded one at most.
MAX_FRAME_MULTIPLIER = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class VaeConfig:
    """The small image autoencoder, 8x down, 4 channels (model/vae.py). widths: channels at 1/4 and 1/8 resolution."""

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
    #: True: the content is the clip's most central frame, and each query is seeded with its own patch of it (`face`).
    #: False: learned queries alone (the paper).
    seeded_queries: bool = False
    #: Channels of the convolution stages that embed a frame as a token; empty: the paper's flat projection.
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
    #: Factor of the negative squared distance in the logits, for groups of 16 dimensions (5 in TF-Codec).
    alpha: float = 5.0
    #: The rate of a codebook is the lesser entropy, of its codes or of their changes from frame to frame, since a
    #: context coder pays no more; entries must be in order for it. False: the entropy of the codes (the paper).
    temporal_rate: bool = False
    #: Standard deviation to which motion vectors are normalised before quantisation; None: no normalisation.
    input_std: float | None = 0.58
    #: Batches that the entropy of the codes is estimated from, about: a batch of few clips shows less of it than the
    #: data has. 1: each batch by itself (the paper).
    usage_batches: int = 1

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
    #: Groups of channels of the norm of Eq. 5, GroupNorm over the tokens that a block attends over (the paper); 0:
    #: LayerNorm over the channels of each token.
    norm_groups: int = 0
    #: Scales and shifts of Eq. 5, and the gates of DiT, are linear in the sinusoidal features of the noise level and in
    #: the motion vector (the paper); False: in an embedding of each by two layers.
    linear_conditions: bool = False
    #: One noise for all frames of a stream, and of half of the clips in training, so that frames differ by their codes
    #: alone; False: each frame has noise of its own (the paper).
    shared_noise: bool = True
    #: DiT blocks of the reference warper (model/warp.py); 0: no warper (the paper).
    warp_blocks: int = 0
    #: Face landmarks whose displacements are linear in the motion vector (model/bcd.py); 0: none (the paper).
    landmarks: int = 0

    def __post_init__(self) -> None:
        if self.norm_groups < 0 or (self.norm_groups and self.width % self.norm_groups):
            raise ConfigError(f"norm_groups is {self.norm_groups}, needs a divisor of the width {self.width}, or 0")


@dataclass(frozen=True, kw_only=True, slots=True)
class PictureDenoiserConfig:
    """The denoiser of pictures (model/unet.py). widths: channels from half of the picture's side down, each at half the
    side of the one before; embedding: of noise level and motion; sigma_data: deviation of frames from their warps;
    correction: share of what it adds that neither warp nor still shows.
    """

    widths: tuple[int, ...] = (16, 32, 80, 160)
    embedding: int = 128
    sigma_data: float = 0.15
    correction: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class SamplingConfig:
    """EDM sampling (model/sampler.py): `steps` Heun steps from `sigma_max` to `sigma_end`, guidance on the denoised
    output.

    noise: share of the unit noise that sampling starts from. sigma_end: with it above 0 a part of the way is left, of
    one step sigma_end / sigma_max. Without a step decoders show the warped reference as it is, which a model with a
    warper has.
    """

    steps: int
    guidance: float
    sigma_min: float = 0.002
    sigma_max: float = 80.0
    rho: float = 7.0
    noise: float = 1.0
    sigma_end: float = 0.0

    def __post_init__(self) -> None:
        if self.sigma_end and (self.noise or not 0 < self.sigma_end < self.sigma_max):
            raise ConfigError(
                f"sigma_end is {self.sigma_end:g} with noise {self.noise:g}, needs noise 0 and less than "
                f"{self.sigma_max:g}, or 0"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class OptimConfig:
    """Training rows of Tables A4 and A5, and switches of what the paper does not have.

    learning_rate: of the denoiser; encoder_learning_rate: of the rest.
    """

    learning_rate: float
    encoder_learning_rate: float
    batch: int
    weight_decay: float
    betas: tuple[float, float]
    condition_dropout: float
    rate_weight: float = 0.04
    #: Weight of the codebook and commitment loss (0 in the paper).
    codebook_weight: float = 0.0
    #: Weight of the mean magnitude of the content token, a proxy of its bits (0 in the paper).
    content_weight: float = 0.0
    #: Content comes from any clip of the same person, not from the other half of the clip (the paper): what is constant
    #: within a clip, such as the action of a sprite, then becomes motion.
    across_clips: bool = False
    #: Cross-driven training: content comes from other frames than the reconstructed ones, so that it cannot contain
    #: their motion. False: from the same frames (an ablation of the paper).
    cross_driven: bool = True
    #: A clip is cut in the middle, and content comes from every frame of its first half, motion from every frame of its
    #: second (the paper). False: a cut anywhere, content of a few frames, motion of one window from either side.
    whole_halves: bool = False
    #: Every update decodes whole windows of all clips (the paper). False: a few frames of each until the temporal
    #: blocks join, then half of the clips.
    full_batch: bool = False
    #: Clips are mirrored half of the time, where the pictures are filmed; False in the paper.
    mirrored: bool = True
    #: People are drawn by the square root of their number of clips; False: every clip alike (the paper).
    balanced_people: bool = True
    #: The denoiser sees content as a stream carries it, in levels; False: continuous (the paper). Without a still.
    quantized_content: bool = True
    #: Mean and standard deviation of ln sigma (-1.2 and 1.2 in EDM); None: high levels first, as of
    #: training/objective/schedule.py.
    noise_levels: tuple[float, float] | None = None
    #: Learning rate: updates of its linear rise, and the share of a run over which it falls to zero (0 in the paper).
    warmup: int = 100
    decay: float = 0.3
    #: Norm to which gradients are clipped; 0: none (the paper).
    gradient_limit: float = 1.0
    #: Decay of the moving average of the weights, which is what ships; 0: the weights themselves (the paper).
    average_decay: float = 0.999
    #: Nested dropout: for some clips the denoiser gets only this many first groups of codes, so that a stream may carry
    #: these alone. Empty: always all groups (the paper).
    nested_groups: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ContentConfig:
    """Coding of the content token: integer levels (entropy/content.py), or a still picture (video/still.py).

    step, max_level: quantisation step of the levels and their largest magnitude; picture_bits: budget of the still, 0
    for levels.
    """

    step: float
    max_level: int
    picture_bits: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelConfig:
    """A whole model: everything that is needed to build its networks, stored as JSON in its weights file."""

    name: str
    pixels: int
    #: "small": model/vae.py; "stable-diffusion": the public one, with the extra `diffusers`; "none": RGB is diffused
    #: itself.
    autoencoder: str
    #: Numerator and denominator, in frames per second.
    frame_rate: tuple[int, int]
    #: Frames that are analysed and denoised together, and decoded frames before them that serve as context.
    window_frames: int
    context_frames: int
    encoder: EncoderConfig
    quantizer: QuantizerConfig
    denoiser: DenoiserConfig
    sampling: dict[str, SamplingConfig]
    optim: OptimConfig
    content: ContentConfig
    vae: VaeConfig | None = None
    #: None: frames are denoised as latents (the paper).
    picture_denoiser: PictureDenoiserConfig | None = None
    #: Digest of the public autoencoder that a model was trained in (model/sd_vae.py), in weights files of such models.
    autoencoder_digest: str | None = None

    def __post_init__(self) -> None:
        self._check_digest()
        counts, groups = self.optim.nested_groups, self.quantizer.groups
        if list(counts) != sorted({*counts}) or (counts and not 1 <= counts[0] <= counts[-1] < groups):
            raise ConfigError(f"nested_groups is {counts}, needs rising numbers from 1 to {groups - 1}")

    def _check_digest(self) -> None:
        digest = self.autoencoder_digest
        if digest is None:
            return
        if self.autoencoder != PUBLIC_AUTOENCODER:
            raise ConfigError(f"autoencoder_digest is for {PUBLIC_AUTOENCODER}, the autoencoder is {self.autoencoder}")
        if len(digest) != DIGEST_DIGITS or not set(digest) <= set("0123456789abcdef"):
            raise ConfigError(f"autoencoder_digest is {digest!r}, needs {DIGEST_DIGITS} hexadecimal digits")

    @property
    def group_counts(self) -> tuple[int, ...]:
        """Allowed numbers of codes per frame in a stream, always the first groups: `nested_groups` and all.

        Models with landmarks order their codebooks by importance, and allow a quarter, half and all without nesting.
        """
        groups, nested = self.quantizer.groups, self.optim.nested_groups
        if not nested and self.denoiser.landmarks:
            nested = tuple(sorted({groups // 4, groups // 2} - {0, groups}))
        return (*nested, groups)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Parse a configuration; ConfigError on unknown, missing and mistyped keys."""
        config: Self = parse_config(cls, text, what="model")
        return config

    def to_json(self) -> str:
        """Inverse of `from_json`."""
        values = dataclasses.asdict(self)
        if self.autoencoder_digest is None:
            # Weights of other models keep their bytes, and with them their ids, when they are written again.
            del values["autoencoder_digest"]
        return json.dumps(values, indent=1)


def parse_config(kind: Any, text: str, *, what: str) -> Any:
    """An instance of the dataclass `kind` from JSON; ConfigError on unknown, missing and mistyped keys.

    what: name of the configuration in messages.
    """
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{what} configuration is not JSON: {error}") from error
    return _build(kind, value, what)


def preset(name: str) -> ModelConfig:
    """The configuration of a preset; ConfigError for an unknown name."""
    if name not in PRESET_NAMES:
        raise ConfigError(f"unknown preset {name!r}, known are {', '.join(PRESET_NAMES)}")
    text = resources.files("bcdcodec").joinpath("presets", f"{name}.json").read_text()
    return ModelConfig.from_json(text)


def _build(kind: Any, value: Any, where: str) -> Any:
    """Check a JSON value against a type and convert it: dataclass, tuple, dict, optional or scalar."""
    if dataclasses.is_dataclass(kind):
        return _build_record(kind, value, where)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType:
        inner = next(part for part in arguments if part is not types.NoneType)
        return None if value is None else _build(inner, value, where)
    if origin is tuple and isinstance(value, list):
        if arguments[-1] is not Ellipsis and len(value) != len(arguments):
            raise ConfigError(f"{where} has {len(value)} values, needs {len(arguments)}")
        return tuple(_build(arguments[0], item, where) for item in value)
    if origin is dict and isinstance(value, dict):
        return {key: _build(arguments[1], item, f"{where}.{key}") for key, item in value.items()}
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind in (int, float, str, bool) and type(value) is kind:
        return value
    raise ConfigError(f"{where} is {value!r}, needs {kind}")


def _build_record(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise ConfigError(f"{where} is {value!r}, needs an object")
    hints = typing.get_type_hints(kind)
    unknown = set(value) - set(hints)
    if unknown:
        raise ConfigError(f"{where} has unknown keys {sorted(unknown)}, known are {sorted(hints)}")
    fields = {key: _build(hints[key], item, f"{where}.{key}") for key, item in value.items()}
    try:
        return kind(**fields)
    except TypeError as error:
        raise ConfigError(f"{where}: {error}") from error
