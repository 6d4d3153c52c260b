"""Analysis by synthesis: codes refined by gradient descent on the difference between warped and true frames.

The descent starts at the encoder's motion vectors and follows the gradient through flow and warp, which are frozen.
Decoders and the format are unaffected.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from bcdcodec.codec.encode.backend import MotionCodes
from bcdcodec.codec.model import CodecModel
from bcdcodec.codec.motion_reference import MotionReference
from bcdcodec.codec.window import Window
from bcdcodec.entropy.static import code_cost_bits
from bcdcodec.model.content import stack_contents
from bcdcodec.model.landmarks import normalize_displacements
from bcdcodec.model.vae import from_uint8

#: Step of Adam, in the units of the codebooks, whose entries lie about 0.2 from each other.
LEARNING_RATE = 0.01
#: Lagrangian of the rate: squared distance per bit of the motion tables.
RATE_LAMBDA = 0.008
#: Weight of the squared distance between motion vectors and their code vectors.
COMMITMENT_WEIGHT = 0.3
#: Weight of the displacements of face landmarks that the encoder found, in sizes of the face. Pictures alone would
#: trade lips and lids, which are few pixels, for the rest of the head.
LANDMARK_WEIGHT = 5.0
#: Pictures are compared at these fractions of their side.
SCALES = (1, 2, 4)


class Refiner:
    """Refinement of windows by `steps` steps of descent, to codes of the first `groups` groups."""

    def __init__(self, model: CodecModel, steps: int, *, groups: int) -> None:
        self._model, self._steps, self._groups = model, steps, groups
        rates = torch.from_numpy(np.asarray(code_cost_bits(model.tables.motion), dtype=np.float32))
        self._rates = RATE_LAMBDA * rates.to(model.device)

    def refine(self, window: Window, reference: MotionReference) -> MotionCodes:
        """Codes [T, g] and distances [T, g, E] of a window; the distances include the rate."""
        bcd, quantizer, device = self._model.bcd, self._model.bcd.quantizer, self._model.device
        landmarks, face, latents, pixels = (
            torch.from_numpy(values).to(device)
            for values in (window.landmarks, reference.face, window.latents[:], window.pixels)
        )
        with torch.inference_mode(False), torch.enable_grad():
            # Tensors of inference mode cannot take part in a gradient; their copies can.
            shown = stack_contents([reference.content])
            z, moved = latents.clone()[None], normalize_displacements(landmarks.clone()[None], face.clone()[None])
            wanted = from_uint8(pixels.clone()).permute(0, 3, 1, 2)
            with torch.no_grad():
                start = quantizer.normalize(bcd.encoder.motion(z, shown.map, moved))
                points = None if bcd.landmark_head is None else bcd.landmark_displacements(start)
            m = start.clone().requires_grad_()
            descent = torch.optim.Adam([m], lr=LEARNING_RATE)
            best, least = start, float("inf")
            for step in range(self._steps + 1):
                coded = quantizer.lookup(self._distances(m.detach()).argmin(-1))
                m_hat = m + (coded - m).detach()  # straight through
                pictures = bcd.warp_references(shown, m_hat, self._model.vae).pictures
                assert pictures is not None, "only models with a warper are refined"
                loss = _difference(pictures[0], wanted)
                if points is not None:
                    loss = loss + LANDMARK_WEIGHT * (bcd.landmark_displacements(m_hat) - points).abs().mean()
                if float(loss.detach()) < least:
                    best, least = m.detach().clone(), float(loss.detach())
                if step < self._steps:
                    (m.grad,) = torch.autograd.grad(loss + COMMITMENT_WEIGHT * (m - coded).square().mean(), [m])
                    descent.step()
        distances = self._distances(best)
        return distances.argmin(-1)[0].cpu().numpy(), distances[0].float().cpu().numpy()

    def _distances(self, m: Tensor) -> Tensor:
        """To every entry of the groups that are coded, its price included: [B, T, G*D] -> [B, T, g, E]."""
        return (self._model.bcd.quantizer.distances(m) + self._rates)[:, :, : self._groups]


def _difference(pictures: Tensor, wanted: Tensor) -> Tensor:
    """Mean absolute difference of values and of their steps down and right, at every scale; both [T, 3, P, P]."""
    total = torch.zeros((), device=pictures.device)
    for scale in SCALES:
        a, b = (F.avg_pool2d(x, scale) if scale > 1 else x for x in (pictures, wanted))
        total = total + (a - b).abs().mean()
        total = total + (a.diff(dim=-2) - b.diff(dim=-2)).abs().mean() + (a.diff(dim=-1) - b.diff(dim=-1)).abs().mean()
    return total
