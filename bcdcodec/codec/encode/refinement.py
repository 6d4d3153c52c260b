"""Codes that paint better than the nearest ones. In: frames of a window and their content. Out: codes, distances.

The encoder says in one pass how each frame moved. Here its answer is the start of a descent: what the codes make of the
content is compared with the frame, and the motion follows the gradient of the difference through the flow and the warp,
which are frozen. Decoders and streams know nothing of it.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from bcdcodec.codec.model import CodecModel
from bcdcodec.entropy.static import code_cost_bits
from bcdcodec.model.content import Content
from bcdcodec.model.vae import from_uint8

#: Step of Adam, in the units of the codebooks, whose entries lie about 0.2 from each other.
LEARNING_RATE = 0.01
#: Squared distance that a bit of the motion tables is worth: a code is not exchanged for a dear one without gain.
RATE_LAMBDA = 0.008
#: Weight of the distance between motion and its codes: one that strays from them says nothing of them.
COMMITMENT_WEIGHT = 0.3
#: Weight of what the encoder read off the frame about 478 points of the face. Pictures alone would give lips and lids,
#: which are few pixels, away for the rest of the head.
LANDMARK_WEIGHT = 20.0
#: Pictures are compared at these fractions of their side.
SCALES = (1, 2, 4)


class Refiner:
    """Refines windows of one model's frames by so many steps of descent each; of codes it gives the first `groups`."""

    def __init__(self, model: CodecModel, steps: int, *, groups: int) -> None:
        self._model, self._steps, self._groups = model, steps, groups
        prices = torch.from_numpy(np.asarray(code_cost_bits(model.tables.motion), dtype=np.float32))
        self._prices = RATE_LAMBDA * prices.to(model.device)

    def refine(self, z: Tensor, content: Content, pixels: NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
        """Frames [T, C, H, W] that are the pictures [T, P, P, 3], and their content, to what `Bcd.analyse` gives: codes
        [T, g] and distances [T, g, E]; after refinement the price is part of these.
        """
        bcd, quantizer = self._model.bcd, self._model.bcd.quantizer
        if not self._steps:
            codes, distances = bcd.analyze(z[None], content.map[None])
            return codes[0, :, : self._groups], distances[0, :, : self._groups]
        with torch.inference_mode(False), torch.enable_grad():
            # Tensors of inference mode cannot take part in a gradient; their copies can.
            shown = Content(
                content.map.clone()[None], None if content.picture is None else content.picture.clone()[None]
            )
            wanted = from_uint8(torch.from_numpy(pixels).to(z.device)).permute(0, 3, 1, 2)
            with torch.no_grad():
                start = quantizer.normalize(bcd.encoder.motion(z.clone()[None], shown.map))
                points = None if bcd.landmark_head is None else bcd.landmark_displacements(start)
            m = start.clone().requires_grad_()
            descent = torch.optim.Adam([m], lr=LEARNING_RATE)
            best, least = start, float("inf")
            for step in range(self._steps + 1):
                coded = quantizer.lookup(self._distances(m.detach()).argmin(-1))
                m_hat = m + (coded - m).detach()  # straight through
                pictures = bcd.warp_references(shown, m_hat, self._model.vae).pictures
                assert pictures is not None, "an anchor moves pictures"
                loss = _difference(pictures[0], wanted)
                if points is not None:
                    loss = loss + LANDMARK_WEIGHT * (bcd.landmark_displacements(m_hat) - points).abs().mean()
                if float(loss.detach()) < least:
                    best, least = m.detach().clone(), float(loss.detach())
                if step < self._steps:
                    (m.grad,) = torch.autograd.grad(loss + COMMITMENT_WEIGHT * (m - coded).square().mean(), [m])
                    descent.step()
        distances = self._distances(best)
        return distances.argmin(-1)[0], distances[0]

    def _distances(self, m: Tensor) -> Tensor:
        """To every entry of the groups that are coded, its price included: [B, T, G*D] -> [B, T, g, E]."""
        return (self._model.bcd.quantizer.distances(m) + self._prices)[:, :, : self._groups]


def _difference(pictures: Tensor, wanted: Tensor) -> Tensor:
    """Mean absolute difference of values and of their steps down and right, at every scale; both [T, 3, P, P]."""
    total = torch.zeros((), device=pictures.device)
    for scale in SCALES:
        a, b = (F.avg_pool2d(x, scale) if scale > 1 else x for x in (pictures, wanted))
        total = total + (a - b).abs().mean()
        total = total + (a.diff(dim=-2) - b.diff(dim=-2)).abs().mean() + (a.diff(dim=-1) - b.diff(dim=-1)).abs().mean()
    return total
