"""Least-squares fit of the landmark head: the matrix from code vectors to landmark displacements.

Descent ends near the best matrix for codes with the noise of training; the codes of a stream have none.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from bcdcodec.model.bcd import Bcd
from bcdcodec.training.data.sampler import CrossDrivenSampler

#: Weight of the previous matrix in the fit, in frames.
RIDGE = 100.0
FIT_BATCHES = 60


@dataclass(frozen=True, slots=True, eq=False)
class LandmarkSamples:
    """Training frames with a face. states: of the encoder [N, width]; displacements: of the landmarks since the content
    [N, L, 2], in its face's coordinates; follows: bool [N], whether the row before is the frame before.
    """

    states: Tensor
    displacements: Tensor
    follows: Tensor


@torch.no_grad()
def gather_landmark_samples(bcd: Bcd, sampler: CrossDrivenSampler, batches: int) -> LandmarkSamples:
    """Encoder states and true landmark displacements of training clips."""
    states, moved, follows = [], [], []
    for step in range(batches):
        batch = sampler.draw(step)
        assert batch.displacements is not None, "a model with landmarks is trained on faces"
        state = bcd.encoder.states(batch.motion, bcd.encoder.content(batch.content), batch.displacements)
        known = batch.displacements.isfinite().all(-1).all(-1)  # [B, T]
        states.append(state[known])
        moved.append(batch.displacements[known])
        before = torch.cat([torch.zeros_like(known[:, :1]), known[:, :-1]], 1)
        follows.append(before[known])
    return LandmarkSamples(torch.cat(states), torch.cat(moved), torch.cat(follows))


@torch.no_grad()
def solve_landmark_head(bcd: Bcd, samples: LandmarkSamples) -> None:
    """Replace the landmark head by the least-squares fit to the codes of the samples."""
    assert bcd.landmark_head is not None
    weight = bcd.landmark_head.weight  # [2 L, G*D], in percent of the face
    m = bcd.encoder.motion_of_states(samples.states[:, None], samples.displacements[:, None])
    m_hat = bcd.quantizer.lookup(bcd.quantizer.distances(bcd.quantizer.normalize(m)).argmin(-1))[:, 0]
    moved = 100 * samples.displacements.flatten(1)
    gram = RIDGE * torch.eye(weight.shape[1]) + m_hat.T @ m_hat
    weight += torch.linalg.solve(gram, m_hat.T @ (moved - m_hat @ weight.T)).T


def fit_landmark_head(bcd: Bcd, sampler: CrossDrivenSampler, batches: int = FIT_BATCHES) -> None:
    """Fit the landmark head to the codes of some training clips; nothing for a model without one.

    bcd: in evaluation mode.
    """
    if bcd.landmark_head is not None:
        solve_landmark_head(bcd, gather_landmark_samples(bcd, sampler, batches))
