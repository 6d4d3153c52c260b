"""Weak-perspective camera: head points in mm to pixels, and the pose that fits a mesh.

    x, y = scale * zoom * (rotation . point), y turned down, + translation

Distance from the camera is seen as size alone, so the third number of the paper's translation is the zoom.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pose:
    """Pose of a head over time. rotation: [T, 3, 3]. translation: [T, 2] pixels. size: [T] pixels per mm."""

    rotation: Array
    translation: Array
    size: Array


def project(points: Array, pose: Pose) -> Array:
    """Project points [T, n, 3] in mm at rest to pixels [T, n, 3]: x right, y down, z to the viewer."""
    turned = points @ pose.rotation.swapaxes(-1, -2) * pose.size[:, None, None]
    turned[..., 1] *= -1
    turned[..., :2] += pose.translation[:, None]
    return np.asarray(turned)


def first_pose(points: Array, observed: Array) -> Pose:
    """Pose of rigid points [n, 3] in each picture [T, n, 2]: least squares, then the nearest scaled rotation."""
    middle = points.mean(axis=0)
    flipped = observed * (1.0, -1.0)
    center = flipped.mean(axis=1)
    # affine: [T, 2, 3], the best map without regard for right angles
    affine = (np.linalg.pinv(points - middle) @ (flipped - center[:, None])).swapaxes(-1, -2)
    u, stretch, v = np.linalg.svd(affine, full_matrices=False)
    size = stretch.mean(axis=1)
    rows = u @ v
    rotation = np.concatenate([rows, np.cross(rows[:, 0], rows[:, 1])[:, None]], axis=1)
    shift = center - size[:, None] * (rows @ middle)
    return Pose(rotation=rotation, translation=shift * (1.0, -1.0), size=size)


def rotation_matrices(vectors: Tensor) -> Tensor:
    """Rotation matrices [T, 3, 3] of axis-angle vectors [T, 3], in radians."""
    zero = torch.zeros_like(vectors[:, 0])
    x, y, z = vectors.unbind(1)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], 1).unflatten(1, (3, 3))
    return torch.linalg.matrix_exp(cross)
