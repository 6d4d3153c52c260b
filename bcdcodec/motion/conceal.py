"""Loss concealment by a motion model, a `Concealer` of codec/decode/concealment.py.

    codes before the gap -> SAMPLES sampled rollouts in parallel -> mean of their expectations ---.
    last code before it ----------------------------------------------------------------------+-> m [frames + 1, G*D]
    codes after the gap  -> their difference from m is spread over the gap -> nearest codes

The mean over many futures has the least squared error; a single one, greedy or sampled, is farther off on average,
however lively it looks. The sampling seed is fixed, so the same gap is always filled the same way.
"""

from typing import Self

import numpy as np
import torch
from torch import Tensor

from bcdcodec.codec.decode.concealment import Codes
from bcdcodec.codec.model import CodecModel
from bcdcodec.errors import ConfigError
from bcdcodec.motion.model import MotionGpt
from bcdcodec.motion.rollout import Rollout
from bcdcodec.motion.sampling import Picking, pick
from bcdcodec.motion.weights import find_motion, load_motion

SAMPLES, SEED = 8, 0
#: Weight of the expectation against the last codes: 0 repeats them. Chosen on people outside the training set of the
#: shipped model.
TRUST = 0.15
#: Frames before a gap that prompt a rollout.
PROMPT_FRAMES = 32
#: Maximum length of a rollout; the mean of the futures hardly moves after that and is repeated.
MAX_ROLLOUT = 64


class ModelConcealer:
    """Fills gaps with the expectation of a motion model."""

    def __init__(self, gpt: MotionGpt, *, samples: int = SAMPLES, trust: float = TRUST, bridge: bool = True) -> None:
        """Parameters of the estimate.

        samples: futures that are averaged. trust: weight of the expectation against the last codes, 0 to 1. bridge: end
        where the codes after the gap begin, where they are known.
        """
        self._gpt, self._samples, self._trust, self._bridge = gpt, samples, trust, bridge

    @classmethod
    def for_codec(cls, model: CodecModel) -> Self:
        """A concealer with the motion model for a codec's codes; WeightsError where there is none."""
        codec_id = model.weights.model_id
        return cls(load_motion(find_motion(codec_id), codec_id=codec_id, device=model.device))

    @torch.inference_mode()
    def fill(self, before: Codes, frames: int, *, after: Codes | None, content: Tensor) -> Codes:
        """Codes [frames, G]; see `Concealer`. ConfigError for streams with fewer codes than the model needs."""
        gpt = self._gpt
        found, needed = before.shape[1], gpt.codebook.shape[0]
        if found != needed:
            raise ConfigError(
                f"the stream has {found} codes a frame, the motion model fills gaps of all {needed}; hold the last ones"
            )
        known = torch.from_numpy(before[-PROMPT_FRAMES:]).to(content.device)[-(gpt.config.frames // 2) :]
        last = gpt.embed(known[None, -1:])[0]  # [1, G*D]
        m = last.expand(frames + 1, -1)
        if self._trust:
            expected = expected_motion(gpt, content, known, min(frames + 1, MAX_ROLLOUT), samples=self._samples)
            expected = torch.cat([expected, expected[-1:].expand(frames + 1 - len(expected), -1)])
            m = last + self._trust * (expected - last)
        if self._bridge and after is not None:
            first = gpt.embed(torch.from_numpy(after[None, :1]).to(content.device))[0, 0]
            m = m + torch.linspace(0, 1, frames + 2, device=m.device)[1:, None] * (first - m[-1])
        return nearest_codes(gpt, m[:-1])


def expected_motion(gpt: MotionGpt, content: Tensor, before: Tensor, frames: int, *, samples: int) -> Tensor:
    """Expected motion vectors [frames, G*D] after the codes int64 [n, G]: mean over sampled futures."""
    rollout, generator = Rollout(gpt, content[None]), torch.Generator().manual_seed(SEED)
    rollout.feed(gpt.embed(before[None]))
    rollout.repeat(samples)
    sampling, expectations = Picking(temperature=1.0), []
    for _ in range(frames):
        expected = torch.einsum("bge,ged->bgd", rollout.logits.softmax(-1), gpt.codebook)
        expectations.append(expected.mean(0).flatten())
        rollout.feed(gpt.embed(pick(rollout.logits, sampling, generator)[:, None]))
    return torch.stack(expectations)


def nearest_codes(gpt: MotionGpt, m: Tensor) -> Codes:
    """Codes [n, G] of the entries nearest to motion vectors [n, G*D]."""
    groups = m.unflatten(-1, gpt.codebook.shape[::2])  # [n, G, D]
    distances = (groups[:, :, None] - gpt.codebook).square().sum(-1)  # [n, G, E]
    codes: Codes = distances.argmin(-1).cpu().numpy().astype(np.int64)
    return codes
