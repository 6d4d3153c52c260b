"""Windows of frames decoded one after the other, several chains at once. In: content and codes. Out: pictures.

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
from bcdcodec.model.bcd import paint
from bcdcodec.model.content import Content
from bcdcodec.model.vae import to_uint8
from bcdcodec.model.weights import Networks


@dataclass(slots=True)
class Chain:
    """content: without a batch; codes: those still to decode, int64 [n, G]; index: stream frame of the first."""

    content: Content
    box: CropBox
    index: int
    codes: Tensor
    context: Tensor | None = None  # [Tc, C, H, W], with their codes [Tc, G]
    context_codes: Tensor | None = None

    @property
    def end(self) -> int:
        """Stream frame after the last one of the chain."""
        return self.index + len(self.codes)

    def append(self, codes: Tensor) -> None:
        """More frames at the end of the chain."""
        self.codes = torch.cat([self.codes, codes])


@dataclass(frozen=True, slots=True)
class DecodedWindow:
    """Pictures uint8 [n, P, P, 3] of the frames index, index + 1, ... of a stream."""

    index: int
    box: CropBox
    pixels: NDArray[np.uint8]


def next_windows(
    networks: Networks,
    chains: list[Chain],
    noise: Tensor,
    sampling: SamplingConfig,
    *,
    window_frames: int,
    context_frames: int,
) -> list[DecodedWindow]:
    """Decode one window of every chain that still has codes; chains in the same state share a batch.

    noise: [C, H, W], the same for every frame. Chains are advanced in place.
    """
    done: list[DecodedWindow] = []
    batches: dict[tuple[int, int], list[Chain]] = {}
    for chain in chains:
        if len(chain.codes):
            before = 0 if chain.context is None else len(chain.context)
            batches.setdefault((min(len(chain.codes), window_frames), before), []).append(chain)
    for (frames, before), batch in batches.items():
        synthesis = networks.bcd.synthesise(
            _stack_content([chain.content for chain in batch]),
            torch.stack([chain.codes[:frames] for chain in batch]),
            noise.expand(len(batch), frames, -1, -1, -1),
            sampling,
            vae=networks.vae,
            context=_stack([chain.context for chain in batch]) if before else None,
            context_codes=_stack([chain.context_codes for chain in batch]) if before else None,
        )
        for row, (chain, z) in enumerate(zip(batch, synthesis.latents, strict=True)):
            pictures = paint(z, synthesis.anchors.of_clip(row), networks.vae)
            pixels = to_uint8(pictures).permute(0, 2, 3, 1).contiguous().cpu().numpy()
            done.append(DecodedWindow(chain.index, chain.box, pixels))
            _advance(chain, z, frames, context_frames)
    return sorted(done, key=lambda window: window.index)


def _advance(chain: Chain, z: Tensor, frames: int, context_frames: int) -> None:
    used = chain.codes[:frames]
    if context_frames:
        recent = z if chain.context is None else torch.cat([chain.context, z])
        recent_codes = used if chain.context_codes is None else torch.cat([chain.context_codes, used])
        chain.context, chain.context_codes = recent[-context_frames:], recent_codes[-context_frames:]
    chain.codes = chain.codes[frames:]
    chain.index += frames


def _stack_content(parts: list[Content]) -> Content:
    pictures = [part.picture for part in parts]
    return Content(torch.stack([part.map for part in parts]), None if pictures[0] is None else _stack(pictures))


def _stack(parts: list[Tensor | None]) -> Tensor:
    return torch.stack([part for part in parts if part is not None])
