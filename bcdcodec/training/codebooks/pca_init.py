"""Initialisation of codebooks by PCA of landmark displacements, and of what the encoder's states add to them.

    displacements of training clips, shapes and apertures of mouth and eyes weighted up -> principal components
      -> a scalar codebook for each: one group, or several with interleaved entries where the component reaches far
    states of the encoder, less what the components predict of them
      -> likewise, coarser, with the groups and bits that are left

Landmarks come first because what latents add to them does not pay: on six clips of unseen people 16 groups of it cost
44 bits a frame and made warps worse (PSNR 21.15 to 21.03 dB, LPIPS 0.131 to 0.136).

Trained by descent alone, all groups end up describing the pose, which moves landmarks most, and lips drown in its
coding error. So the quantiser begins as the transform code of the landmarks.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bcdcodec.config import QuantizerConfig
from bcdcodec.model.bcd import Bcd
from bcdcodec.training.codebooks.landmark_probe import (
    FIT_BATCHES,
    LandmarkSamples,
    gather_landmark_samples,
    solve_landmark_head,
)
from bcdcodec.training.data.sampler import CrossDrivenSampler
from bcdcodec.training.objective.warping import shapes
from bcdcodec.video.landmarks import OPENINGS

#: Weights of the shapes of mouth and eyes, and of the apertures, relative to displacements.
SHAPE_WEIGHT, APERTURE_WEIGHTS = 2.0, {"mouth": 4.0, "eyes": 8.0}
#: The most groups that share a component.
TOGETHER = 3
#: Spacing of entries for the residual, in standard deviations.
REST_SPACING = 1.0
#: A component is left out if its standard deviation is this fraction of the spacing of entries.
NEGLIGIBLE = 0.05
#: Farthest entries may lie sinh(this) / this times as far as equal spacing had them; else groups share a component.
MAX_GROWTH = 3.0
#: The entries of a codebook reach this many times as far as this share of the training frames: unseen people turn and
#: lean farther than those of any training set, and what is out of reach is lost altogether.
REACHED, BEYOND = 0.9995, 4.0
#: Spacing of the entries around zero, in nats of the softmax over distances: samples are mostly the nearest entry.
NEIGHBOURS = 8.0


@dataclass(frozen=True, slots=True)
class ScalarCodebook:
    """One group: the directions along which it measures a frame, in landmark displacements [2 L] and in the encoder's
    states [width], and its entries [E] along them, ascending.
    """

    landmarks: Tensor
    states: Tensor
    entries: Tensor


@torch.no_grad()
def fit_codebooks(bcd: Bcd, sampler: CrossDrivenSampler, batches: int = FIT_BATCHES) -> None:
    """Replace motion head, landmark transform, codebooks and landmark head of a model with landmarks.

    The codes cost `target_bits_per_group` in the mean over groups and explain as much of the landmark motion as they
    can.
    """
    encoder, config = bcd.encoder, bcd.config.quantizer
    assert bcd.landmark_head is not None, "codebooks are initialised from landmark displacements"
    assert encoder.landmarks is not None, "the head of the landmarks comes with the encoder's"
    samples = gather_landmark_samples(bcd, sampler, batches)
    head, transform, codebook = encoder.motion_head.weight, encoder.landmarks.transform.weight, bcd.quantizer.codebook
    step = math.sqrt(NEIGHBOURS / (bcd.quantizer.sharpness * config.dims))
    for group, line in enumerate(allocate_codebooks(config, samples)):
        # All dimensions of the group start equal; descent may separate them.
        scale, rows = step / float(line.entries.diff().min()), slice(group * config.dims, (group + 1) * config.dims)
        head[rows], transform[rows] = line.states * scale, line.landmarks * scale
        codebook[group] = (line.entries * scale)[:, None]
    bcd.landmark_head.weight.zero_()
    solve_landmark_head(bcd, samples)


def allocate_codebooks(config: QuantizerConfig, samples: LandmarkSamples) -> list[ScalarCodebook]:
    """A scalar codebook for each group, at the spacing where all groups together cost their target."""
    budget_bits = config.target_bits_per_group * config.groups
    moved, states = samples.displacements.flatten(1).double(), samples.states.double()
    directions, sizes = _components(moved)
    components, nowhere = moved @ directions, states.new_zeros(states.shape[1])

    def cost_bits(values: Tensor, codebooks: list[ScalarCodebook]) -> float:
        follows = samples.follows if config.temporal_rate else None
        return sum(_rate_bits(values, line.entries, follows) for line in codebooks)

    def at(spacing: float) -> tuple[list[ScalarCodebook], float]:
        codebooks, used, bits = list[ScalarCodebook](), 0, 0.0
        for direction, size, values in zip(directions.T, sizes.tolist(), components.T, strict=True):
            scalar = _scalar_entries(values, spacing, config.entries)
            if len(codebooks) + len(scalar) > config.groups or size < NEGLIGIBLE * spacing:
                break
            used += 1
            shared = [ScalarCodebook(direction, nowhere, entries) for entries in scalar]
            codebooks += shared
            bits += cost_bits(values, shared)
        for line, values in _rest(states, components[:, :used], directions[:, :used], config.entries):
            cost = cost_bits(values, [line])
            if len(codebooks) == config.groups or bits + cost > budget_bits:
                break
            codebooks.append(line)
            bits += cost
        # Groups for which there are no bits or no residual stay at zero.
        centered = torch.arange(config.entries).double() - config.entries // 2
        nothing = ScalarCodebook(moved.new_zeros(moved.shape[1]), nowhere, centered)
        return codebooks + [nothing] * (config.groups - len(codebooks)), bits

    # Bits fall as the spacing grows.
    low, high = float(sizes[0]) * 1e-3, float(sizes[0])
    for _ in range(12):
        middle = math.sqrt(low * high)
        if at(middle)[1] > budget_bits:
            low = middle
        else:
            high = middle
    return at(high)[0]


def _components(moved: Tensor) -> tuple[Tensor, Tensor]:
    """Principal components of displacements [N, 2 L] by weighted features.

    Returns directions [2 L, K], along which displacements have uncorrelated components, largest first and in the unit
    of the features, and their standard deviations [K].
    """
    matrix = _features(torch.eye(moved.shape[1], dtype=moved.dtype).unflatten(-1, (-1, 2)))  # [2 L, F]
    root = torch.linalg.cholesky(matrix @ matrix.T)
    weighted = moved @ root
    values, vectors = torch.linalg.eigh(weighted.T @ weighted / len(weighted))
    values, vectors = values.flip(0), vectors.flip(1)
    kept = values > 1e-9 * values[0]
    return root @ vectors[:, kept], values[kept].sqrt()


def _features(moved: Tensor) -> Tensor:
    """Displacements [N, L, 2] with weighted shapes and apertures: [N, F]."""
    features = [moved, SHAPE_WEIGHT * shapes(moved)]
    for part, pairs in OPENINGS.items():
        upper, lower = torch.tensor(pairs).T
        features.append(APERTURE_WEIGHTS[part] * (moved[:, lower] - moved[:, upper]))
    return torch.cat(features, 1).flatten(1)


def _rest(states: Tensor, components: Tensor, directions: Tensor, entries: int) -> list[tuple[ScalarCodebook, Tensor]]:
    """Codebooks of the principal components of the states [N, width] less what the landmarks predict of them, largest
    first, with the values of the samples [N] along each.

    components: [N, K]; directions: theirs [2 L, K].
    """
    prediction = _solve(components, states)  # [K, width]
    left = states - components @ prediction
    values, vectors = torch.linalg.eigh(left.T @ left / len(left))
    found = []
    for vector in vectors.flip(1).T[: int((values > 1e-6 * values.max()).sum())]:
        along = left @ vector
        reach = _scalar_entries(along, REST_SPACING * float(along.std()), entries)[0]
        found.append((ScalarCodebook(-directions @ (prediction @ vector), vector, reach), along))
    return found


def _solve(a: Tensor, b: Tensor) -> Tensor:
    """Least squares by the normal equations: `torch.linalg.lstsq` does not give the same bits twice."""
    gram = a.T @ a
    gram += 1e-9 * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
    return torch.linalg.solve(gram, a.T @ b)


def _scalar_entries(values: Tensor, spacing: float, entries: int) -> list[Tensor]:
    """Entries of one scalar codebook, or of several that interleave, with this spacing at zero.

    Displacements have long tails (most people keep still, some do not), so the spacing grows with the distance from
    zero.
    """
    half = max(2, entries // 2)
    reach = BEYOND * float(values.abs().quantile(REACHED))
    groups = 1
    while groups < TOGETHER and half * groups * _growth(reach / spacing, half * groups) > MAX_GROWTH:
        groups += 1
    growth = max(_growth(reach / spacing, half * groups), 1e-6)
    fine = torch.arange(-half * groups, half * groups, dtype=values.dtype) * growth
    entries_of_all = spacing * fine.sinh() / growth
    return [entries_of_all[index::groups][:entries] for index in range(groups)]


def _growth(reach: float, count: int) -> float:
    """k such that entry `count` of sinh(k j) / k lies at reach, in spacings; 0 where equal spacing reaches it."""
    low, high = 0.0, 20 / count
    if reach <= count:
        return 0.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if math.sinh(middle * count) / middle < reach else (low, middle)
    return low


def _rate_bits(values: Tensor, entries: Tensor, follows: Tensor | None) -> float:
    """Bits a frame that a coder pays for the nearest entries: as they are or as changes, whichever are fewer.

    follows: frames that follow the one before; None: a coder that does not look at that.
    """
    nearest = torch.bucketize(values.contiguous(), (entries[1:] + entries[:-1]) / 2)
    if follows is None:
        return _entropy_bits(nearest)
    change = (nearest[1:] - nearest[:-1])[follows[1:]] + len(entries)
    return min(_entropy_bits(nearest), _entropy_bits(change))


def _entropy_bits(symbols: Tensor) -> float:
    share = symbols.bincount() / len(symbols)
    return float(-(share * share.clamp(min=1e-12).log2()).sum())
