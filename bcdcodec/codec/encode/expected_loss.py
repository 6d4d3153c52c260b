"""Expected LPIPS of frames made from a picture: by real warps, by what it hides of the face, and by its coding.

References are chosen by it: in files (references.py) and in calls (live_references.py).
"""

import numpy as np
from numpy.typing import NDArray

from bcdcodec.codec.encode.backend import EncodingModel
from bcdcodec.codec.motion_reference import MotionReference
from bcdcodec.codec.window import Floats, Window
from bcdcodec.model.triangles import triangles
from bcdcodec.video.landmarks import POINTS

#: Weight of the square around the face in the error of a warp; the rest of the picture has 1. With the plain squared
#: error a curtain decides how a face is seen.
FACE_WEIGHT, FACE_MARGIN = 4.0, 0.15
#: LPIPS of a warp by its mean squared error (of values from -1 to 1): a fit to seven validation clips at 17 to 28 dB.
WARP_LPIPS, WARP_EXPONENT = 1.5, 0.7
#: LPIPS of a face of which the picture shows nothing, and the share of its area in the frame from which a triangle of
#: the mesh shows something: the other half of a turned head is few pixels, which squared errors do not mind.
HIDDEN_LPIPS, MIN_SHOWN_AREA = 0.4, 0.3
#: LPIPS that a picture of so many kbit loses by its coding: 0.0584, 0.0242 and 0.0120 at 9, 17 and 27 kbit, mean of six
#: people. More pictures are nearer to the frames, and coarser.
CODING_LPIPS, CODING_EXPONENT = 1.4, -1.44

#: Factor of the mean squared error of rough losses: what a quarter of the size hides, 0.95 to 1.9 in eight validation
#: clips. Too small a one finds too few pictures, which a finer comparison cannot put right.
ROUGH_ERROR = 1.25

Losses = NDArray[np.float64]


class WarpComparison:
    """Frames of successive windows, to which pictures are warped.

    step: every which frame of a window, from frame `first` of it on, or the last of a shorter one; shrink: factor by
    which pictures and flow are smaller, 1 or SHRINK.
    """

    def __init__(self, model: EncodingModel, shot: Window, *, step: int, first: int = 0, shrink: int = 1) -> None:
        self._backend, self._shot, self._shrink = model.encoder_backend, shot, shrink
        length = model.config.window_frames
        frames = range(len(shot.pixels))
        windows = [frames[start : start + length] for start in frames[::length]]
        self._compared = [window[min(first, len(window) - 1) :: step] for window in windows]
        self._indices = [index for window in self._compared for index in window]
        self._true = _pictures(shot.pixels[self._indices], shrink)
        self._landmarks = shot.landmarks[self._indices]
        self._weights = face_weights(self._landmarks, self._true.shape[-1])

    def losses(self, reference: MotionReference) -> Losses:
        """Expected LPIPS of each window's frames, warped by nearest codes from the picture of a reference [windows]."""
        codes, _ = self._backend.analyze(self._shot, self._indices, reference)
        warps = self._backend.warps(reference.content, codes, shrink=self._shrink)
        return self._mean_losses(warps, reference.face)

    def rough_losses(self, pixels: NDArray[np.uint8], face: Floats) -> Losses:
        """The same for a picture [P, P, 3] moved by the landmarks alone, without codes and the flow network: a quarter
        of the time, for an order of many pictures.
        """
        warps = self._backend.rough_warps(pixels, face, self._landmarks, shrink=self._shrink)
        return self._mean_losses(warps, face, ROUGH_ERROR)

    def _mean_losses(self, warps: Floats, face: Floats, factor: float = 1.0) -> Losses:
        """Expected LPIPS of each window by the warps [T, 3, S, S] of a picture of this face. factor: of the error."""
        squares = np.square(warps - self._true).mean(1)  # [T, S, S]
        errors = factor * (squares * self._weights).sum((1, 2)) / self._weights.sum((1, 2))
        losses = WARP_LPIPS * errors**WARP_EXPONENT + HIDDEN_LPIPS * hidden_share(self._landmarks, face)
        ends = np.cumsum([*map(len, self._compared)])[:-1]
        return np.array([float(some.mean()) for some in np.split(losses, ends)])


def coding_loss(bits: float) -> float:
    """LPIPS that a picture of this size loses by its coding."""
    return float(CODING_LPIPS * (max(bits, 1.0) / 1000) ** CODING_EXPONENT)


def hidden_share(landmarks: Floats, face: Floats) -> Floats:
    """Share of the face of each frame that a picture hides or shows at a fraction of its size [T].

    landmarks: [T, L, 2]; face: of the picture [L, 2]; 0 for other landmarks than those of the mesh, and without a face.
    """
    if len(face) != POINTS:
        return np.zeros(len(landmarks), np.float32)
    areas, shown = _areas(landmarks).clip(min=0), _areas(face[None])
    with np.errstate(invalid="ignore"):  # of frames without a face, and of faces seen from behind
        share = (areas * (shown < MIN_SHOWN_AREA * areas)).sum(1) / areas.sum(1)
    hidden: Floats = np.nan_to_num(share, nan=0.0)
    return hidden


def _areas(landmarks: Floats) -> Floats:
    """Twice the signed area of each triangle of meshes [N, L, 2] in squared sizes of the face [N, M]."""
    corners, centers = landmarks[:, triangles()], landmarks.mean(1, keepdims=True)
    first, second = corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0]
    areas = first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]
    shares: Floats = areas / np.square(landmarks - centers).sum((1, 2))[:, None]
    return shares


def face_weights(landmarks: Floats, side: int) -> Floats:
    """Weights of pixels [T, side, side] for landmarks [T, L, 2] as fractions of the picture; 1 without a face."""
    weights = np.ones((len(landmarks), side, side), np.float32)
    places = (np.arange(side, dtype=np.float32) + 0.5) / side
    for weight, points in zip(weights, landmarks, strict=True):
        if len(points) and np.isfinite(points).all():
            margin = FACE_MARGIN * (points.max(0) - points.min(0))
            low, high = points.min(0) - margin, points.max(0) + margin
            across, down = ((places >= low[axis]) & (places <= high[axis]) for axis in (0, 1))
            weight[down[:, None] & across] = FACE_WEIGHT
    return weights


def _pictures(pixels: NDArray[np.uint8], shrink: int) -> Floats:
    """Frames [T, P, P, 3] as pictures [T, 3, S, S] in [-1, 1], smaller by a factor."""
    side = pixels.shape[1] // shrink
    blocks = pixels.reshape(len(pixels), side, shrink, side, shrink, 3)
    sums = blocks.sum((2, 4), dtype=np.float32)  # whole numbers, so that their order does not matter
    return np.ascontiguousarray((sums / np.float32(127.5 * shrink**2) - 1).transpose(0, 3, 1, 2))
