"""Reference picture or content token of a shot: coding and decoding.

levels:  latents of the central frame, or the encoder's content of some frames -> integer levels -> range coder
picture: reference frame (reference_choice.py) -> AV1 still, of which encoder and decoder take the latents
face:    the same, with the landmarks of the frame before it
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from bcdcodec.bitstream.face import join_face, split_face
from bcdcodec.bitstream.records import ContentCoding, ContentRecord
from bcdcodec.codec.model import CodecModel
from bcdcodec.codec.reference_choice import select_reference_frame, spread
from bcdcodec.codec.stills import decode_picture
from bcdcodec.codec.window import Window
from bcdcodec.entropy.content import decode_levels, encode_levels
from bcdcodec.entropy.landmarks import SUBPIXELS, decode_landmarks, encode_landmarks
from bcdcodec.errors import BitstreamError, RateError
from bcdcodec.model.content import Content, dequantize_content, quantize_content
from bcdcodec.model.disentangle import central_frame
from bcdcodec.model.landmarks import normalize_displacements
from bcdcodec.model.vae import from_uint8
from bcdcodec.video.crop import scale
from bcdcodec.video.still import StillSearch, encode_still

#: Frames that a content token of levels is computed from, spread evenly over the buffered start of a shot.
CONTENT_SAMPLES = 8
#: Room for a plain picture.
BLANK_BITS = 1600
#: Sides of the detail that a still is given: whole, half and so on.
MAX_HALVINGS = 6


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """The coded reference of a shot. content: as the decoder has it, without a batch dimension; face: landmarks of the
    frame that it shows [L, 2], unquantised, NaN without a face.
    """

    coding: ContentCoding
    data: bytes
    content: Content
    face: Tensor

    def displacements(self, window: Window) -> Tensor:
        """Displacements of a window's landmarks since the reference [T, L, 2], as the encoder takes them."""
        # Unquantised on both sides: what keeps still has no displacement.
        return normalize_displacements(window.landmarks[None], self.face[None])[0]


class MotionReference(Protocol):
    """What motion is relative to: the content that a reference shows, and the landmarks of its face."""

    @property
    def content(self) -> Content: ...

    def displacements(self, window: Window) -> Tensor: ...


@dataclass(frozen=True, eq=False)
class UncodedReference:
    """A frame as the reference that `code` makes of it, when its content is asked for: landmarks need none.

    face: as in `Reference`.
    """

    face: Tensor
    code: Callable[[], Reference]

    @cached_property
    def content(self) -> Content:
        """Content as the decoder would have it."""
        return self.code().content

    def displacements(self, window: Window) -> Tensor:
        """Displacements of a window's landmarks [T, L, 2], as of `Reference`."""
        return normalize_displacements(window.landmarks[None], self.face[None])[0]


def defer_reference(
    model: CodecModel, shot: Window, *, picture_bits: int, frame: int | None, central: bool
) -> UncodedReference:
    """Choose the frame that `encode_reference` would code, for a model that codes pictures, and leave it uncoded."""
    index = _reference_frame(model, shot, frame, central=central)
    pixels, face = shot.pixels[index : index + 1].copy(), shot.landmarks[index]  # a copy: the shot is large
    chosen = Window.of_frames(model, pixels, face[None])
    return UncodedReference(face, lambda: encode_reference(model, chosen, picture_bits=picture_bits, frame=0))


@torch.inference_mode()
def encode_reference(
    model: CodecModel,
    shot: Window,
    *,
    picture_bits: int,
    frame: int | None = None,
    central: bool = False,
    fast: bool = False,
) -> Reference:
    """Code the reference of a shot from its first frames.

    picture_bits: largest size of the still and the landmarks before it, for a model that codes pictures. frame: index
    of the one that becomes the still; None: a selected one, or with `central` the most central one. RateError if no
    still is that small.
    """
    config = model.config.content
    if config.picture_bits:
        index = _reference_frame(model, shot, frame, central=central)
        search = PictureSearch(model, shot, picture_bits=picture_bits, frame=index, fast=fast)
        while not search.step():
            pass
        return search.reference()
    sampled = spread(len(shot.latents), CONTENT_SAMPLES)
    frames = shot.latents[sampled][None]
    levels = quantize_content(model.bcd.encoder.content(frames), config)[0].cpu().numpy()
    data = encode_levels(levels, model.tables.content, max_level=config.max_level)
    shown = shot.landmarks[sampled[int(central_frame(frames))]]
    return Reference(ContentCoding.LEVELS, data, decode_content(model, ContentCoding.LEVELS, data), shown)


def _reference_frame(model: CodecModel, shot: Window, frame: int | None, *, central: bool) -> int:
    """Index of the frame that becomes the still: the one that is given, or a choice."""
    if frame is not None:
        return frame
    return int(central_frame(shot.latents[:][None])) if central else select_reference_frame(model, shot)


