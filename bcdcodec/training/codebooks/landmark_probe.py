"""The matrix that reads the movement of face points off the codes, by least squares. In: a trained model, clips.

Descent ends near the best matrix for the codes as training saw them, with noise; the codes of a stream have none.
"""

import torch
from torch import Tensor

from bcdcodec.model.bcd import Bcd
from bcdcodec.training.data.sampler import CrossDrivenSampler

#: How much the fit leans on the matrix before it, in frames.
RIDGE = 100.0
FIT_BATCHES = 60


@torch.no_grad()
def gather_motion(bcd: Bcd, sampler: CrossDrivenSampler, batches: int) -> tuple[Tensor, Tensor]:
    """States of the encoder [N, width] (`DisentangleEncoder.states`), and how the points of their frames moved, in
    percent of the picture [N, 2 L]. Frames without a face are left out.
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
def solve_point_motion(bcd: Bcd, states: Tensor, moved: Tensor) -> None:
    """Replace the weights of `Bcd.landmark_displacements` by what fits the codes of the states best."""
    assert bcd.landmark_head is not None
    weight = bcd.landmark_head.weight  # [2 L, G*D], in percent of the picture
    m = bcd.encoder.motion_head(states)[:, None]
    m_hat = bcd.quantizer.lookup(bcd.quantizer.distances(bcd.quantizer.normalize(m)).argmin(-1))[:, 0]
    gram = RIDGE * torch.eye(weight.shape[1]) + m_hat.T @ m_hat
    weight += torch.linalg.solve(gram, m_hat.T @ (moved - m_hat @ weight.T)).T


def fit_point_motion(bcd: Bcd, sampler: CrossDrivenSampler, batches: int = FIT_BATCHES) -> None:
    """The same, for the codes of some training clips; nothing for a model without face points. bcd: in evaluation
    mode.
    """
    if bcd.landmark_head is not None:
        solve_point_motion(bcd, *gather_motion(bcd, sampler, batches))
