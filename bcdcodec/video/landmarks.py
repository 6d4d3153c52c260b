"""Face mesh of 478 landmarks, irises included, by MediaPipe's network, with the extra `encode`."""

import numpy as np
from numpy.typing import NDArray

from bcdcodec.frame import Frame
from bcdcodec.video.face import detect_faces
from bcdcodec.video.face_networks import MESH, run_network

#: Landmarks of the mesh.
POINTS = 478
#: Side in pixels of the network's input.
_INPUT = 256
#: Side of the square that is cropped for the network, as a multiple of the longer side of the face.
_CONTEXT = 1.5
#: Least logit of the network's face-presence output.
_MIN_PRESENCE = 0.0
#: Outer corners of the right and left eye in the mesh.
RIGHT_EYE, LEFT_EYE = 33, 263
MOUTH = (
    *(0, 13, 14, 17, 37, 39, 40, 61, 78, 80, 81, 82, 84, 87, 88, 91, 95, 146, 178, 181, 185, 191),
    *(267, 269, 270, 291, 308, 310, 311, 312, 314, 317, 318, 321, 324, 375, 402, 405, 409, 415),
)
#: Eyelids of the right and the left eye.
LIDS = (
    (7, 33, 133, 144, 145, 153, 154, 155, 157, 158, 159, 160, 161, 163, 173, 246),
    (249, 263, 362, 373, 374, 380, 381, 382, 384, 385, 386, 387, 388, 390, 398, 466),
)
IRISES = ((468, 469, 470, 471, 472), (473, 474, 475, 476, 477))
EYES = (*LIDS[0], *LIDS[1], *IRISES[0], *IRISES[1])
#: Face contour: forehead, temples, jaw and chin.
CONTOUR = (
    *(10, 21, 54, 58, 67, 93, 103, 109, 127, 132, 136, 148, 149, 150, 152, 162, 172, 176, 234),
    *(251, 284, 288, 297, 323, 332, 338, 356, 361, 365, 377, 378, 379, 389, 397, 400, 454),
)
#: Pairs of inner landmarks, upper and lower, of the lips and of the eyelids of both eyes.
OPENINGS = {"mouth": ((13, 14), (82, 87), (312, 317)), "eyes": ((159, 145), (158, 153), (386, 374), (385, 380))}

Points = NDArray[np.float32]


def landmarks(frame: Frame) -> Points | None:
    """Mesh of the largest face, float32 [POINTS, 3]: x, y in pixels (y down), z in the same unit; None without a face.

    Two passes: the first mesh gives the position, size and roll of the crop for the second. MissingExtraError without
    the packages of the extra.
    """
    faces = detect_faces(frame)
    if not faces:
        return None
    face = max(faces, key=lambda face: face.area)
    first = _mesh(frame, face.center, _CONTEXT * max(face.width, face.height), 0.0)
    return None if first is None else landmarks_near(frame, first)


def follow_landmarks(frame: Frame, before: Points | None) -> Points | None:
    """Mesh of the face that the frame before showed at `before`, of the largest one where it is lost, or None.

    One pass of the mesh network while a face is followed; finding one costs a detection and a second pass.
    """
    found = None if before is None else landmarks_near(frame, before)
    return landmarks(frame) if found is None else found


def landmarks_near(frame: Frame, first: Points) -> Points | None:
    """Mesh from a crop at the position, size and roll of another frame's mesh; None without a face."""
    eyes = first[LEFT_EYE] - first[RIGHT_EYE]
    low, high = first[:, :2].min(axis=0), first[:, :2].max(axis=0)
    center = float((low[0] + high[0]) / 2), float((low[1] + high[1]) / 2)
    return _mesh(frame, center, _CONTEXT * float((high - low).max()), float(np.arctan2(eyes[1], eyes[0])))


def _mesh(frame: Frame, center: tuple[float, float], side: float, roll: float) -> Points | None:
    """Mesh from one pass over a square given by its centre, side and roll (radians, clockwise on screen)."""
    step = side / _INPUT
    turn = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]], np.float32) * step
    grid = np.arange(_INPUT, dtype=np.float32) + 0.5 - _INPUT / 2
    across, down = np.meshgrid(grid, grid)
    x = center[0] + turn[0, 0] * across + turn[0, 1] * down
    y = center[1] + turn[1, 0] * across + turn[1, 1] * down
    outputs = run_network(MESH, _sample(frame.pixels, x, y) / np.float32(255))
    mesh = next(value for value in outputs if value.size == POINTS * 3).reshape(POINTS, 3)
    presence = next(value for value in outputs if value.shape == (1, 1, 1, 1))  # the other scalar is the tongue
    if float(presence[0, 0, 0, 0]) < _MIN_PRESENCE:
        return None
    flat = (mesh[:, :2] - _INPUT / 2) @ turn.T + np.array(center, np.float32)
    return np.concatenate([flat, mesh[:, 2:] * step], axis=1).astype(np.float32)


def _sample(pixels: NDArray[np.uint8], x: Points, y: Points) -> Points:
    """Bilinear samples at positions in pixel-edge coordinates; the border repeats outside."""
    height, width = pixels.shape[:2]
    x, y = np.clip(x - np.float32(0.5), 0, width - 1), np.clip(y - np.float32(0.5), 0, height - 1)
    left, top = x.astype(np.intp), y.astype(np.intp)
    fx, fy = x - left.astype(np.float32), y - top.astype(np.float32)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    # Planes of the part that is sampled: three times as fast as pixels of three channels.
    rows, columns = slice(top.min(), bottom.max() + 1), slice(left.min(), right.max() + 1)
    part = pixels[rows, columns]
    planes = part.transpose(2, 0, 1).reshape(3, -1).astype(np.float32)
    left, right = left - columns.start, right - columns.start
    top, bottom = (top - rows.start) * part.shape[1], (bottom - rows.start) * part.shape[1]
    upper = _mix(planes.take(top + left, 1), planes.take(top + right, 1), fx)
    lower = _mix(planes.take(bottom + left, 1), planes.take(bottom + right, 1), fx)
    return np.ascontiguousarray(_mix(upper, lower, fy).transpose(1, 2, 0))


def _mix(first: Points, second: Points, share: Points) -> Points:
    """`first` and a share of the way to `second`, which is overwritten: fresh memory costs more than arithmetic."""
    second -= first
    second *= share
    second += first
    return second
