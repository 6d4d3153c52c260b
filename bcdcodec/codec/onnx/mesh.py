"""Which triangle of the face mesh covers each pixel, and rasters of its landmarks, in numpy: between the graphs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

#: As in model/mesh_flow.py and model/guides.py, of which these functions are the counterparts without torch.
MIN_AREA, MAX_SPAN, INSIDE, FACE_PLANES, ABSENT = 1e-3, 64, -1e-4, 3, 10.0
#: Pixels of boxes of triangles that are looked at together: bounds the memory for hostile positions.
PIXELS_AT_ONCE = 1 << 22


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """triangles: landmarks of each [M, 3], the last in front; planes: raster that each landmark is drawn in [L]."""

    triangles: Ints
    planes: Ints

    def shown(self, landmarks: Floats, still: Floats, size: int) -> Ints:
        """Triangle over the centre of every pixel of each frame [T, size * size], the last where several are, else -1.

        landmarks: of frames [T, L, 2]; still: of the picture that is warped to them [L, 2]; both as fractions. Not
        drawn are triangles that either shows from behind (`mesh_flow.rasterize`).
        """
        corners = (landmarks * np.float32(size))[:, self.triangles]  # [T, M, 3, 2]
        low, high = corners.min(2), corners.max(2)
        start = np.clip(np.ceil(low - 0.5), 0, size)
        spans = (np.clip(np.floor(high - 0.5), -1, size - 1) - start + 1).astype(np.int64)
        seen = _areas((still * np.float32(size))[self.triangles]) > MIN_AREA
        drawn = seen & (_areas(corners) > MIN_AREA) & (spans > 0).all(-1) & ((high - low).max(-1) <= MAX_SPAN)
        shown = np.full(len(landmarks) * size * size, -1, np.int64)
        frames, triangles = drawn.nonzero()
        counts = spans[frames, triangles].prod(-1)
        parts = counts.cumsum() // PIXELS_AT_ONCE
        for part in range(int(parts[-1]) + 1 if len(frames) else 0):
            n, m = frames[parts == part], triangles[parts == part]
            _draw(shown, n, m, corners[n, m], start[n, m], spans[n, m], size)
        return shown.reshape(len(landmarks), -1)

    def rasters(self, landmarks: Floats, size: int) -> Floats:
        """Landmarks [N, L, 2] as points on a grid [N, FACE_PLANES, size, size], each spread over the four cells around
        it (`guides.face_rasters`).
        """
        raster = np.zeros(len(landmarks) * FACE_PLANES * size * size, np.float32)
        first = (np.arange(len(landmarks))[:, None] * FACE_PLANES + self.planes) * size
        at = np.clip(np.nan_to_num(landmarks, nan=ABSENT), -ABSENT, ABSENT) * np.float32(size) - np.float32(0.5)
        low = np.floor(at)
        for step in ((0, 0), (0, 1), (1, 0), (1, 1)):
            cell = low + np.array(step, np.float32)
            weight = np.where(((cell >= 0) & (cell < size)).all(-1), (1 - np.abs(at - cell)).prod(-1), np.float32(0))
            inside = np.clip(cell, 0, size - 1).astype(np.int64)
            np.add.at(raster, ((first + inside[..., 1]) * size + inside[..., 0]).ravel(), weight.ravel())
        return np.minimum(raster, 1).reshape(-1, FACE_PLANES, size, size)


def _areas(corners: Floats) -> Floats:
    """Twice the signed area of triangles [..., 3, 2]: [...]."""
    first, second = corners[..., 1, :] - corners[..., 0, :], corners[..., 2, :] - corners[..., 0, :]
    areas: Floats = first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]
    return areas


def _draw(shown: Ints, n: Ints, m: Ints, corners: Floats, start: Floats, spans: Ints, size: int) -> None:
    """Note triangles m [K] of frames n [K] at the pixels that they cover, the largest of the numbers where several do.

    corners: [K, 3, 2]; start: first column and row of their boxes [K, 2]; spans: columns and rows of them [K, 2].
    """
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    scale = 1 / _areas(corners)
    inner = start + np.float32(0.5) - corners[:, 0]
    # Barycentric coordinates are linear in the column and the row of a pixel in the triangle's box.
    columns = np.stack([second[:, 1] * scale, -first[:, 1] * scale], 1)
    rows = np.stack([-second[:, 0] * scale, first[:, 0] * scale], 1)
    starts = inner[:, :1] * columns + inner[:, 1:] * rows
    counts = spans.prod(-1)
    which = np.repeat(np.arange(len(counts)), counts)
    number = np.arange(len(which)) - (counts.cumsum() - counts)[which]
    row, column = np.divmod(number, spans[which, 0])
    along, down = column.astype(np.float32)[:, None], row.astype(np.float32)[:, None]
    u, v = (starts[which] + columns[which] * along + rows[which] * down).T
    inside = np.minimum(np.minimum(u, v), 1 - u - v) >= INSIDE
    cell = (n * size + start[:, 1].astype(np.int64)) * size + start[:, 0].astype(np.int64)
    np.maximum.at(shown, (cell[which] + row * size + column)[inside], m[which][inside])
