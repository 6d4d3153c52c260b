"""A synthetic shape model and face of integers, the same on every machine."""

import math

import numpy as np
from numpy.typing import NDArray

from bcdcodec.entropy.landmarks import LEFT_EYE, RIGHT_EYE
from bcdcodec.entropy.tables import LANDMARKS, LandmarkTables, fit_rows

UNIT = 1 << 20
COMPONENTS, MAX_LEVEL = 6, 20
LEVELS = range(-MAX_LEVEL, MAX_LEVEL + 1)


def synthetic_tables() -> LandmarkTables:
    """Tables whose mean has centre 0, size 1 and level eyes, and whose components hardly change that."""
    half = np.arange(LANDMARKS // 2, dtype=np.int64)
    # Landmarks 2i and 2i + 1 are opposite each other, so that the centre is 0.
    some = np.stack([half * 7919 % 2003 - 1001, half * 104729 % 2003 - 1001], axis=1)
    some[[RIGHT_EYE // 2, LEFT_EYE // 2]] = [[-800, 400], [800, 400]]
    thousandths = math.isqrt(int((2 * some**2).sum()) * 1000**2 // LANDMARKS)
    mean = _opposite(some * (1000 * UNIT) // thousandths)
    waves = np.stack([_wave(half, k) for k in range(COMPONENTS)])
    waves[:, [RIGHT_EYE // 2, LEFT_EYE // 2]] = 0
    basis = np.stack([_opposite(wave) for wave in waves])
    counts = np.array([[(1 << 12) >> abs(level) // (1 + k % 3) for level in LEVELS] for k in range(COMPONENTS)])
    return LandmarkTables(mean=mean.astype(np.int32), basis=basis.astype(np.int32), rows=fit_rows(counts))


def synthetic_face(
    tables: LandmarkTables,
    *,
    levels: tuple[int, ...] = (3, -2, 0, 5, -7, 1),
    center: tuple[float, float] = (120.0, 141.5),
    size: float = 60.0,
    roll: float = 0.0,
) -> NDArray[np.float64]:
    """Positions [LANDMARKS, 2] in pixels of a face of that shape and pose; roll in radians."""
    shape = (tables.mean + np.tensordot(np.array(levels), tables.basis, axes=1)) / UNIT
    turn = np.array([[math.cos(roll), math.sin(roll)], [-math.sin(roll), math.cos(roll)]])
    return np.asarray(shape @ turn * size + center)


def _wave(half: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    return 8 * np.stack([half * (k + 3) * 7907 % 2001 - 1000, half * (k + 5) * 6101 % 2001 - 1000], axis=1)


def _opposite(points: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.stack([-points, points], axis=1).reshape(LANDMARKS, 2)
