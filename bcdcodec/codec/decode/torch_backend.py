"""The networks of a decoder run by torch: references of records, code vectors, and windows of pictures."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.records import ContentRecord
from bcdcodec.codec.content import content_of_record, driver_face
from bcdcodec.codec.decode.references import LoadedReference
from bcdcodec.codec.decode.segment import DecodedWindow, Motion, Segment, WindowSettings
from bcdcodec.codec.decode.settings import DecodeSettings
from bcdcodec.codec.decode.windows import decode_segments
from bcdcodec.codec.model import CodecModel
from bcdcodec.codec.retarget import Retargeter
from bcdcodec.frame import CropBox
from bcdcodec.model.content import Content
from bcdcodec.model.noise import FrameNoise


class TorchBackend:
    """`DecoderBackend` of a `CodecModel`, for one stream."""

    def __init__(self, model: CodecModel, header: StreamHeader, settings: DecodeSettings) -> None:
        self._model = model
        self._loader = ReferenceLoader(model, settings.content, relative=settings.relative)
        self.noise = FrameNoise(
            header.coding.seed if settings.seed is None else settings.seed,
            model.noise_shape,
            shared=model.config.denoiser.shared_noise,
            device=model.device,
        )

    @property
    def networks(self) -> object:
        """What backends that may decode each other's segments share."""
        return self._model.networks

    def load(self, record: ContentRecord) -> LoadedReference:
        """The reference of a whole record, or what replaces it."""
        return self._loader.load(record)

    @torch.inference_mode()
    def vectors(self, codes: NDArray[np.int64]) -> Motion:
        """Code vectors [n, G*D] of codes [n, G]."""
        given = torch.from_numpy(codes).to(self._model.device)
        vectors: Motion = self._model.bcd.quantizer.lookup(given[None])[0].float().cpu().numpy()
        return vectors

    def decode(self, segments: Sequence[Segment], settings: WindowSettings, *, one_window: bool) -> list[DecodedWindow]:
        """`windows.decode_segments` by the model's networks."""
        return decode_segments(self._model.networks, segments, settings, one_window=one_window)


class ReferenceLoader:
    """Makes references of records. replacement: content that takes the place of theirs, None for none; relative: it
    stays where it is (`DecodeSettings.relative`).
    """

    def __init__(self, model: CodecModel, replacement: Content | None, *, relative: bool) -> None:
        self._model, self._replacement = model, replacement
        self._retargeter = None if replacement is None or relative else Retargeter(model, replacement)

    def load(self, record: ContentRecord) -> LoadedReference:
        """The reference of a whole record, or what replaces it."""
        box = CropBox(x=record.x, y=record.y, size=record.size)
        if self._replacement is None:
            return LoadedReference(content_of_record(self._model, record), None, box)
        if self._retargeter is None:
            return LoadedReference(self._replacement, None, box)
        placed = self._retargeter.follow(driver_face(self._model, record))
        offset = None if placed.motion is None else placed.motion.cpu().numpy()
        return LoadedReference(placed.content, offset, box)
