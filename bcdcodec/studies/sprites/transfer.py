"""Transfer among sprites: the content of each clip decoded with the motion of another, beside the true clip.

    clip i -> content token, rounded as in a stream --.
    clip j -> codes ----------------------------------+-> decoder -> character i doing the action of j
    the data set has that clip too: the truth

The decoder gets what a `.bcd` carries; lossless coding is left out, which changes nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bcdcodec.codec.model import CodecModel
from bcdcodec.codec.reference import encode_reference
from bcdcodec.codec.window import Window
from bcdcodec.config import SamplingConfig
from bcdcodec.errors import ConfigError
from bcdcodec.sprites.clips import ClipSet
from bcdcodec.sprites.sheets import CELL
from bcdcodec.studies.cross_driving import codes_of, contents_of, decode_codes

#: Clips decoded side by side, and clips whose content token is written out to count its bits.
BATCH, COUNTED = 32, 64
#: Most codebooks of a model: their codes are read as one number.
MAX_GROUPS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Transferred clips.

    content, motion: indices of clips, [n]. codes: of the motion clips, int64 [n, T], several groups as one number.
    decoded, truth: pictures uint8 [n, T, 64, 64, 3]. content_bits: mean size of the content tokens.
    """

    content: NDArray[np.intp]
    motion: NDArray[np.intp]
    codes: NDArray[np.int64]
    decoded: NDArray[np.uint8]
    truth: NDArray[np.uint8]
    content_bits: float


def pairs(count: int, *, limit: int | None = None, seed: int = 0) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices of content and motion clips: every clip once as each, in random pairs, or the first `limit` of those."""
    rng = np.random.default_rng(seed)
    return rng.permutation(count)[:limit], rng.permutation(count)[:limit]


def transfer(
    model: CodecModel,
    clips: ClipSet,
    content: NDArray[np.intp],
    motion: NDArray[np.intp],
    *,
    sampling: SamplingConfig,
    content_frames: int | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Transfer:
    """Decode the motion of each clip of `motion` with the content of its partner.

    content_frames: how many first frames the content comes from; None: all. ConfigError for a model of other pictures
    than sprites.
    """
    config = model.config
    if config.pixels != CELL or config.quantizer.groups > MAX_GROUPS:
        raise ConfigError(
            f"{model.weights.path} codes {config.quantizer.groups} groups of {config.pixels}-pixel pictures, "
            f"sprites are up to {MAX_GROUPS} groups of {CELL}"
        )
    decoded, codes = [], []
    for start in range(0, len(content), BATCH):
        rows = slice(start, start + BATCH)
        shown = contents_of(model, clips.clips(content[rows])[:, :content_frames])
        coded = codes_of(model, clips.clips(motion[rows]))
        decoded.append(decode_codes(model, shown, coded, sampling, seed=seed))
        codes.append(coded.cpu().numpy())
        progress(min(start + BATCH, len(content)), len(content))
    return Transfer(
        content=content,
        motion=motion,
        codes=np.concatenate(codes) @ config.quantizer.entries ** np.arange(config.quantizer.groups),
        decoded=np.concatenate(decoded),
        truth=clips.of_characters(content, motion),
        content_bits=_content_bits(model, clips.clips(content[:COUNTED])),
    )


def _content_bits(model: CodecModel, pixels: NDArray[np.uint8]) -> float:
    sizes = []
    for clip in pixels:
        shot = Window.of_frames(model, clip, np.empty((len(clip), 0, 2), np.float32))
        sizes.append(len(encode_reference(model, shot, picture_bits=model.config.content.picture_bits).data))
    return 8 * float(np.mean(sizes))