class PictureSearch:
    """The search of `encode_reference` for a model that codes pictures, one encoding at a time. Raises RateError."""

    def __init__(self, model: CodecModel, shot: Window, *, picture_bits: int, frame: int, fast: bool) -> None:
        self._model, self._fast = model, fast
        self._face, self._pixels = shot.landmarks[frame], shot.pixels[frame]
        self._points: bytes | None = None
        if len(self._face) and self._face.isfinite().all():
            assert model.tables.landmarks is not None, "a model with landmarks has tables for them"
            places = self._face.cpu().double().numpy() * model.config.pixels
            self._points = encode_landmarks(places, model.tables.landmarks)
        self._still_bits = picture_bits - (0 if self._points is None else 8 * len(join_face(self._points, b"")))
        self._halvings = 0
        self._search = self._begin()

    def step(self) -> bool:
        """Encode once; whether the search is over. Where the whole picture does not fit, a downsampled one is tried."""
        if not self._search.step():
            return False
        try:
            self._still = self._search.best
        except RateError:
            self._halvings += 1
            if self._halvings == MAX_HALVINGS:
                raise
            self._search = self._begin()
            return False
        return True

    @torch.inference_mode()
    def reference(self) -> Reference:
        """What was found, once the search is over."""
        data = self._still if self._points is None else join_face(self._points, self._still)
        coding = ContentCoding.PICTURE if self._points is None else ContentCoding.FACE
        return Reference(coding, data, decode_content(self._model, coding, data), self._face)

    def _begin(self) -> StillSearch:
        side = self._pixels.shape[0]
        detail = side >> self._halvings
        plain = self._pixels if detail == side else scale(scale(self._pixels, detail, detail), side, side)
        return StillSearch(np.ascontiguousarray(plain), budget_bits=self._still_bits, fast=self._fast)


def encode_blank(model: CodecModel) -> bytes:
    """A plain picture as small as a still can be, for a shot that no frame is made from the first picture of."""
    gray = np.full((model.config.pixels, model.config.pixels, 3), 128, np.uint8)
    return encode_still(gray, budget_bits=BLANK_BITS, fast=True)


@torch.inference_mode()
def decode_content(model: CodecModel, coding: ContentCoding, data: bytes) -> Content:
    """Decode the networks' content: map [C, H, W]; with a warper also picture [3, P, P] and landmarks [L, 2].

    Raises BitstreamError.
    """
    config, side = model.config, model.config.pixels
    if coding is not ContentCoding.LEVELS:
        landmarks, still = _decode_landmarks(model, coding, data)
        pixels = decode_picture(still)
        if pixels.shape[:2] != (side, side):
            raise BitstreamError(f"content picture is {pixels.shape[1]}x{pixels.shape[0]}, its model needs {side}")
        picture = from_uint8(torch.from_numpy(pixels).to(model.device)).permute(2, 0, 1)
        return Content(picture if model.vae is None else model.vae.encode(picture[None])[0], picture, landmarks)
    levels = decode_levels(data, model.latent_shape, table=model.tables.content, max_level=config.content.max_level)
    shown = dequantize_content(torch.from_numpy(np.asarray(levels)), config.content).to(model.device)
    landmarks = _no_landmarks(model)
    if not config.denoiser.warp_blocks:
        return Content(shown, None, landmarks)
    return Content(shown, shown if model.vae is None else model.vae.decode(shown[None])[0], landmarks)


def content_of_record(model: CodecModel, record: ContentRecord) -> Content:
    """Decode the content of a record."""
    return decode_content(model, record.coding, record.data)


def driver_face(model: CodecModel, record: ContentRecord) -> Tensor | None:
    """Landmarks of the face in a record's picture, as in its `Content`, without decoding the picture."""
    return None if record.coding is ContentCoding.LEVELS else _decode_landmarks(model, record.coding, record.data)[0]


def _decode_landmarks(model: CodecModel, coding: ContentCoding, data: bytes) -> tuple[Tensor | None, bytes]:
    """Landmarks of the face in a picture [L, 2] as fractions of it, NaN without a face, and the still."""
    count, tables = model.config.denoiser.landmarks, model.tables.landmarks
    if coding is ContentCoding.FACE:
        coded, still = split_face(data)
        if not count or tables is None:
            raise BitstreamError(f"the stream has landmarks, which model {model.config.name} does not code")
        points = decode_landmarks(coded, tables) / (SUBPIXELS * model.config.pixels)
        return torch.from_numpy(points.astype(np.float32)).to(model.device), still
    return _no_landmarks(model), data


def _no_landmarks(model: CodecModel) -> Tensor | None:
    """Landmarks of a content without a face: NaN, or None for a model without landmarks."""
    count = model.config.denoiser.landmarks
    return torch.full((count, 2), torch.nan, device=model.device) if count else None
