"""Content of one clip and codes of another, as a stream carries them, without its lossless coding.

clip i -> content token, rounded as in a stream --.
clip j -> codes ----------------------------------+-> decoder
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bcdcodec.codec.decode.segment import Segment
from bcdcodec.codec.decode.windows import next_windows
from bcdcodec.codec.model import CodecModel
from bcdcodec.config import SamplingConfig
from bcdcodec.frame import CropBox
from bcdcodec.model.content import Content, dequantize_content, quantize_content
from bcdcodec.model.noise import FrameNoise


@torch.inference_mode()
def contents_of(model: CodecModel, clips: NDArray[np.uint8]) -> Tensor:
    """Content maps [n, C, H, W] of clips uint8 [n, T, P, P, 3], as a decoder has them."""
    config = model.config.content
    return dequantize_content(quantize_content(model.bcd.encoder.content(_latents(model, clips)), config), config)


@torch.inference_mode()
def codes_of(model: CodecModel, clips: NDArray[np.uint8]) -> Tensor:
    """Codes int64 [n, T, G] of clips uint8 [n, T, P, P, 3], relative to their own content, as an encoder has it."""
    return model.bcd.analyze(_latents(model, clips), contents_of(model, clips))[0]


@torch.inference_mode()
def decode_codes(
    model: CodecModel, contents: Tensor, codes: Tensor, sampling: SamplingConfig, *, seed: int = 0
) -> NDArray[np.uint8]:
    """Pictures uint8 [n, T, P, P, 3] of contents [n, C, H, W] and codes [n, T, G], window by window. seed: of noise."""
    shared = model.config.denoiser.shared_noise
    noise = FrameNoise(seed, model.latent_shape, shared=shared, device=model.device)
    box, motion = CropBox(x=0, y=0, size=model.config.pixels), model.bcd.quantizer.lookup(codes).cpu().numpy()
    segments = [Segment(Content(c, None), box, 0, m, noise=noise) for c, m in zip(contents, motion, strict=True)]
    order = {id(segment): row for row, segment in enumerate(segments)}
    parts = []
    while len(segments[0].motion):
        windows = next_windows(
            model.networks,
            segments,
            sampling,
            window_frames=model.config.window_frames,
            context_frames=model.config.context_frames,
        )
        windows.sort(key=lambda window: order[id(window.segment)])
        parts.append(np.stack([window.pixels for window in windows]))
    return np.concatenate(parts, axis=1)


def _latents(model: CodecModel, clips: NDArray[np.uint8]) -> Tensor:
    """uint8 [n, T, P, P, 3] -> [n, T, C, H, W]."""
    z = model.to_latents(clips.reshape(-1, *clips.shape[2:]))
    return z.view(*clips.shape[:2], *z.shape[1:])
