"""Fit of the 3D face model to the face meshes of a video.

    meshes -> pose of the mean face, in closed form -> all coefficients together by L-BFGS: distance of the points in
    the picture + priors on identity (one for the video) and expression (one a frame, strengths of 0 to 1)

After Wood et al. (2022), which the paper uses: dense landmarks, an optimisation over the whole video, identity shared.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bcdcodec.errors import ConfigError, FaceError
from bcdcodec.evaluation.face3d.camera import Pose, first_pose, project, rotation_matrices
from bcdcodec.evaluation.face3d.head import HeadModel, shipped_head
from bcdcodec.video.landmarks import LEFT_EYE, POINTS, RIGHT_EYE

#: Weights of the priors in mm^2: what a squared standard deviation of identity, or full strength, costs. Chosen on
#: clips of 13 people, by how well the identities of their clips tell them apart.
IDENTITY_PRIOR = 0.05
EXPRESSION_PRIOR = 0.2
#: The same for what an expression lacks to 0 or exceeds 1 by.
RANGE_PENALTY = 100.0
ITERATIONS = 200
#: Pixels per mm: a face 5 pixels wide.
MIN_SIZE = 0.03
#: A radian and a doubling move a face by about this many mm, full strength of an expression by about this many.
_ARM_MM, _EXPRESSION_MM = 50.0, 10.0

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FaceFit:
    """Fitted coefficients; rows of frames without a face are NaN.

    identity: [K] standard deviations. expression: [T, E] of 0 to 1. rotation: [T, 3, 3]. translation: [T, 2] pixels.
    scale: pixels per mm of the video. zoom: [T], size of the head in a frame by that. present: [T].
    reprojection_error: mean distance of the points in % of the distance between the outer corners of the eyes on the
    fitted head; reprojection_px: the same in pixels.
    """

    identity: Array
    expression: Array
    rotation: Array
    translation: Array
    scale: float
    zoom: Array
    present: Mask
    reprojection_error: float
    reprojection_px: float
    head: HeadModel

    @property
    def pose(self) -> Pose:
        return Pose(rotation=self.rotation, translation=self.translation, size=self.scale * self.zoom)


def fit_video(meshes: NDArray[np.floating], missing: Mask | None = None, *, head: HeadModel | None = None) -> FaceFit:
    """Fit one shot of one person. meshes: [T, 478, 2 or 3] pixels, of which x and y are used. missing: [T], frames
    without a face, whose meshes are not looked at; without it those that hold NaN. FaceError if no frame has a face.
    """
    head = head or shipped_head()
    present = _present(meshes, missing)
    observed = meshes[present][:, head.points_of, :2].astype(np.float64)
    if not np.isfinite(observed).all():
        raise ConfigError("meshes hold values that are no numbers in frames that are not missing")
    mean, _, _ = head.point_model()
    start = first_pose(mean, observed)
    if start.size.min() <= MIN_SIZE:
        raise FaceError(f"a face of {start.size.min():.3g} pixels per mm cannot be fitted, {MIN_SIZE} is the smallest")
    identity, expression, pose = _solve(head, observed, start)
    points = head.points(identity, expression)
    distance = np.linalg.norm(project(points, pose)[..., :2] - observed, axis=2).mean(axis=1)
    eyes = [int(np.flatnonzero(head.points_of == index)[0]) for index in (LEFT_EYE, RIGHT_EYE)]
    unit = pose.size * np.linalg.norm(points[:, eyes[0]] - points[:, eyes[1]], axis=1)
    scale = float(np.exp(np.log(pose.size).mean()))
    return FaceFit(
        identity=identity,
        expression=_spread(expression, present),
        rotation=_spread(pose.rotation, present),
        translation=_spread(pose.translation, present),
        scale=scale,
        zoom=_spread(pose.size / scale, present),
        present=present,
        reprojection_error=float(100 * (distance / unit).mean()),
        reprojection_px=float(distance.mean()),
        head=head,
    )


def _present(meshes: NDArray[np.floating], missing: Mask | None) -> Mask:
    if meshes.ndim != 3 or meshes.shape[1] != POINTS or meshes.shape[2] not in (2, 3):
        raise ConfigError(f"meshes are {meshes.shape}, need [frames, {POINTS}, 2 or 3]")
    if missing is None:
        missing = np.isnan(meshes).any(axis=(1, 2))
    if missing.shape != meshes.shape[:1] or missing.dtype != np.bool_:
        raise ConfigError(f"missing is {missing.dtype} {missing.shape}, needs bool ({len(meshes)},)")
    if missing.all():
        raise FaceError(f"none of {len(meshes)} frames has a face, fitting needs at least one")
    return ~missing


def _spread(values: Array, present: Mask) -> Array:
    """Scatter rows of the frames with a face to all frames, NaN elsewhere."""
    spread = np.full((len(present), *values.shape[1:]), np.nan)
    spread[present] = values
    return spread


def _solve(head: HeadModel, observed: Array, start: Pose) -> tuple[Array, Array, Pose]:
    """Minimise over everything at once, from the mean face at rest in the pose `start`.

    Parameters are scaled to mm on the face, which L-BFGS, having no scale of its own, needs.
    """
    frames, mm = len(observed), float(start.size.mean())
    mean, modes, units = (torch.from_numpy(values) for values in head.point_model())
    target, first = torch.from_numpy(observed), torch.from_numpy(start.rotation)
    shift, size = torch.from_numpy(start.translation), torch.from_numpy(start.size)
    beta = torch.zeros(len(modes), dtype=torch.float64, requires_grad=True)
    # columns: expression, rotation, translation, size
    rows = torch.zeros(frames, len(units) + 6, dtype=torch.float64, requires_grad=True)
    mirror = torch.tensor([1.0, -1.0], dtype=torch.float64)

    def unpack() -> tuple[Tensor, Tensor, Tensor, Tensor]:
        parts = rows.split([len(units), 3, 2, 1], 1)
        rotation = rotation_matrices(parts[1] / _ARM_MM) @ first
        return parts[0] / _EXPRESSION_MM, rotation, shift + parts[2] * mm, size * (parts[3][:, 0] / _ARM_MM).exp()

    def energy() -> Tensor:
        psi, rotation, translation, sizes = unpack()
        shape = (mean + torch.einsum("k,knc->nc", beta, modes)) + torch.einsum("te,enc->tnc", psi, units)
        flat = shape @ rotation[:, :2].mT * sizes[:, None, None] * mirror + translation[:, None]  # [T, n, 2]
        outside = (-psi).clamp(min=0).square() + (psi - 1).clamp(min=0).square()
        return (
            ((flat - target) / mm).square().sum(2).mean()
            + IDENTITY_PRIOR * beta.square().sum()
            + (EXPRESSION_PRIOR * psi.square() + RANGE_PENALTY * outside).sum(1).mean()
        )

    optimizer = torch.optim.LBFGS(
        [beta, rows], max_iter=ITERATIONS, history_size=20, line_search_fn="strong_wolfe", tolerance_change=1e-7
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = energy()
        loss.backward()
        return loss

    optimizer.step(closure)
    with torch.no_grad():
        psi, rotation, translation, sizes = (values.numpy() for values in unpack())
    pose = Pose(rotation=rotation, translation=translation, size=sizes)
    return beta.detach().numpy().copy(), np.clip(psi, 0, 1), pose
