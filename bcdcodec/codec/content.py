"""Content of records for networks of torch: latents of a still or of levels, the picture, landmarks of its face."""

import numpy as np
import torch
from torch import Tensor

from bcdcodec.bitstream.face import split_face
from bcdcodec.bitstream.records import ContentCoding, ContentRecord
from bcdcodec.codec.model import CodecModel
from bcdcodec.codec.stills import decode_picture
from bcdcodec.entropy.content import decode_levels
from bcdcodec.entropy.landmarks import SUBPIXELS, decode_landmarks
from bcdcodec.errors import BitstreamError
from bcdcodec.model.content import Content, dequantize_content
from bcdcodec.model.vae import from_uint8


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
