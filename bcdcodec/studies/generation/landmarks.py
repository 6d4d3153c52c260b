"""Landmarks decoded from motion codes, without decoding pictures, and their errors.

codes -> code vectors -> `Bcd.landmark_displacements` + landmarks of the content -> in % of its inter-ocular distance

Whole folders are measured in seconds; errors of the picture decoder are not seen.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from bcdcodec.codec.model import CodecModel
from bcdcodec.errors import ConfigError
from bcdcodec.model.landmarks import picture_displacements
from bcdcodec.training.data.code_streams import CodeStream
from bcdcodec.video.landmarks import LEFT_EYE, RIGHT_EYE

#: float64 [T, L, 2], in % of the inter-ocular distance (outer corners of the eyes).
FaceLandmarks = NDArray[np.float64]


class LandmarkReader:
    """Decodes the landmarks of a codec's codes. ConfigError for a model without a landmark head."""

    def __init__(self, model: CodecModel) -> None:
        if not model.config.denoiser.landmarks:
            raise ConfigError(f"model {model.config.name} does not tell the points of a face from codes")
        self._bcd = model.bcd

    @torch.inference_mode()
    def __call__(self, stream: CodeStream, codes: NDArray[np.integer] | None = None) -> FaceLandmarks:
        """Landmarks of codes [T, G] with a stream's content; of its own codes where none are given.

        ConfigError where the content shows no face.
        """
        if stream.landmarks is None or not np.isfinite(stream.landmarks).all():
            raise ConfigError(f"the content of a code stream of {stream.person} shows no face")
        values = torch.from_numpy(np.asarray(stream.codes if codes is None else codes, np.int64))
        normalized = self._bcd.landmark_displacements(self._bcd.quantizer.lookup(values[None]))
        reference = torch.from_numpy(stream.landmarks).to(normalized)
        displacements = picture_displacements(normalized, reference[None])[0].double().cpu().numpy()
        positions = stream.landmarks.astype(np.float64)
        unit = float(np.linalg.norm(positions[LEFT_EYE] - positions[RIGHT_EYE])) / 100
        landmarks: FaceLandmarks = (positions + displacements) / unit
        return landmarks


def with_faces(streams: Sequence[CodeStream]) -> list[CodeStream]:
    """The streams whose content shows a face: the others have no landmarks to compare."""
    return [item for item in streams if item.landmarks is not None and np.isfinite(item.landmarks).all()]


def landmark_error(found: FaceLandmarks, expected: FaceLandmarks) -> NDArray[np.float64]:
    """Mean distance of the landmarks of each frame: [T]."""
    return np.asarray(np.linalg.norm(found - expected, axis=-1).mean(-1))


def landmark_flicker(found: FaceLandmarks, expected: FaceLandmarks) -> NDArray[np.float64]:
    """Mean distance of the landmarks' frame-to-frame steps: [T - 1]."""
    return landmark_error(np.diff(found, axis=0), np.diff(expected, axis=0))
