"""Windows of frames through the sampler, several segments in a batch, of one stream or of several.

A segment (GOP) runs from one key packet to the next. Its first window stands alone; each later one is given the last
decoded latents as clean context frames, so that windows join without a seam.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bcdcodec.codec.decode.segment import DecodedWindow, Motion, Segment, WindowSettings
from bcdcodec.config import MAX_BATCH_SEGMENTS, SamplingConfig
from bcdcodec.model.bcd import reconstruct
from bcdcodec.model.content import Content, stack_contents
from bcdcodec.model.vae import to_uint8
from bcdcodec.model.weights import Networks


@torch.inference_mode()
def decode_segments(
    networks: Networks, segments: Sequence[Segment], settings: WindowSettings, *, one_window: bool = False
) -> list[DecodedWindow]:
    """Decode the frames that wait in segments of one model, at most MAX_BATCH_SEGMENTS side by side.

    one_window: the first window of each segment, not all.
    """
    windows: list[DecodedWindow] = []
    for first in range(0, len(segments), MAX_BATCH_SEGMENTS):
        batch = list(segments[first : first + MAX_BATCH_SEGMENTS])
        while any(len(segment.motion) for segment in batch):
            windows += _next(networks, batch, settings)
            if one_window:
                break
    return windows


def _next(networks: Networks, segments: list[Segment], settings: WindowSettings) -> list[DecodedWindow]:
    sampling, frames = settings.sampling, settings.window_frames
    if not sampling.steps:
        return next_warped_windows(networks, segments, window_frames=frames)
    if networks.bcd.picture_denoiser is not None:
        return next_painted_windows(networks, segments, sampling, window_frames=frames)
    return next_windows(networks, segments, sampling, window_frames=frames, context_frames=settings.context_frames)


def next_windows(
    networks: Networks,
    segments: list[Segment],
    sampling: SamplingConfig,
    *,
    window_frames: int,
    context_frames: int,
) -> list[DecodedWindow]:
    """Decode one window of every segment that still has motion; segments in the same state share a batch.

    Segments are advanced in place.
    """
    done: list[DecodedWindow] = []
    for (frames, before), batch in _batches(segments, window_frames).items():
        synthesis = networks.bcd.synthesize(
            stack_contents([segment.content for segment in batch]),
            _motion([segment.motion[:frames] for segment in batch], networks),
            _noise(batch, frames),
            sampling,
            vae=networks.vae,
            context=_stack([segment.context for segment in batch]) if before else None,
            context_motion=_motion([segment.context_motion for segment in batch], networks) if before else None,
        )
        for row, (segment, z) in enumerate(zip(batch, synthesis.latents, strict=True)):
            pictures = reconstruct(z, synthesis.reference.of_clip(row), networks.vae)
            done.append(DecodedWindow(segment, segment.index, _pixels(pictures)))
            _advance(segment, z, frames, context_frames)
    return sorted(done, key=lambda window: window.index)


def next_warped_windows(networks: Networks, segments: list[Segment], *, window_frames: int) -> list[DecodedWindow]:
    """What `next_windows` starts from: one window of every segment as the content's picture warped to its frames, by a
    model with a warper. Segments are advanced in place.
    """

    def warped(content: Content, motion: Tensor, batch: list[Segment]) -> Tensor:
        others = [segment.others for segment in batch]
        if any(others):
            warps = networks.bcd.guides(content, motion, others).warps
            return warps.view(*motion.shape[:2], *warps.shape[1:])
        # Without the autoencoder no latents are made, which the denoiser alone needs.
        pictures = networks.bcd.warp_references(content, motion, None).pictures
        assert pictures is not None, "only a warper has pictures to show"
        return pictures

    return _windows_of_pictures(networks, segments, warped, window_frames=window_frames)


def next_painted_windows(
    networks: Networks, segments: list[Segment], sampling: SamplingConfig, *, window_frames: int
) -> list[DecodedWindow]:
    """Decode one window of every segment by a model with a denoiser of pictures, which needs no context.

    Segments are advanced in place.
    """

    def painted(content: Content, motion: Tensor, batch: list[Segment]) -> Tensor:
        others = [segment.others for segment in batch]
        return networks.bcd.paint(content, motion, _noise(batch, motion.shape[1]), sampling, others)

    return _windows_of_pictures(networks, segments, painted, window_frames=window_frames)


def _windows_of_pictures(
    networks: Networks,
    segments: list[Segment],
    make: Callable[[Content, Tensor, list[Segment]], Tensor],
    *,
    window_frames: int,
) -> list[DecodedWindow]:
    """One window of every segment without context. make: contents, code vectors [B, T, G*D] and the segments that they
    are of to pictures [B, T, 3, P, P].
    """
    done: list[DecodedWindow] = []
    for (frames, _), batch in _batches(segments, window_frames).items():
        content = stack_contents([segment.content for segment in batch])
        made = make(content, _motion([segment.motion[:frames] for segment in batch], networks), batch)
        for segment, pictures in zip(batch, made, strict=True):
            done.append(DecodedWindow(segment, segment.index, _pixels(pictures)))
            _advance(segment, pictures, frames, 0)
    return sorted(done, key=lambda window: window.index)


def _batches(segments: list[Segment], window_frames: int) -> dict[tuple[int, int], list[Segment]]:
    """Segments that still have motion, by the frames of their next window and of the context before it."""
    batches: dict[tuple[int, int], list[Segment]] = {}
    for segment in segments:
        if len(segment.motion):
            before = 0 if segment.context is None else len(segment.context)
            batches.setdefault((min(len(segment.motion), window_frames), before), []).append(segment)
    return batches


def _noise(batch: list[Segment], frames: int) -> Tensor:
    """Noise of a window of every segment [B, T, C, H, W]."""
    drawn = [None if segment.noise is None else segment.noise.frames(segment.index, frames) for segment in batch]
    return _stack(drawn)


def _motion(parts: list[Motion | None], networks: Networks) -> Tensor:
    """Code vectors of a window of every segment [B, T, G*D], on the device of the networks."""
    return torch.from_numpy(np.stack([part for part in parts if part is not None])).to(
        networks.bcd.quantizer.codebook.device
    )


def _pixels(pictures: Tensor) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = to_uint8(pictures).permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return pixels


def _advance(segment: Segment, z: Tensor, frames: int, context_frames: int) -> None:
    used = segment.motion[:frames]
    if context_frames:
        recent = z if segment.context is None else torch.cat([segment.context, z])
        recent_motion = used if segment.context_motion is None else np.concatenate([segment.context_motion, used])
        segment.context, segment.context_motion = recent[-context_frames:], recent_motion[-context_frames:]
    segment.motion = segment.motion[frames:]
    segment.index += frames


def _stack(parts: list[Tensor | None]) -> Tensor:
    return torch.stack([part for part in parts if part is not None])
