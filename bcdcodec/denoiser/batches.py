"""Batches of training pairs: excerpts drawn from a few open parts, mirrored and cropped."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bcdcodec.denoiser.packing import read_pairs
from bcdcodec.denoiser.pairs import Pairs

#: Parts that batches are drawn from at a time, and excerpts drawn of each before others are opened: reading one costs
#: more than an update.
OPEN_PARTS, DRAWN = 6, 8
#: Share of the batches that are mirrored.
MIRRORED = 0.5


class PairDrawer:
    """Batches of excerpts: a function of the seed and the update, but for the parts that are added meanwhile."""

    def __init__(self, parts: list[Path], *, seed: int) -> None:
        self._parts, self._seed = parts, seed
        self._open: Pairs | None = None
        self._period = -1

    def draw(self, step: int, batch: int, *, crop: float = 1.0) -> Pairs:
        """The batch of an update; some are mirrored. crop: share of the side of the square that is taken."""
        count = min(OPEN_PARTS, len(self._parts))
        period = step * batch // (DRAWN * count)
        if self._open is None or period != self._period:
            rng = np.random.default_rng((self._seed, 0, period))
            chosen = rng.choice(len(self._parts), count, replace=False)
            self._open, self._period = Pairs.joined([read_pairs(self._parts[index]) for index in chosen]), period
        rng = np.random.default_rng((self._seed, 1, step))
        pairs = self._open.rows(rng.choice(len(self._open), batch).tolist())
        pairs = mirrored(pairs) if rng.random() < MIRRORED else pairs
        side = pairs.frames.shape[-1]
        left, top = rng.integers(0, side - round(crop * side) + 1, 2).tolist()
        return cropped(pairs, left, top, round(crop * side))


def mirrored(pairs: Pairs) -> Pairs:
    """The mirror images of excerpts. Their code vectors stay, though a mirrored face would have others: they steer the
    network as a whole, and where a face is the rasters tell.
    """
    return _moved(
        pairs, lambda plane: plane.flip(-1), lambda points: torch.stack([1 - points[..., 0], points[..., 1]], -1)
    )


def cropped(pairs: Pairs, left: int, top: int, side: int) -> Pairs:
    """A square of every picture, in pixels of it."""
    rows, columns, whole = slice(top, top + side), slice(left, left + side), pairs.frames.shape[-1]
    corner = torch.tensor([left, top])
    return _moved(pairs, lambda plane: plane[..., rows, columns], lambda points: (points * whole - corner) / side)


def _moved(pairs: Pairs, plane: Callable[[Tensor], Tensor], points: Callable[[Tensor], Tensor]) -> Pairs:
    """Excerpts with functions applied to their pictures, and to their landmarks as float32."""
    return Pairs(
        stills=plane(pairs.stills),
        frames=plane(pairs.frames),
        warps=plane(pairs.warps),
        areas=plane(pairs.areas),
        still_points=points(pairs.still_points.float()),
        points=points(pairs.points.float()),
        motion=pairs.motion,
    )
