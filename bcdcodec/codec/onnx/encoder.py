"""The networks of encoders run by onnxruntime: contents, codes of frames, and pictures warped to them."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bcdcodec.bitstream.records import ContentCoding
from bcdcodec.codec.encode.backend import SHRINK, MotionCodes
from bcdcodec.codec.motion_reference import MotionReference
from bcdcodec.codec.onnx.backend import ABSENT
from bcdcodec.codec.onnx.content import OnnxContent, decode_content, to_picture
from bcdcodec.codec.onnx.folder import (
    ANALYZE,
    ANALYZE_LATENTS,
    COMPARE,
    COMPARE_ROUGH,
    CONTENT,
    DISPLACE,
    MOTION,
    WARP,
)
from bcdcodec.codec.window import Floats, Window, windows_of
from bcdcodec.errors import ConfigError

if TYPE_CHECKING:
    from bcdcodec.codec.onnx.model import Graph, OnnxModel

#: Frames that are warped together.
FRAMES_AT_ONCE = 16
NO_REFINEMENT = "onnxruntime does not refine codes: effort needs torch"
NO_LEVELS = "onnxruntime encodes references as pictures: content of levels needs torch"


class OnnxEncoder:
    """`EncoderBackend` of an `OnnxModel`. graphs: of the encoder, by name."""

    def __init__(self, model: "OnnxModel", graphs: "dict[str, Graph]") -> None:
        self._model, self._graphs = model, model.graphs | graphs

    def check(self, effort: int) -> None:
        """ConfigError for refinement, and for a model that codes its content as levels."""
        if effort:
            raise ConfigError(NO_REFINEMENT)
        if not self._model.config.content.picture_bits:
            raise ConfigError(NO_LEVELS)

    def latents(self, pixels: NDArray[np.uint8]) -> Floats:
        """Latents [T, C, H, W] of frames [T, P, P, 3]."""
        return np.concatenate([self._run(CONTENT, picture=to_picture(frame)) for frame in pixels])

    def content(self, coding: ContentCoding, data: bytes) -> OnnxContent:
        """Content of a record as the decoder has it. Raises BitstreamError."""
        return decode_content(self._model, coding, data)

    def frame_content(self, pixels: NDArray[np.uint8], latents: Floats, landmarks: Floats) -> OnnxContent:
        """A frame [P, P, 3] as the content that it would be."""
        return OnnxContent.of_picture(self._model, pixels, landmarks, latents=latents)

    def levels(self, latents: Floats) -> NDArray[np.int16]:
        """ConfigError."""
        raise ConfigError(NO_LEVELS)

    def analyze(self, shot: Window, frames: Sequence[int], reference: MotionReference) -> MotionCodes:
        """Nearest codes of some frames of a shot in order, of all groups."""
        face, wanted = reference.face, list(frames)
        is_enough = ANALYZE in self._graphs and bool(np.isfinite(face).all())  # landmarks, where frames have them
        known = np.asarray(np.isfinite(shot.landmarks).all((1, 2)) & is_enough)
        if known.all():  # then frames do not depend on those beside them
            distances = self._run(ANALYZE, landmarks=shot.landmarks[wanted], face=face)
            return distances.argmin(-1), distances
        parts = list[Floats]()
        for window, rows in windows_of(wanted, self._model.config.window_frames):
            landmarks = shot.landmarks[window]
            if known[window].all():
                parts.append(self._run(ANALYZE, landmarks=landmarks[rows], face=face))
                continue
            given = {"latents": shot.latents[window], "content_map": reference.content.map}
            parts.append(self._run(ANALYZE_LATENTS, **given, landmarks=landmarks, face=face)[rows])
        distances = np.concatenate(parts)
        return distances.argmin(-1), distances

    def refine(self, window: Window, reference: MotionReference, *, steps: int, groups: int) -> MotionCodes:
        """ConfigError."""
        raise ConfigError(NO_REFINEMENT)

    def displacements(self, codes: NDArray[np.int64]) -> Floats:
        """Displacements of landmarks [T, L, 2] by codes [T, G]."""
        return self._run(DISPLACE, motion=self._model.vectors(codes))

    def warps(self, content: OnnxContent, codes: NDArray[np.int64], *, shrink: int) -> Floats:
        """The picture of a content moved by codes [T, G]: [T, 3, S, S]."""
        motion, name = self._model.vectors(codes), _graph_of(shrink, {1: WARP, SHRINK: COMPARE})

        def warped(some: slice) -> Floats:
            positions = self._run(MOTION, motion=motion[some], landmarks=content.landmarks)
            given = {"motion": motion[some], "content_map": content.map, "picture": content.picture}
            return self._warped(name, positions, content.landmarks, shrink, **given)

        return _in_parts(warped, len(codes))

    def rough_warps(self, pixels: NDArray[np.uint8], face: Floats, landmarks: Floats, *, shrink: int) -> Floats:
        """A picture [P, P, 3] moved by the landmarks alone: [T, 3, S, S]."""
        picture, name = to_picture(pixels), _graph_of(shrink, {SHRINK: COMPARE_ROUGH})
        positions = np.nan_to_num(face, nan=ABSENT) + np.nan_to_num(landmarks - face, nan=0.0)
        return _in_parts(
            lambda some: self._warped(name, positions[some], face, shrink, picture=picture), len(landmarks)
        )

    def _warped(self, name: str, positions: Floats, face: Floats, shrink: int, **given: NDArray[Any]) -> Floats:
        """Warps of a graph for landmarks at these positions [T, L, 2]. face: of the picture [L, 2]."""
        still = np.nan_to_num(face, nan=ABSENT)
        shown = self._model.mesh.shown(positions, still, self._model.config.pixels // shrink)
        return self._run(name, **given, landmarks=still, positions=positions, shown=shown)

    def _run(self, name: str, **values: NDArray[Any]) -> Floats:
        """The first output of a graph."""
        output: Floats = self._graphs[name].run(None, values)[0]
        return output


def _graph_of(shrink: int, names: dict[int, str]) -> str:
    assert shrink in names, "graphs are of these sizes alone"
    return names[shrink]


def _in_parts(warped: Callable[[slice], Floats], frames: int) -> Floats:
    """What a function makes of all frames, some at a time."""
    starts = range(0, frames, FRAMES_AT_ONCE)
    return np.concatenate([warped(slice(start, start + FRAMES_AT_ONCE)) for start in starts])
