"""Content of records as graphs take it: content map of a still, its picture, landmarks of its face."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bcdcodec.bitstream.face import split_face
from bcdcodec.bitstream.records import ContentCoding
from bcdcodec.codec.onnx.folder import CONTENT
from bcdcodec.codec.stills import decode_picture
from bcdcodec.entropy.landmarks import SUBPIXELS, decode_landmarks
from bcdcodec.entropy.tables import LANDMARKS
from bcdcodec.errors import BitstreamError

if TYPE_CHECKING:
    from bcdcodec.codec.onnx.model import OnnxModel

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class OnnxContent:
    """Content of a shot. map: [1, C, H, W]; picture: [1, 3, P, P] in [-1, 1]; landmarks: of its face [L, 2], fractions
    of the picture, NaN without one; rasters: of them [1, 3, P/2, P/2].
    """

    map: Floats
    picture: Floats
    landmarks: Floats
    rasters: Floats

    @classmethod
    def of_picture(
        cls, model: "OnnxModel", pixels: NDArray[np.uint8], landmarks: Floats, *, latents: Floats | None = None
    ) -> "OnnxContent":
        """Content of a picture [P, P, 3] with these landmarks. latents: its own [C, H, W], where they are known."""
        picture = to_picture(pixels)
        content_map = model.graphs[CONTENT].run(None, {"picture": picture})[0] if latents is None else latents[None]
        return cls(content_map, picture, landmarks, model.mesh.rasters(landmarks[None], model.config.pixels // 2))


def decode_content(model: "OnnxModel", coding: ContentCoding, data: bytes) -> OnnxContent:
    """Decode the content of a record. BitstreamError for one that is no picture of the model's size."""
    if coding is ContentCoding.LEVELS:
        raise BitstreamError("content is coded as levels, onnxruntime decodes pictures")
    side, tables = model.config.pixels, model.tables.landmarks
    assert tables is not None, "loaded models have tables of landmarks"
    landmarks, still = np.full((LANDMARKS, 2), np.nan, np.float32), data
    if coding is ContentCoding.FACE:
        coded, still = split_face(data)
        landmarks = (decode_landmarks(coded, tables) / (SUBPIXELS * side)).astype(np.float32)
    pixels = decode_picture(still)
    if pixels.shape[:2] != (side, side):
        raise BitstreamError(f"content picture is {pixels.shape[1]}x{pixels.shape[0]}, its model needs {side}")
    return OnnxContent.of_picture(model, pixels, landmarks)


def to_picture(pixels: NDArray[np.uint8]) -> Floats:
    """A picture [P, P, 3] as a batch of one [1, 3, P, P] in [-1, 1]."""
    return np.ascontiguousarray(pixels.astype(np.float32).transpose(2, 0, 1)[None]) / np.float32(127.5) - 1
