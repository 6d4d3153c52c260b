"""A motion model that goes on frame by frame. In: a content map, then motion vectors. Out: logits of the next frame.

Each frame costs one step of the network, as keys and values of the frames before are kept. When it has seen as many
frames as it can, it starts anew with the newer half of them.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from bcdcodec.motion.model import MotionGpt
from bcdcodec.motion.sampling import Picking, pick


class Rollout:
    """content: maps [B, C, H, W], one a sequence that goes on side by side. `logits` [B, G, E] are those of the next
    frame.
    """

    def __init__(self, gpt: MotionGpt, content: Tensor) -> None:
        self._gpt = gpt
        self._content = content
        self._seen = content.new_zeros(len(content), 0, gpt.config.groups * gpt.config.dims)
        self._restart()

    @torch.inference_mode()
    def feed(self, m_hat: Tensor) -> Tensor:
        """Frames that follow, as motion vectors [B, n, G*D], n from 1 on; returns the new `logits`."""
        most = self._gpt.config.frames
        self._seen = torch.cat([self._seen, m_hat], 1)
        if self._seen.shape[1] <= most:
            self.logits = self._gpt.predict(self._gpt.frame_tokens(m_hat), self._cache)[:, -1]
            return self.logits
        self._seen = self._seen[:, -(most // 2) :]
        self._restart()
        return self.logits

    def repeat(self, times: int) -> None:
        """From here on each sequence goes on `times` times; what all of them share is not computed again."""
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
    """Codes int64 [frames, G] for a content map [C, H, W], from nothing or after the codes [n, G] of a prompt.

    progress: frames done.
    """
    rollout, generator = Rollout(gpt, content[None]), torch.Generator().manual_seed(seed)
    if prompt is not None and len(prompt):
        rollout.feed(gpt.embed(prompt[None, -gpt.config.frames :]))
    found = []
    for _ in range(frames):
        codes = pick(rollout.logits, picking, generator)  # [1, G]
        rollout.feed(gpt.embed(codes[:, None]))
        found.append(codes[0])
        progress(len(found))
    return torch.stack(found)
