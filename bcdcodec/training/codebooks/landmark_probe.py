"""Least-squares fit of the landmark head: the matrix from code vectors to landmark displacements.

Descent ends near the best matrix for codes with the noise of training; the codes of a stream have none.
"""

import torch
from torch import Tensor

from bcdcodec.model.bcd import Bcd
from bcdcodec.training.data.sampler import CrossDrivenSampler

#: Weight of the previous matrix in the fit, in frames.
RIDGE = 100.0
FIT_BATCHES = 60


@torch.no_grad()
def gather_landmark_motion(bcd: Bcd, sampler: CrossDrivenSampler, batches: int) -> tuple[Tensor, Tensor]:
    """Encoder states and true landmark displacements of training frames.

    Returns states [N, width] (`DisentangleEncoder.states`) and displacements [N, 2 L] in percent of the picture. Frames
    without a face are left out.
    """
    states, moved = [], []
    for step in range(batches):
        batch = sampler.draw(step)
        assert batch.faces is not None, "a model with face points is trained on faces"
        state = bcd.encoder.states(batch.motion, bcd.encoder.content(batch.content))
        difference = (batch.faces.motion_points - batch.faces.content_points[:, None]).flatten(2) * 100
        known = difference.isfinite().all(-1)
        states.append(state[known])
        moved.append(difference[known])
    return torch.cat(states), torch.cat(moved)


@torch.no_grad()
def solve_landmark_head(bcd: Bcd, states: Tensor, moved: Tensor) -> None:
    """Replace the landmark head by the least-squares fit to the codes of the states."""
    assert bcd.landmark_head is not None
    weight = bcd.landmark_head.weight  # [2 L, G*D], in percent of the picture
    m = bcd.encoder.motion_head(states)[:, None]
    m_hat = bcd.quantizer.lookup(bcd.quantizer.distances(bcd.quantizer.normalize(m)).argmin(-1))[:, 0]
    gram = RIDGE * torch.eye(weight.shape[1]) + m_hat.T @ m_hat
    weight += torch.linalg.solve(gram, m_hat.T @ (moved - m_hat @ weight.T)).T


def fit_landmark_head(bcd: Bcd, sampler: CrossDrivenSampler, batches: int = FIT_BATCHES) -> None:
    """Fit the landmark head to the codes of some training clips; nothing for a model without one.

    bcd: in evaluation mode.
    """
    if bcd.landmark_head is not None:
        solve_landmark_head(bcd, *gather_landmark_motion(bcd, sampler, batches))
