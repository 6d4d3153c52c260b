"""Cross-entropy of code streams in bits a frame, by the motion model and by counts.

order 0:        frequency of each code of a group
frame before:   frequency given the group's code in the previous frame
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray

from bcdcodec.motion.data import stack
from bcdcodec.motion.model import MotionGpt, motion_loss
from bcdcodec.training.data.code_streams import CodeStream

#: Runs in a batch.
BATCH = 32
#: Prior counts: of every code, so that unseen ones have a finite cost, and of order 0 in each row of pairs.
PRIOR, PAIR_PRIOR = 0.5, 20.0


@torch.no_grad()
def stream_bits(gpt: MotionGpt, streams: list[CodeStream]) -> float:
    """Cross-entropy in bits a frame of the streams under the model, in runs of `frames` frames after the content."""
    frames = gpt.config.frames
    runs = [(s, s.codes[at : at + frames]) for s in streams for at in range(0, len(s.codes), frames)]
    runs.sort(key=lambda run: len(run[1]))  # equal lengths together: little padding
    nats, count = 0.0, 0
    for start in range(0, len(runs), BATCH):
        batch = stack(runs[start : start + BATCH])
        content, codes, valid = (values.to(gpt.codebook.device) for values in (batch.content, batch.codes, batch.valid))
        seen = int(valid.sum())
        nats += float(motion_loss(gpt(content, codes[:, :-1]), codes, valid)) * seen * gpt.config.groups
        count += seen
    return nats / math.log(2) / count


def count_bits(learned: list[CodeStream], measured: list[CodeStream], *, entries: int) -> tuple[float, float]:
    """Cross-entropy of `measured` in bits a frame by counts of `learned`: order 0, and given the previous frame.

    The first frame of a stream is coded by order 0 in both.
    """
    groups = np.arange(learned[0].codes.shape[1])
    single = np.full((len(groups), entries), PRIOR)
    pairs = np.zeros((len(groups), entries, entries))
    for stream in learned:
        codes = stream.codes.astype(np.int64)
        np.add.at(single, (groups, codes), 1.0)
        np.add.at(pairs, (groups, codes[:-1], codes[1:]), 1.0)
    single /= single.sum(-1, keepdims=True)
    pairs += PAIR_PRIOR * single[:, None]
    pairs /= pairs.sum(-1, keepdims=True)
    order0 = previous = 0.0
    for stream in measured:
        codes = stream.codes.astype(np.int64)
        alone: NDArray[np.float64] = -np.log2(single[groups, codes])  # [n, G]
        order0 += alone.sum()
        previous += alone[:1].sum() - np.log2(pairs[groups, codes[:-1], codes[1:]]).sum()
    frames = sum(len(stream.codes) for stream in measured)
    return float(order0) / frames, float(previous) / frames
