"""Reference picture or content token of a shot: how it is coded.

levels:  latents of the central frame, or the encoder's content of some frames -> integer levels -> range coder
picture: reference frame (reference_choice.py) -> AV1 still, of which encoder and decoder take the latents
face:    the same, with the landmarks of the frame before it
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from bcdcodec.bitstream.face import join_face
from bcdcodec.bitstream.records import ContentCoding
from bcdcodec.codec.reference_choice import central_frame, select_reference_frame, spread
from bcdcodec.codec.window import Floats, Window
from bcdcodec.entropy.content import encode_levels
from bcdcodec.entropy.landmarks import encode_landmarks
from bcdcodec.errors import RateError
from bcdcodec.video.crop import scale
from bcdcodec.video.still import StillSearch, encode_still

if TYPE_CHECKING:
    from bcdcodec.codec.encode.backend import EncodingModel

#: Frames that a content token of levels is computed from, spread evenly over the buffered start of a shot.
CONTENT_SAMPLES = 8
#: Room for a plain picture.
BLANK_BITS = 1600
#: Sides of the detail that a still is given: whole, half and so on.
MAX_HALVINGS = 6


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """The coded reference of a shot. content: as the decoder has it, for the model's networks (`EncoderBackend`); face:
    landmarks of the frame that it shows [L, 2], unquantised, NaN without a face.
    """

    coding: ContentCoding
    data: bytes
    content: Any
    face: Floats


@dataclass(frozen=True, eq=False)
class UncodedReference:
    """A frame as the reference that `code` makes of it, when its content is asked for: landmarks need none.

    face: as in `Reference`.
    """

    face: Floats
    code: Callable[[], Reference]

    @cached_property
    def content(self) -> Any:
        """Content as the decoder would have it."""
        return self.code().content


def defer_reference(
    model: "EncodingModel", shot: Window, *, picture_bits: int, frame: int | None, central: bool
) -> UncodedReference:
    """Choose the frame that `encode_reference` would code, for a model that codes pictures, and leave it uncoded."""
    index = _reference_frame(model, shot, frame, central=central)
    pixels, face = shot.pixels[index : index + 1].copy(), shot.landmarks[index]  # a copy: the shot is large
    chosen = Window.of_frames(model, pixels, face[None])
    return UncodedReference(face, lambda: encode_reference(model, chosen, picture_bits=picture_bits, frame=0))


def encode_reference(
    model: "EncodingModel",
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
    sampled = spread(len(shot.pixels), CONTENT_SAMPLES)
    latents = shot.latents[sampled]
    levels = model.encoder_backend.levels(latents)
    data = encode_levels(levels, model.tables.content, max_level=config.max_level)
    content = model.encoder_backend.content(ContentCoding.LEVELS, data)
    return Reference(ContentCoding.LEVELS, data, content, shot.landmarks[sampled[central_frame(latents)]])


def _reference_frame(model: "EncodingModel", shot: Window, frame: int | None, *, central: bool) -> int:
    """Index of the frame that becomes the still: the one that is given, or a choice."""
    if frame is not None:
        return frame
    return central_frame(shot.latents[:]) if central else select_reference_frame(model, shot)


class PictureSearch:
    """The search of `encode_reference` for a model that codes pictures, one encoding at a time. Raises RateError."""

    def __init__(self, model: "EncodingModel", shot: Window, *, picture_bits: int, frame: int, fast: bool) -> None:
        self._model, self._fast = model, fast
        self._face, self._pixels = shot.landmarks[frame], shot.pixels[frame]
        self._points: bytes | None = None
        if len(self._face) and np.isfinite(self._face).all():
            assert model.tables.landmarks is not None, "a model with landmarks has tables for them"
            places = self._face.astype(np.float64) * model.config.pixels
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

    def reference(self) -> Reference:
        """What was found, once the search is over."""
        data = self._still if self._points is None else join_face(self._points, self._still)
        coding = ContentCoding.PICTURE if self._points is None else ContentCoding.FACE
        return Reference(coding, data, self._model.encoder_backend.content(coding, data), self._face)

    def _begin(self) -> StillSearch:
        side = self._pixels.shape[0]
        detail = side >> self._halvings
        plain = self._pixels if detail == side else scale(scale(self._pixels, detail, detail), side, side)
        return StillSearch(np.ascontiguousarray(plain), budget_bits=self._still_bits, fast=self._fast)


def encode_blank(model: "EncodingModel") -> bytes:
    """A plain picture as small as a still can be, for a shot that no frame is made from the first picture of."""
    gray = np.full((model.config.pixels, model.config.pixels, 3), 128, np.uint8)
    return encode_still(gray, budget_bits=BLANK_BITS, fast=True)
