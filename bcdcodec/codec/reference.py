"""What a person looks like, to bytes and back. In: frames of a shot. Out: data of a ContentRecord, and `Content`.

levels:  central frame's latents, or what the encoder makes of frames -> integer levels -> range coder
picture: the frame from which motion is told best -> AV1 still; both ends take its latents
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bcdcodec.bitstream.records import ContentCoding, ContentRecord
from bcdcodec.codec.model import CodecModel
from bcdcodec.entropy.content import decode_levels, encode_levels
from bcdcodec.errors import BitstreamError, RateError, VideoError
from bcdcodec.model.content import Content, dequantize_content, quantize_content
from bcdcodec.model.disentangle import central_frame
from bcdcodec.model.vae import from_uint8
from bcdcodec.video.crop import scale
from bcdcodec.video.landmarks import OPENINGS, POINTS
from bcdcodec.video.still import decode_still, encode_still

#: Frames of a shot that a content token of levels is made from, spread evenly over the buffered start of the shot.
CONTENT_SAMPLES = 8
#: Frames that may become the picture, and windows of frames that they are tried on, spread evenly.
CANDIDATES, TRIED_WINDOWS = 16, 4
#: What it counts against a frame that others open a part of the face further, in heights of the picture (wide eyes:
#: 0.03): a warp shuts an open eye or mouth, but cannot show what a shut one hides. It counts among frames whose product
#: is at most so many times the least: a frame that tells the others worse loses more than eyes.
OCCLUSION_PENALTY, COST_TOLERANCE = {"eyes": 20.0, "mouth": 8.0}, 1.1


@torch.inference_mode()
def encode_content(
    model: CodecModel, pixels: NDArray[np.uint8], latents: Tensor, *, picture_bits: int, central: bool = False
) -> tuple[ContentCoding, bytes]:
    """The content token of a shot's first frames, uint8 [T, P, P, 3] with their latents [T, C, H, W].

    picture_bits: size of the still at most, where the model codes pictures. central: the still is the most central
    frame, not the selected one. RateError if none is that small.
    """
    config = model.config.content
    if config.picture_bits:
        index = int(central_frame(latents[None])) if central else select_reference_frame(model, latents)
        return ContentCoding.PICTURE, _fit_still(pixels[index], picture_bits)
    shot = latents[_spread(len(latents), CONTENT_SAMPLES)][None]
    levels = quantize_content(model.bcd.encoder.content(shot), config)[0].cpu().numpy()
    return ContentCoding.LEVELS, encode_levels(levels, model.tables.content, max_level=config.max_level)


@torch.inference_mode()
def select_reference_frame(model: CodecModel, latents: Tensor) -> int:
    """Which of the frames [T, C, H, W] the others are best told from: of the candidates with nearly the least product
    of their mean squared distance to them and the mean squared distance of their motion since it to the nearest codes,
    the one with the least after a factor that rises above 1 as they open eyes and mouth further than it does.

    Of frames of one shot the right one matters much. Over 12 clips, 8 candidates each, a frame at random gave 23.5 dB
    and LPIPS 0.159, the one nearest to the mean 24.4 and 0.141, the least product without the factor 24.7 and 0.131;
    least LPIPS possible was 0.130. The factor hardly moves these: it is for people whom that product shows with their
    eyes shut throughout.
    """
    frames, length = len(latents), model.config.window_frames
    starts = _spread(max(1, frames - length + 1), TRIED_WINDOWS)
    windows = [latents[start : start + length] for start in starts]
    candidates, products, factors = _spread(frames, CANDIDATES), [], []
    for number in candidates:
        content = latents[number][None]
        apart = _mean([(window - content).square().mean() for window in windows])
        motions = [model.bcd.analyze(window[None], content) for window in windows]
        products.append(apart * _mean([distances.amin(-1).mean() for _, distances in motions]))
        factors.append(math.exp(max(0.0, _mean([_opened(model, codes) for codes, _ in motions]))))
    close = [place for place, product in enumerate(products) if product <= COST_TOLERANCE * min(products)] or [
        0
    ]  # not of NaN
    return candidates[min(close, key=lambda place: products[place] * factors[place])]


def _opened(model: CodecModel, codes: Tensor) -> Tensor:
    """How much further eyes and mouth are open than in the content, mean over the frames of codes [1, T, G], weighted;
    0 for a model that cannot tell.
    """
    if model.config.denoiser.landmarks != POINTS:
        return torch.zeros(())
    moved = model.bcd.landmark_displacements(model.bcd.quantizer.lookup(codes))[..., 1]  # down, [1, T, L]
    parts = {part: torch.tensor(pairs, device=moved.device) for part, pairs in OPENINGS.items()}
    opened = {part: (moved[..., pairs[:, 1]] - moved[..., pairs[:, 0]]).mean() for part, pairs in parts.items()}
    return sum(
        (OCCLUSION_PENALTY[part] * change for part, change in opened.items()), torch.zeros((), device=moved.device)
    )


def _spread(length: int, count: int) -> list[int]:
    """At most so many of the numbers below `length`, evenly; each once."""
    picked: list[int] = np.linspace(0, length - 1, min(count, length)).round().astype(int).tolist()
    return picked


def _mean(values: list[Tensor]) -> float:
    return float(torch.stack(values).mean())


def _fit_still(pixels: NDArray[np.uint8], budget_bits: int) -> bytes:
    """A still of at most so many bits; of fewer details where the picture is too hard for them. Raises RateError."""
    side = pixels.shape[0]
    for detail in (side >> halvings for halvings in range(6)):
        plain = pixels if detail == side else scale(scale(pixels, detail, detail), side, side)
        try:
            return encode_still(np.ascontiguousarray(plain), budget_bits=budget_bits)
        except RateError as error:
            too_large = error
    raise too_large


@torch.inference_mode()
def decode_content(model: CodecModel, coding: ContentCoding, data: bytes) -> Content:
    """What the networks are given: map [C, H, W], and for a model with an anchor the picture [3, P, P].

    Raises BitstreamError.
    """
    config, side = model.config, model.config.pixels
    if coding is ContentCoding.PICTURE:
        try:
            pixels = decode_still(data)
        except VideoError as error:
            raise BitstreamError(f"content picture: {error}") from error
        if pixels.shape[:2] != (side, side):
            raise BitstreamError(f"content picture is {pixels.shape[1]}x{pixels.shape[0]}, its model needs {side}")
        picture = from_uint8(torch.from_numpy(pixels).to(model.device)).permute(2, 0, 1)
        return Content(picture if model.vae is None else model.vae.encode(picture[None])[0], picture)
    levels = decode_levels(data, model.latent_shape, table=model.tables.content, max_level=config.content.max_level)
    shown = dequantize_content(torch.from_numpy(np.asarray(levels)), config.content).to(model.device)
    if not config.denoiser.warp_blocks:
        return Content(shown, None)
    return Content(shown, shown if model.vae is None else model.vae.decode(shown[None])[0])


def content_of_record(model: CodecModel, record: ContentRecord) -> Content:
    """The content that a stream carries."""
    return decode_content(model, record.coding, record.data)
