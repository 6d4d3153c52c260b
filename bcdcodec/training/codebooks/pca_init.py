"""Codebooks laid out over what codes must tell, when coding begins. In: an encoder that knows poses, and clips. Out:
its motion head, its codebooks and the matrix of `Bcd.landmark_displacements`, replaced.

    states of the encoder on training clips -> least squares -> movement of the points of the face
      -> principal components, shapes of mouth and eyes counted more -> a line of entries for each: one group, or
         several with their entries between one another where the component is large
      -> the rest of the states: the same, coarser, with the groups that are left

Left to descent alone, groups all end up describing the pose, which moves points most, and lips drown in the error of
what they code. A scalar quantiser of the components of faces leaves 0.6 % of the distance of the eyes at 52 bits a
frame, so that is where descent begins.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bcdcodec.model.bcd import Bcd
from bcdcodec.training.codebooks.landmark_probe import FIT_BATCHES, gather_motion, solve_point_motion
from bcdcodec.training.data.sampler import CrossDrivenSampler
from bcdcodec.training.objective.warping import shapes

#: Ridge of the regression, as a fraction of the mean variance.
RIDGE = 1e-3
#: Shapes of the parts of the face count this many times as much as places of its points.
SHAPE_WEIGHT = 2.0
#: Share of the groups that may describe points, and how many at most share a component.
POINT_SHARE, TOGETHER = 0.75, 3
#: Spacing of entries for the rest, in standard deviations.
REST_SPACING = 1.0
#: A component is left out if its standard deviation is this fraction of the spacing of entries.
NEGLIGIBLE = 1 / 3
#: Farthest entries may lie sinh(this) / this times as far as equal spacing had them; else groups share a component.
MAX_GROWTH = 2.0
#: Share of the frames that the entries of a line reach.
REACHED = 0.999
#: How far the entries around zero lie apart, in nats of the softmax over distances: samples are mostly the nearest one.
NEIGHBOURS = 8.0


@dataclass(frozen=True, slots=True)
class ScalarCodebook:
    """One group: what it measures of the encoder's states [width], and its entries [E] in that unit, in order."""

    direction: Tensor
    entries: Tensor


@torch.no_grad()
def fit_codebooks(bcd: Bcd, sampler: CrossDrivenSampler, batches: int = FIT_BATCHES) -> None:
    """Replace motion head, codebooks and read-out of a model with face points, so that its codes cost
    `target_bits_per_group` in the mean over groups and tell as much of the points as they can.
    """
    assert bcd.landmark_head is not None, "codebooks are laid out over the movement of face points"
    config = bcd.config.quantizer
    states, moved = (values.double() for values in gather_motion(bcd, sampler, batches))
    head, codebook = bcd.encoder.motion_head.weight, bcd.quantizer.codebook
    step = math.sqrt(NEIGHBOURS / (bcd.quantizer.sharpness * config.dims))
    for group, line in enumerate(allocate_codebooks(bcd, states, moved)):
        # Every dimension of the group measures the same at first; descent may part them.
        scale = step / float(line.entries.diff().min())
        head[group * config.dims : (group + 1) * config.dims] = line.direction * scale
        codebook[group] = (line.entries * scale)[:, None]
    bcd.landmark_head.weight.zero_()
    solve_point_motion(bcd, states.float(), moved.float())


def allocate_codebooks(bcd: Bcd, states: Tensor, moved: Tensor) -> list[ScalarCodebook]:
    """A line for each group, at the spacing where all groups together cost what they should. states: [N, width];
    moved: [N, 2 L].
    """
    config = bcd.config.quantizer
    budget_bits = config.target_bits_per_group * config.groups
    directions, sizes = _components(states, moved)

    def at(spacing: float) -> tuple[list[ScalarCodebook], float]:
        lines, room = list[ScalarCodebook](), int(POINT_SHARE * config.groups)
        used, bits = 0, 0.0
        for direction, size in zip(directions.T, sizes.tolist(), strict=True):
            if len(lines) == room or size < NEGLIGIBLE * spacing:
                break
            used += 1
            values = states @ direction
            shared = _lines(values, direction, spacing, config.entries)[: room - len(lines)]
            lines += shared
            bits += sum(_entropy_bits(values, line.entries) for line in shared)
        for direction in _rest(states, states @ directions[:, :used])[: config.groups - len(lines)]:
            values = states @ direction
            line = _lines(values, direction, REST_SPACING * float(values.std()), config.entries)[0]
            lines.append(line)
            bits += _entropy_bits(values, line.entries)
        # Small encoders may have nothing to tell with the groups that are left: those stay at zero.
        nothing = ScalarCodebook(
            states.new_zeros(states.shape[1]), torch.arange(config.entries) - config.entries // 2.0
        )
        return lines + [nothing] * (config.groups - len(lines)), bits

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
    """Directions [width, K] along which the states tell uncorrelated components of the movement, largest first, in its
    unit; and the standard deviations [K] of those.
    """
    gram = states.T @ states / len(states)
    gram += RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
    shaped = shapes(moved.unflatten(-1, (-1, 2))).flatten(1)
    features = torch.cat([moved, SHAPE_WEIGHT * shaped], 1)
    told = torch.linalg.solve(gram, states.T @ features / len(states))  # [width, F]
    root = torch.linalg.cholesky(gram)
    inward, sizes, _ = torch.linalg.svd(root.T @ told, full_matrices=False)
    return torch.linalg.solve_triangular(root.T, inward, upper=True) * sizes, sizes


def _rest(states: Tensor, components: Tensor) -> list[Tensor]:
    """Directions [width] of what is left of the states where the components are known, largest first."""
    left = states - components @ _solve(components, states)
    # A direction is measured on the states, so it goes through the projection that takes the components out.
    projection = _solve(states, left)  # [width, width]
    values, vectors = torch.linalg.eigh(left.T @ left / len(left))
    return [projection @ vector for vector in vectors.flip(1).T[: int((values > 1e-6 * values.max()).sum())]]


def _solve(a: Tensor, b: Tensor) -> Tensor:
    """Least squares by the normal equations: `torch.linalg.lstsq` does not give the same bits twice."""
    gram = a.T @ a
    gram += 1e-9 * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
    return torch.linalg.solve(gram, a.T @ b)


def _lines(values: Tensor, direction: Tensor, spacing: float, entries: int) -> list[ScalarCodebook]:
    """One line, or several whose entries lie between one another, with the spacing at zero and entries that reach far.

    Movements have long tails (most people keep still, some do not), so entries lie the wider apart the farther out.
    """
    half = max(2, entries // 2)
    reach = float(values.abs().quantile(REACHED))
    groups = 1
    while groups < TOGETHER and half * groups * _growth(reach / spacing, half * groups) > MAX_GROWTH:
        groups += 1
    growth = max(_growth(reach / spacing, half * groups), 1e-6)
    fine = torch.arange(-half * groups, half * groups, dtype=values.dtype) * growth
    places = spacing * fine.sinh() / growth
    return [ScalarCodebook(direction, places[index::groups][:entries]) for index in range(groups)]


def _growth(reach: float, count: int) -> float:
    """k of entries sinh(k j) / k so that entry `count` lies at reach, both in spacings; 0 where equal spacing does."""
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
