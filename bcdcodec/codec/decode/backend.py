"""What a decoder asks of a model, whatever runs its networks: torch (torch_backend.py) or onnxruntime (codec/onnx)."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.records import CodingMode, ContentRecord
from bcdcodec.codec.decode.references import LoadedReference
from bcdcodec.codec.decode.segment import DecodedWindow, Motion, Segment, WindowSettings
from bcdcodec.codec.decode.settings import DecodeSettings
from bcdcodec.config import ModelConfig
from bcdcodec.entropy.motion import MotionCoder


class DecoderBackend(Protocol):
    """The networks of one stream's decoder. noise: of its segments, None where none is drawn."""

    noise: Any

    @property
    def networks(self) -> object:
        """What backends that may decode each other's segments share."""
        ...

    def load(self, record: ContentRecord) -> LoadedReference:
        """The reference of a whole record, or what replaces it. Raises BitstreamError."""
        ...

    def vectors(self, codes: NDArray[np.int64]) -> Motion:
        """Code vectors float32 [n, G*D] of codes [n, G]."""
        ...

    def decode(self, segments: Sequence[Segment], settings: WindowSettings, *, one_window: bool) -> list[DecodedWindow]:
        """Decode the frames that wait in segments, of which each is advanced; one_window: the first window of each."""
        ...


class DecodingModel(Protocol):
    """A model that streams can be decoded by: `CodecModel` or `OnnxModel`."""

    @property
    def config(self) -> ModelConfig: ...

    @property
    def model_id(self) -> bytes:
        """The id that its streams carry."""
        ...

    @property
    def frame_rate(self) -> Fraction:
        """Frame rate that it was trained at, in frames per second."""
        ...

    def coder(self, mode: CodingMode, groups: int | None = None) -> MotionCoder:
        """Coder of the first `groups` codebooks, None for all."""
        ...

    def backend(self, header: StreamHeader, settings: DecodeSettings) -> DecoderBackend:
        """The networks for a decoder of one stream. ConfigError for settings that they cannot follow."""
        ...
