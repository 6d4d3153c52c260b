"""3D errors of a transfer in mm^2, Eqs. 6 to 11 of the paper's supplement.

    shape_error(content, result)             identity alone: M(beta, 0, 0, 0)
    motion_error(motion, result)             motion alone:   M(0, theta, psi, t)
    transfer_error(content, motion, result)  everything:     M(beta, theta, psi, t)

Each is the mean over vertices (and frames) of the squared distance; its square root is in mm of an average head.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bcdcodec.errors import ConfigError, FaceError
from bcdcodec.evaluation.face3d.camera import Pose, project
from bcdcodec.evaluation.face3d.fit import FaceFit

Array = NDArray[np.float64]


def shape_error(content: FaceFit, result: FaceFit) -> float:
    """Eqs. 6 and 7: distance of the two identities at rest; lengths may differ. 0 is best."""
    _check_head(content, result)
    rest = np.zeros((1, len(content.head.names)))
    first, second = (fit.head.vertices(fit.identity, rest) for fit in (content, result))
    return _mean_square(first - second)


def motion_error(motion: FaceFit, result: FaceFit) -> float:
    """Eqs. 8 and 9: distance of the motions, pose included, both on the average head, frame by frame. 0 is best.

    Frames without a face in either video are left out; FaceError if none are left.
    """
    average = np.zeros(len(motion.head.identity))
    return _moving_error(motion, result, (average, average))


def motion_error_from_start(motion: FaceFit, result: FaceFit) -> float:
    """Relative motion: motion error after a rigid alignment of the result's head in the first frame with both faces.

    With one such frame, expressions are compared.
    """
    both = motion.present & result.present
    if len(motion.present) != len(result.present) or not both.any():
        return motion_error(motion, result)  # raises
    start = int(np.flatnonzero(both)[0])
    larger = motion.scale * motion.zoom[start] / (result.scale * result.zoom[start])
    moved = replace(
        result,
        rotation=result.rotation @ result.rotation[start].T @ motion.rotation[start],
        translation=motion.translation[start] + larger * (result.translation - result.translation[start]),
        zoom=result.zoom * larger,
    )
    return motion_error(motion, moved)


def transfer_error(content: FaceFit, motion: FaceFit, result: FaceFit) -> float:
    """Eqs. 10 and 11: distance from what the transfer should show, the identity of one video with the motion of the
    other. 0 is best; content may be motion. Frames are treated as in `motion_error`.
    """
    _check_head(content, result)
    return _moving_error(motion, result, (content.identity, result.identity))


def _moving_error(motion: FaceFit, result: FaceFit, identities: tuple[Array, Array]) -> float:
    _check_head(motion, result)
    if len(motion.present) != len(result.present):
        raise ConfigError(f"videos have {len(motion.present)} and {len(result.present)} frames, need equally many")
    both = motion.present & result.present
    if not both.any():
        raise FaceError(f"no frame of {len(both)} has a face in both videos, comparing needs at least one")
    first, second = (
        project(fit.head.vertices(identity, fit.expression[both]), _at(fit.pose, both))
        for fit, identity in zip((motion, result), identities, strict=True)
    )
    # Both pictures are one size: positions are compared in pixels, and become mm by the scale of the motion's video.
    return _mean_square((first - second) / motion.scale)


def _at(pose: Pose, frames: NDArray[np.bool_]) -> Pose:
    return Pose(rotation=pose.rotation[frames], translation=pose.translation[frames], size=pose.size[frames])


def _mean_square(differences: Array) -> float:
    return float(np.square(differences).sum(axis=-1).mean())


def _check_head(first: FaceFit, result: FaceFit) -> None:
    if first.head is not result.head:
        raise ConfigError("videos were fitted with two face models, comparing needs one")
