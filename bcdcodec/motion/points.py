"""Where points of the face go, read off codes alone. In: codes and content. Out: points, errors, flicker.

codes -> code vectors -> `Bcd.landmark_displacements` -> in % of the distance of the eyes in the content

Nothing is painted, so whole folders are measured in seconds; what painting adds is not seen.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from bcdcodec.codec.model import CodecModel
from bcdcodec.errors import ConfigError
from bcdcodec.training.data.code_streams import CodeStream
from bcdcodec.video.landmarks import LEFT_EYE, RIGHT_EYE

#: float64 [T, L, 2], in % of the distance of the eyes' outer corners.
FacePoints = NDArray[np.float64]


class PointReader:
    """Reads the points of a codec's codes. ConfigError for a model that was not trained to tell them."""

    def __init__(self, model: CodecModel) -> None:
        if not model.config.denoiser.landmarks:
            raise ConfigError(f"model {model.config.name} does not tell the points of a face from codes")
        self._bcd = model.bcd

    @torch.inference_mode()
    def __call__(self, stream: CodeStream, codes: NDArray[np.integer] | None = None) -> FacePoints:
        """Points of the codes [T, G] of a stream's content; its own codes where none are given."""
        found = torch.from_numpy(np.asarray(stream.codes if codes is None else codes, np.int64))
        moved = self._bcd.landmark_displacements(self._bcd.quantizer.lookup(found[None]))[0].double().numpy()
        content = torch.from_numpy(np.asarray(stream.content, np.float32))[None]
        places = self._bcd.landmark_positions(content)[0].double().numpy()
        unit = float(np.linalg.norm(places[LEFT_EYE] - places[RIGHT_EYE])) / 100
        points: FacePoints = (places + moved) / unit
        return points


def point_error(found: FacePoints, expected: FacePoints) -> NDArray[np.float64]:
    """Mean distance of the points of each frame: [T]."""
    return np.asarray(np.linalg.norm(found - expected, axis=-1).mean(-1))


def point_flicker(found: FacePoints, expected: FacePoints) -> NDArray[np.float64]:
    """How differently the points move from each frame to the next, mean distance of the steps: [T - 1]."""
    return point_error(np.diff(found, axis=0), np.diff(expected, axis=0))
