"""Autoregressive rollout of a motion model, frame by frame.

Each frame costs one step of the network, as keys and values of past frames are cached. At the longest context the cache
is rebuilt from its newer half.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from bcdcodec.motion.model import MotionGpt
from bcdcodec.motion.sampling import Picking, pick


class Rollout:
    """Parallel sequences of one model. content: maps [B, C, H, W], one a sequence.

    `logits` [B, G, E] are those of the next frame.
    """

    def __init__(self, gpt: MotionGpt, content: Tensor) -> None:
        self._gpt = gpt
        self._content = content
        self._seen = content.new_zeros(len(content), 0, gpt.config.groups * gpt.config.dims)
        self._restart()

    @torch.inference_mode()
    def feed(self, m_hat: Tensor) -> Tensor:
        """Append frames, as motion vectors [B, n, G*D], n from 1 on; returns the new `logits`."""
        most = self._gpt.config.frames
        self._seen = torch.cat([self._seen, m_hat], 1)
        if self._seen.shape[1] <= most:
            self.logits = self._gpt.predict(self._gpt.frame_tokens(m_hat), self._cache)[:, -1]
            return self.logits
        self._seen = self._seen[:, -(most // 2) :]
        self._restart()
        return self.logits

    def repeat(self, times: int) -> None:
        """Branch each sequence into `times` copies that share their past."""
        self._cache.batch_repeat_interleave(times)
        self._content, self._seen, self.logits = (
            known.repeat_interleave(times, 0) for known in (self._content, self._seen, self.logits)
        )

    @torch.inference_mode()
    def _restart(self) -> None:
        self._cache = self._gpt.new_cache()
        tokens = torch.cat([self._gpt.content_token(self._content), self._gpt.frame_tokens(self._seen)], 1)
        self.logits = self._gpt.predict(tokens, self._cache)[:, -1]


def generate_codes(
    gpt: MotionGpt,
    content: Tensor,
    frames: int,
    *,
    prompt: Tensor | None = None,
    picking: Picking,
    seed: int = 0,
    progress: Callable[[int], None] = lambda done: None,
) -> Tensor:
    """Generate codes int64 [frames, G] for a content map [C, H, W], after the codes [n, G] of a prompt if given.

    progress: frames done.
    """
    rollout, generator = Rollout(gpt, content[None]), torch.Generator().manual_seed(seed)
    if prompt is not None and len(prompt):
        rollout.feed(gpt.embed(prompt[None, -gpt.config.frames :]))
    generated = []
    for _ in range(frames):
        codes = pick(rollout.logits, picking, generator)  # [1, G]
        rollout.feed(gpt.embed(codes[:, None]))
        generated.append(codes[0])
        progress(len(generated))
    return torch.stack(generated)
