"""Lost frames predicted by a motion model. In: codes around a gap. Out: codes for it, for codec/decode/concealment.py.

    codes before the gap -> SAMPLES rollouts side by side, drawn -> mean of what each expects -.
    last code before it ----------------------------------------------------------------------+-> m [frames + 1, G*D]
    codes after the gap  -> what they differ by from m is spread over the gap -> nearest codes

The mean over many futures is the guess with the least squared error; a single one, greedy or drawn, is farther off on
average, however lively it looks. Draws come from a generator with a fixed seed, so the same gap is filled the same way.
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
#: How far what the model expects is followed from the last codes on, 0 (they are held) to 1. Chosen on people that the
#: shipped model has not learned from.
TRUST = 0.15
#: Frames before a gap that a rollout starts from.
PROMPT_FRAMES = 32
#: Frames that rollouts follow the model; the mean of their futures hardly moves after that and is held.
MAX_ROLLOUT = 64


class ModelConcealer:
    """Fills gaps with what the model expects. A `Concealer` of codec/decode/concealment.py."""

    def __init__(self, gpt: MotionGpt, *, samples: int = SAMPLES, trust: float = TRUST, bridge: bool = True) -> None:
        """samples: futures that are averaged. trust: share of the way from the last codes to what is expected, 0 to 1.
        bridge: end where the codes after the gap begin, where they are known.
        """
        self._gpt, self._samples, self._trust, self._bridge = gpt, samples, trust, bridge

    @classmethod
    def for_codec(cls, model: CodecModel) -> Self:
        """With the motion model for a codec's codes; WeightsError where there is none."""
        codec_id = model.weights.model_id
        return cls(load_motion(find_motion(codec_id), codec_id=codec_id, device=model.device))

    @torch.inference_mode()
    def fill(self, before: Codes, frames: int, *, after: Codes | None, content: Tensor) -> Codes:
        """Codes [frames, G]; see `Concealer`. ConfigError for streams that carry fewer codes than the model knows."""
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
    """Motion vectors [frames, G*D] that are expected after the codes int64 [n, G]: mean over drawn futures."""
    rollout, generator = Rollout(gpt, content[None]), torch.Generator().manual_seed(SEED)
    rollout.feed(gpt.embed(before[None]))
    rollout.repeat(samples)
    drawn, found = Picking(temperature=1.0), []
    for _ in range(frames):
        expected = torch.einsum("bge,ged->bgd", rollout.logits.softmax(-1), gpt.codebook)
        found.append(expected.mean(0).flatten())
        rollout.feed(gpt.embed(pick(rollout.logits, drawn, generator)[:, None]))
    return torch.stack(found)


def nearest_codes(gpt: MotionGpt, m: Tensor) -> Codes:
    """Codes [n, G] whose vectors are nearest to motion vectors [n, G*D]."""
    groups = m.unflatten(-1, gpt.codebook.shape[::2])  # [n, G, D]
    distances = (groups[:, :, None] - gpt.codebook).square().sum(-1)  # [n, G, E]
    codes: Codes = distances.argmin(-1).cpu().numpy().astype(np.int64)
    return codes
