"""Initialisation of codebooks by PCA of landmark motion, for an encoder that has learned landmarks.

    states of the encoder on training clips -> least squares -> landmark displacements
      -> principal components, shapes of mouth and eyes weighted up -> a scalar codebook for each: one group, or several
         with interleaved entries where the component is large
      -> the residual states: likewise, coarser, with the remaining groups

Trained by descent alone, all groups end up describing the pose, which moves landmarks most, and lips drown in its
coding error. A scalar quantiser of the principal components leaves 0.6 % of the inter-ocular distance at 52 bits a
frame, so descent begins there.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bcdcodec.model.bcd import Bcd
from bcdcodec.training.codebooks.landmark_probe import FIT_BATCHES, gather_landmark_motion, solve_landmark_head
from bcdcodec.training.data.sampler import CrossDrivenSampler
from bcdcodec.training.objective.warping import shapes

#: Ridge of the regression, as a fraction of the mean variance.
RIDGE = 1e-3
#: Weight of the shapes of mouth and eyes relative to landmark positions.
SHAPE_WEIGHT = 2.0
#: Share of the groups that may code landmarks, and the most that share a component.
POINT_SHARE, TOGETHER = 0.75, 3
#: Spacing of entries for the residual, in standard deviations.
REST_SPACING = 1.0
#: A component is left out if its standard deviation is this fraction of the spacing of entries.
NEGLIGIBLE = 1 / 3
#: Farthest entries may lie sinh(this) / this times as far as equal spacing had them; else groups share a component.
MAX_GROWTH = 2.0
#: Share of the frames that the entries of a codebook reach.
REACHED = 0.999
#: Spacing of the entries around zero, in nats of the softmax over distances: samples are mostly the nearest entry.
NEIGHBOURS = 8.0


@dataclass(frozen=True, slots=True)
class ScalarCodebook:
    """One group: its direction in the encoder's states [width], and its entries [E] along it, ascending."""

    direction: Tensor
    entries: Tensor


@torch.no_grad()
def fit_codebooks(bcd: Bcd, sampler: CrossDrivenSampler, batches: int = FIT_BATCHES) -> None:
    """Replace motion head, codebooks and landmark head of a model with landmarks.

    The codes cost `target_bits_per_group` in the mean over groups and explain as much of the landmark motion as they
    can.
    """
    assert bcd.landmark_head is not None, "codebooks are initialised from landmark displacements"
    config = bcd.config.quantizer
    states, moved = (values.double() for values in gather_landmark_motion(bcd, sampler, batches))
    head, codebook = bcd.encoder.motion_head.weight, bcd.quantizer.codebook
    step = math.sqrt(NEIGHBOURS / (bcd.quantizer.sharpness * config.dims))
    for group, line in enumerate(allocate_codebooks(bcd, states, moved)):
        # All dimensions of the group start equal; descent may separate them.
        scale = step / float(line.entries.diff().min())
        head[group * config.dims : (group + 1) * config.dims] = line.direction * scale
        codebook[group] = (line.entries * scale)[:, None]
    bcd.landmark_head.weight.zero_()
    solve_landmark_head(bcd, states.float(), moved.float())


def allocate_codebooks(bcd: Bcd, states: Tensor, moved: Tensor) -> list[ScalarCodebook]:
    """A scalar codebook for each group, at the spacing where all groups together cost their target.

    states: [N, width]; moved: landmark displacements [N, 2 L].
    """
    config = bcd.config.quantizer
    budget_bits = config.target_bits_per_group * config.groups
    directions, sizes = _components(states, moved)

    def at(spacing: float) -> tuple[list[ScalarCodebook], float]:
        codebooks, room = list[ScalarCodebook](), int(POINT_SHARE * config.groups)
        used, bits = 0, 0.0
        for direction, size in zip(directions.T, sizes.tolist(), strict=True):
            if len(codebooks) == room or size < NEGLIGIBLE * spacing:
                break
            used += 1
            values = states @ direction
            shared = _scalar_codebooks(values, direction, spacing, config.entries)[: room - len(codebooks)]
            codebooks += shared
            bits += sum(_entropy_bits(values, line.entries) for line in shared)
        for direction in _rest(states, states @ directions[:, :used])[: config.groups - len(codebooks)]:
            values = states @ direction
            line = _scalar_codebooks(values, direction, REST_SPACING * float(values.std()), config.entries)[0]
            codebooks.append(line)
            bits += _entropy_bits(values, line.entries)
        # Small encoders may have no residual for the remaining groups: those stay at zero.
        nothing = ScalarCodebook(
            states.new_zeros(states.shape[1]), torch.arange(config.entries) - config.entries // 2.0
        )
        return codebooks + [nothing] * (config.groups - len(codebooks)), bits

    # Bits fall as the spacing grows.
    low, high = float(sizes[0]) * 1e-3, float(sizes[0])
    for _ in range(10):
        middle = math.sqrt(low * high)
        if at(middle)[1] > budget_bits:
            low = middle
        else:
            high = middle
    return at(high)[0]


