"""What an encoder asks of a model, whatever runs its networks: torch (torch_backend.py) or onnxruntime (codec/onnx)."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bcdcodec.bitstream.records import CodingMode, ContentCoding
from bcdcodec.codec.motion_reference import MotionReference
from bcdcodec.codec.window import Floats, Window
from bcdcodec.config import ModelConfig
from bcdcodec.entropy.motion import MotionCoder
from bcdcodec.entropy.predictor import Predictor
from bcdcodec.entropy.tables import Tables

#: Factor by which the pictures that a file's are chosen by are smaller. Exported graphs have it.
SHRINK = 4
#: Codes of frames int64 [T, g], and the squared distance of every entry float32 [T, g, E].
MotionCodes = tuple[NDArray[np.int64], Floats]


class EncoderBackend(Protocol):
    """The networks of encoders. They keep nothing of a stream: encoders share them, each in a thread of its own.

    Contents are for the backend that made them, without a batch dimension.
    """

    def check(self, effort: int) -> None:
        """Refuse a model that they cannot encode by, or steps of refinement that they cannot take, with ConfigError."""
        ...

    def latents(self, pixels: NDArray[np.uint8]) -> Floats:
        """Latents [T, C, H, W] of frames [T, P, P, 3]."""
        ...

    def content(self, coding: ContentCoding, data: bytes) -> Any:
        """Content of a record as the decoder has it. Raises BitstreamError."""
        ...

    def frame_content(self, pixels: NDArray[np.uint8], latents: Floats, landmarks: Floats) -> Any:
        """A frame [P, P, 3] as the content that it would be without any loss of coding."""
        ...

    def levels(self, latents: Floats) -> NDArray[np.int16]:
        """Content [C, H, W] of frames [n, C, H, W], of a model that codes it as levels."""
        ...

    def analyze(self, shot: Window, frames: Sequence[int], reference: MotionReference) -> MotionCodes:
        """Nearest codes of some frames of a shot in order, of all groups. Windows follow each other from the first
        frame of the shot.
        """
        ...

    def refine(self, window: Window, reference: MotionReference, *, steps: int, groups: int) -> MotionCodes:
        """Codes of a window after so many steps of refinement; distances include the rate."""
        ...

    def displacements(self, codes: NDArray[np.int64]) -> Floats:
        """Displacements of landmarks [T, L, 2] by codes [T, G], in the coordinates of the content's face."""
        ...

    def warps(self, content: Any, codes: NDArray[np.int64], *, shrink: int) -> Floats:
        """The picture of a content moved by codes [T, G]: [T, 3, S, S] in [-1, 1], smaller than it by a factor."""
        ...

    def rough_warps(self, pixels: NDArray[np.uint8], face: Floats, landmarks: Floats, *, shrink: int) -> Floats:
        """A picture [P, P, 3] moved by the landmarks alone, from those of its face [L, 2] to others [T, L, 2]; result
        as of `warps`.
        """
        ...


class EncodingModel(Protocol):
    """A model that streams can be encoded by: `CodecModel` or `OnnxModel`."""

    @property
    def config(self) -> ModelConfig: ...

    @property
    def model_id(self) -> bytes:
        """The id that its streams carry."""
        ...

    @property
    def name(self) -> str:
        """Name of its file or folder, for messages."""
        ...

    @property
    def tables(self) -> Tables: ...

    @property
    def predictor(self) -> Predictor | None:
        """Context model of the coding mode `context`, None where there is none."""
        ...

    @property
    def frame_rate(self) -> Fraction:
        """Frame rate that it was trained at, in frames per second."""
        ...

    @property
    def follows_faces(self) -> bool:
        """Whether its pictures are crops around a face."""
        ...

    @property
    def encoder_backend(self) -> EncoderBackend:
        """Its networks."""
        ...

    def coder(self, mode: CodingMode, groups: int | None = None) -> MotionCoder:
        """Coder of the first `groups` codebooks, None for all."""
        ...
