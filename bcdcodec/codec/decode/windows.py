"""Windows of frames decoded one after the other, several chains at once. In: content and motion. Out: pictures.

A chain runs from one key packet to the next. Its first window stands alone; each later one is given the last decoded
latents as clean context frames, so that windows join without a seam (design 4.6).
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bcdcodec.config import SamplingConfig
from bcdcodec.frame import CropBox
from bcdcodec.model.bcd import reconstruct
from bcdcodec.model.content import Content
from bcdcodec.model.vae import to_uint8
from bcdcodec.model.weights import Networks


class Segment:
    """Frames from one key packet on. content: without a batch; motion: code vectors of those still to paint [n, G*D].

    pace: frames painted for a coded one. Those between two coded frames have motion between theirs; after the last one
    of a chain there are none. index: of the first frame still to paint, pace to a tick of the stream.
    """

    def __init__(self, content: Content, box: CropBox, tick: int, motion: Tensor, *, frame_multiplier: int = 1) -> None:
        self.content, self.box = content, box
        self.next_tick = tick
        self.index = tick * frame_multiplier
        self.motion = motion[:0]
        self.context: Tensor | None = None  # [Tc, C, H, W], with their motion [Tc, G*D]
        self.context_motion: Tensor | None = None
        self._frame_multiplier, self._last = frame_multiplier, motion[:1]
        self.append(motion[:1], paced=False)
        self.append(motion[1:])

    def append(self, motion: Tensor, *, paced: bool = True) -> None:
        """Motion of more coded frames [n, G*D] at the end of the chain."""
        self.next_tick += len(motion)
        if paced and self._frame_multiplier > 1 and len(motion):
            before = torch.cat([self._last, motion[:-1]])
            steps = (
                torch.arange(1, self._frame_multiplier + 1, device=motion.device, dtype=motion.dtype)
                / self._frame_multiplier
            )
            between = before[:, None] + steps[:, None] * (motion - before)[:, None]  # [n, pace, G*D]
            between[:, -1] = motion
            motion = between.flatten(0, 1)
        self.motion = torch.cat([self.motion, motion])
        self._last = motion[-1:] if len(motion) else self._last


@dataclass(frozen=True, slots=True)
class DecodedWindow:
    """Pictures uint8 [n, P, P, 3] of the frames index, index + 1, ... of a stream."""

    index: int
    box: CropBox
    pixels: NDArray[np.uint8]


def next_windows(
    networks: Networks,
    chains: list[Segment],
    noise: Tensor,
    sampling: SamplingConfig,
    *,
    window_frames: int,
    context_frames: int,
) -> list[DecodedWindow]:
    """Decode one window of every chain that still has motion; chains in the same state share a batch.

    noise: [C, H, W], the same for every frame. Chains are advanced in place.
    """
    done: list[DecodedWindow] = []
    batches: dict[tuple[int, int], list[Segment]] = {}
    for chain in chains:
        if len(chain.motion):
            before = 0 if chain.context is None else len(chain.context)
            batches.setdefault((min(len(chain.motion), window_frames), before), []).append(chain)
    for (frames, before), batch in batches.items():
        synthesis = networks.bcd.synthesize(
            _stack_content([chain.content for chain in batch]),
            torch.stack([chain.motion[:frames] for chain in batch]),
            noise.expand(len(batch), frames, -1, -1, -1),
            sampling,
            vae=networks.vae,
            context=_stack([chain.context for chain in batch]) if before else None,
            context_motion=_stack([chain.context_motion for chain in batch]) if before else None,
        )
        for row, (chain, z) in enumerate(zip(batch, synthesis.latents, strict=True)):
            pictures = reconstruct(z, synthesis.reference.of_clip(row), networks.vae)
            pixels = to_uint8(pictures).permute(0, 2, 3, 1).contiguous().cpu().numpy()
            done.append(DecodedWindow(chain.index, chain.box, pixels))
            _advance(chain, z, frames, context_frames)
    return sorted(done, key=lambda window: window.index)


def _advance(chain: Segment, z: Tensor, frames: int, context_frames: int) -> None:
    used = chain.motion[:frames]
    if context_frames:
        recent = z if chain.context is None else torch.cat([chain.context, z])
        recent_motion = used if chain.context_motion is None else torch.cat([chain.context_motion, used])
        chain.context, chain.context_motion = recent[-context_frames:], recent_motion[-context_frames:]
    chain.motion = chain.motion[frames:]
    chain.index += frames


def _stack_content(parts: list[Content]) -> Content:
    pictures = [part.picture for part in parts]
    return Content(torch.stack([part.map for part in parts]), None if pictures[0] is None else _stack(pictures))


def _stack(parts: list[Tensor | None]) -> Tensor:
    return torch.stack([part for part in parts if part is not None])