def _components(states: Tensor, moved: Tensor) -> tuple[Tensor, Tensor]:
    """Principal directions of the landmark displacements in the encoder's states.

    Returns directions [width, K], along which the states predict uncorrelated components, largest first and in their
    unit, and their standard deviations [K].
    """
    gram = states.T @ states / len(states)
    gram += RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
    shaped = shapes(moved.unflatten(-1, (-1, 2))).flatten(1)
    features = torch.cat([moved, SHAPE_WEIGHT * shaped], 1)
    prediction = torch.linalg.solve(gram, states.T @ features / len(states))  # [width, F]
    root = torch.linalg.cholesky(gram)
    inward, sizes, _ = torch.linalg.svd(root.T @ prediction, full_matrices=False)
    return torch.linalg.solve_triangular(root.T, inward, upper=True) * sizes, sizes


def _rest(states: Tensor, components: Tensor) -> list[Tensor]:
    """Principal directions [width] of the residual of the states given the components, largest first."""
    left = states - components @ _solve(components, states)
    # Directions apply to the states, so they include the projection that removes the components.
    projection = _solve(states, left)  # [width, width]
    values, vectors = torch.linalg.eigh(left.T @ left / len(left))
    return [projection @ vector for vector in vectors.flip(1).T[: int((values > 1e-6 * values.max()).sum())]]


def _solve(a: Tensor, b: Tensor) -> Tensor:
    """Least squares by the normal equations: `torch.linalg.lstsq` does not give the same bits twice."""
    gram = a.T @ a
    gram += 1e-9 * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
    return torch.linalg.solve(gram, a.T @ b)


def _scalar_codebooks(values: Tensor, direction: Tensor, spacing: float, entries: int) -> list[ScalarCodebook]:
    """One scalar codebook, or several with interleaved entries, with this spacing at zero and entries that reach far.

    Displacements have long tails (most people keep still, some do not), so the spacing grows with the distance from
    zero.
    """
    half = max(2, entries // 2)
    reach = float(values.abs().quantile(REACHED))
    groups = 1
    while groups < TOGETHER and half * groups * _growth(reach / spacing, half * groups) > MAX_GROWTH:
        groups += 1
    growth = max(_growth(reach / spacing, half * groups), 1e-6)
    fine = torch.arange(-half * groups, half * groups, dtype=values.dtype) * growth
    entries_of_all = spacing * fine.sinh() / growth
    return [ScalarCodebook(direction, entries_of_all[index::groups][:entries]) for index in range(groups)]


def _growth(reach: float, count: int) -> float:
    """k such that entry `count` of sinh(k j) / k lies at reach, in spacings; 0 where equal spacing reaches it."""
    low, high = 0.0, 20 / count
    if reach <= count:
        return 0.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if math.sinh(middle * count) / middle < reach else (low, middle)
    return low


def _entropy_bits(values: Tensor, entries: Tensor) -> float:
    """Order-0 entropy of the nearest entries."""
    nearest = torch.bucketize(values, (entries[1:] + entries[:-1]) / 2)
    share = nearest.bincount(minlength=len(entries)) / len(values)
    return float(-(share * share.clamp(min=1e-12).log2()).sum())
