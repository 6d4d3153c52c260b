"""Windows of frames through the sampler, several segments in a batch, of one stream or of several.

A segment (GOP) runs from one key packet to the next. Its first window stands alone; each later one is given the last
decoded latents as clean context frames, so that windows join without a seam.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bcdcodec.config import MAX_BATCH_SEGMENTS, SamplingConfig
from bcdcodec.frame import CropBox
from bcdcodec.model.bcd import reconstruct
from bcdcodec.model.content import Content, stack_contents
from bcdcodec.model.noise import FrameNoise
from bcdcodec.model.vae import to_uint8
from bcdcodec.model.weights import Networks


class Segment:
    """Segment of frames from one key packet on, with what its next window is decoded from.

    content: without a batch dimension; motion: code vectors of the frames that wait [n, G*D]. frame_multiplier: frames
    decoded for a coded one. Frames between two coded ones get interpolated motion; none follow the last coded frame of
    a segment. index: of the first frame that waits, `frame_multiplier` to a tick of the stream. noise: None for
    segments that are only warped.
    """

    def __init__(
        self,
        content: Content,
        box: CropBox,
        tick: int,
        motion: Tensor,
        *,
        noise: FrameNoise | None = None,
        frame_multiplier: int = 1,
    ) -> None:
        self.content, self.box, self.noise = content, box, noise
        self.next_tick = tick
        self.index = tick * frame_multiplier
        self.motion = motion[:0]
        self.context: Tensor | None = None  # [Tc, C, H, W], with their motion [Tc, G*D]
        self.context_motion: Tensor | None = None
        self._frame_multiplier, self._last = frame_multiplier, motion[:1]
        self.append(motion[:1], interpolate=False)
        self.append(motion[1:])

    def append(self, motion: Tensor, *, interpolate: bool = True) -> None:
        """Motion of more coded frames [n, G*D] at the end of the segment."""
        self.next_tick += len(motion)
        if interpolate and self._frame_multiplier > 1 and len(motion):
            before = torch.cat([self._last, motion[:-1]])
            steps = (
                torch.arange(1, self._frame_multiplier + 1, device=motion.device, dtype=motion.dtype)
                / self._frame_multiplier
            )
            between = before[:, None] + steps[:, None] * (motion - before)[:, None]  # [n, k, G*D]
            between[:, -1] = motion
            motion = between.flatten(0, 1)
        self.motion = torch.cat([self.motion, motion])
        self._last = motion[-1:] if len(motion) else self._last

    def skip(self, until: int) -> None:
        """Drop the frames before the index `until` that wait."""
        late = min(max(0, until - self.index), len(self.motion))
        self.motion, self.index = self.motion[late:], self.index + late


@dataclass(frozen=True, slots=True)
class DecodedWindow:
    """Pictures uint8 [n, P, P, 3] of the frames index, index + 1, ... of a segment."""

    segment: Segment
    index: int
    pixels: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class WindowSettings:
    """How windows are decoded; segments share a batch where these are equal. sampling: no steps for the warp alone;
    window_frames: new frames a window; context_frames: those before it that it is given.
    """

    sampling: SamplingConfig
    window_frames: int
    context_frames: int


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
            torch.stack([segment.motion[:frames] for segment in batch]),
            _noise(batch, frames),
            sampling,
            vae=networks.vae,
            context=_stack([segment.context for segment in batch]) if before else None,
            context_motion=_stack([segment.context_motion for segment in batch]) if before else None,
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
        # Without the autoencoder no latents are made, which the denoiser alone needs.
        pictures = networks.bcd.warp_references(content, motion, None).pictures
        assert pictures is not None, "only a warper has pictures to show"
        return pictures

    return _windows_of_pictures(segments, warped, window_frames=window_frames)


def next_painted_windows(
    networks: Networks, segments: list[Segment], sampling: SamplingConfig, *, window_frames: int
) -> list[DecodedWindow]:
    """Decode one window of every segment by a model with a denoiser of pictures, which needs no context.

    Segments are advanced in place.
    """

    def painted(content: Content, motion: Tensor, batch: list[Segment]) -> Tensor:
        return networks.bcd.paint(content, motion, _noise(batch, motion.shape[1]), sampling)

    return _windows_of_pictures(segments, painted, window_frames=window_frames)


def _windows_of_pictures(
    segments: list[Segment], make: Callable[[Content, Tensor, list[Segment]], Tensor], *, window_frames: int
) -> list[DecodedWindow]:
    """One window of every segment without context. make: contents, code vectors [B, T, G*D] and the segments that they
    are of to pictures [B, T, 3, P, P].
    """
    done: list[DecodedWindow] = []
    for (frames, _), batch in _batches(segments, window_frames).items():
        content = stack_contents([segment.content for segment in batch])
        made = make(content, torch.stack([segment.motion[:frames] for segment in batch]), batch)
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


def _pixels(pictures: Tensor) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = to_uint8(pictures).permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return pixels


def _advance(segment: Segment, z: Tensor, frames: int, context_frames: int) -> None:
    used = segment.motion[:frames]
    if context_frames:
        recent = z if segment.context is None else torch.cat([segment.context, z])
        recent_motion = used if segment.context_motion is None else torch.cat([segment.context_motion, used])
        segment.context, segment.context_motion = recent[-context_frames:], recent_motion[-context_frames:]
    segment.motion = segment.motion[frames:]
    segment.index += frames


def _stack(parts: list[Tensor | None]) -> Tensor:
    return torch.stack([part for part in parts if part is not None])
