"""The 68 face landmarks of dlib, a judge that the codec has no part of, with the extra `judge`.

    picture -> dlib's face detector (HOG) -> largest box, and copies of it, shifted and scaled
            -> regression trees on each box -> mean of the points

Encoder and training read MediaPipe's mesh, so a codec could score well by that mesh without moving the face as well.
Nothing here is shared with it. The box is dlib's own too: the one that its predictor was trained on, and no detector of
the codec (in 408 frames of 51 clips it was found 403 times, the mesh 404 times). Regression trees jump where a box
moves by a pixel: the mean over seven boxes raised the correlation of apertures with those of the mesh, over six clips,
from 0.89 to 0.93 for the mouth and from 0.78 to 0.86 for the eyes.

Predictor: Kazemi and Sullivan, *One Millisecond Face Alignment with an Ensemble of Regression Trees*, 2014; its file
is that of the package `face-recognition-models`, learned from iBUG 300-W, whose licence excludes commercial use:
for evaluation only.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bcdcodec.evaluation.metrics.backbones import PackagedFile, import_extra
from bcdcodec.evaluation.metrics.landmark_layout import IBUG68
from bcdcodec.frame import Frame
from bcdcodec.video.landmarks import Points

EXTRA = "judge"
WEIGHTS = PackagedFile(
    package="face-recognition-models",
    path="face_recognition_models/models/shape_predictor_68_face_landmarks.dat",
    sha256="fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f",
    extra=EXTRA,
)
#: Shifts across and down of the boxes whose points are averaged, and their scales, in sides of the detected box.
BOXES = ((0, 0, 1), (0.05, 0, 1), (-0.05, 0, 1), (0, 0.05, 1), (0, -0.05, 1), (0, 0, 1.07), (0, 0, 0.93))
#: Doublings of the picture before faces are searched, until one is found: the detector needs faces of 80 pixels.
DOUBLINGS = (0, 1)


def landmarks68(frame: Frame) -> Points | None:
    """Landmarks of the largest face, float32 [68, 2]: x, y in pixels from the edge of the first one; None without a
    face. About 80 ms for 256x256 on one core.

    MissingExtraError without the packages of the extra, WeightsError with another file than the tested one.
    """
    rectangle, detect, predict = _dlib()
    pixels = np.ascontiguousarray(frame.pixels)
    faces: list[Any] = next((found for doublings in DOUBLINGS if (found := list(detect(pixels, doublings)))), [])
    if not faces:
        return None
    face = max(faces, key=lambda box: box.area())
    side, center = face.width(), ((face.left() + face.right()) / 2, (face.top() + face.bottom()) / 2)
    found = [_points(predict(pixels, rectangle(*_box(center, side, shift)))) for shift in BOXES]
    # dlib counts from the centre of the first pixel.
    return np.asarray(np.mean(found, axis=0) + 0.5, np.float32)


def _box(center: tuple[float, float], side: float, shift: tuple[float, float, float]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a square that is shifted and scaled."""
    x, y, half = center[0] + shift[0] * side, center[1] + shift[1] * side, shift[2] * side / 2
    return round(x - half), round(y - half), round(x + half), round(y + half)


def _points(shape: Any) -> NDArray[np.float64]:
    return np.array([(point.x, point.y) for point in shape.parts()], np.float64).reshape(IBUG68.points, 2)


@cache
def _dlib() -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
    """dlib's rectangle, face detector and shape predictor."""
    dlib = import_extra("dlib", extra=EXTRA)
    return dlib.rectangle, dlib.get_frontal_face_detector(), dlib.shape_predictor(str(WEIGHTS.checked_path()))
