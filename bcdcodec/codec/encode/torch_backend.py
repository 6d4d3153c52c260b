"""The networks of encoders run by torch: contents, codes of frames, and pictures warped to them."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from bcdcodec.bitstream.records import ContentCoding
from bcdcodec.codec.content import decode_content
from bcdcodec.codec.encode.backend import MotionCodes
from bcdcodec.codec.encode.refinement import Refiner
from bcdcodec.codec.model import CodecModel
from bcdcodec.codec.motion_reference import MotionReference
from bcdcodec.codec.window import Floats, Window, windows_of
from bcdcodec.errors import ConfigError
from bcdcodec.model.content import Content, quantize_content
from bcdcodec.model.landmark_flow import dense_flow
from bcdcodec.model.landmarks import ABSENT, normalize_displacements
from bcdcodec.model.vae import from_uint8
from bcdcodec.model.warp import FLOW_SCALE, resize_flow, warp_frames

#: Frames that are warped together.
FRAMES_AT_ONCE = 16


class TorchEncoder:
    """`EncoderBackend` of a `CodecModel`."""

    def __init__(self, model: CodecModel) -> None:
        self._model, self._bcd = model, model.bcd

    def check(self, effort: int) -> None:
        """ConfigError for refinement by weights that warp no picture."""
        if effort and self._bcd.warper is None:
            raise ConfigError(f"effort needs weights that warp a reference picture, {self._model.name} do not")

    def latents(self, pixels: NDArray[np.uint8]) -> Floats:
        """Latents [T, C, H, W] of frames [T, P, P, 3]."""
        return _array(self._model.to_latents(pixels))

    def content(self, coding: ContentCoding, data: bytes) -> Content:
        """Content of a record as the decoder has it. Raises BitstreamError."""
        return decode_content(self._model, coding, data)

    @torch.inference_mode()
    def frame_content(self, pixels: NDArray[np.uint8], latents: Floats, landmarks: Floats) -> Content:
        """A frame [P, P, 3] as the content that it would be."""
        face = self._tensor(landmarks) if len(landmarks) else None
        return Content(self._tensor(latents), self._picture(pixels), face)

    @torch.inference_mode()
    def levels(self, latents: Floats) -> NDArray[np.int16]:
        """Levels of the content [C, H, W] of frames [n, C, H, W]."""
        content = self._bcd.encoder.content(self._tensor(latents)[None])
        levels: NDArray[np.int16] = quantize_content(content, self._model.config.content)[0].cpu().numpy()
        return levels

    @torch.inference_mode()
    def analyze(self, shot: Window, frames: Sequence[int], reference: MotionReference) -> MotionCodes:
        """Nearest codes of some frames of a shot in order, of all groups."""
        bcd, wanted = self._bcd, list(frames)
        moved = normalize_displacements(self._tensor(shot.landmarks)[None], self._tensor(reference.face)[None])
        if not bcd.encoder.reads_latents(moved):  # then frames do not depend on those beside them
            parts = [bcd.analyze(None, None, moved[:, wanted])]
        else:
            windows = windows_of(wanted, bcd.config.window_frames)
            parts = [self._analyze_window(shot, window, moved, reference, rows) for window, rows in windows]
        codes, distances = (torch.cat([part[index] for part in parts], 1)[0] for index in (0, 1))
        return codes.cpu().numpy(), _array(distances)

    def refine(self, window: Window, reference: MotionReference, *, steps: int, groups: int) -> MotionCodes:
        """Codes of a window by analysis and synthesis (refinement.py)."""
        return Refiner(self._model, steps, groups=groups).refine(window, reference)

    @torch.inference_mode()
    def displacements(self, codes: NDArray[np.int64]) -> Floats:
        """Displacements of landmarks [T, L, 2] by codes [T, G]."""
        return _array(self._bcd.landmark_displacements(self._motion(codes))[0])

    @torch.inference_mode()
    def warps(self, content: Content, codes: NDArray[np.int64], *, shrink: int) -> Floats:
        """The picture of a content moved by codes [T, G]: [T, 3, S, S]."""
        assert content.picture is not None, "a warper moves a picture"
        motion, picture, warps = self._motion(codes), _shrunk(content.picture, shrink), list[Tensor]()
        face = None if content.landmarks is None else content.landmarks[None]
        for start in range(0, len(codes), FRAMES_AT_ONCE):
            some = motion[:, start : start + FRAMES_AT_ONCE]
            flow = self._bcd.flow(content.map[None], some, face, cells=FLOW_SCALE // shrink)
            warps.append(warp_frames(picture, resize_flow(flow, picture.shape[-1]))[0])
        return _array(torch.cat(warps))

    @torch.inference_mode()
    def rough_warps(self, pixels: NDArray[np.uint8], face: Floats, landmarks: Floats, *, shrink: int) -> Floats:
        """A picture [P, P, 3] moved by the landmarks alone: [T, 3, S, S]."""
        picture = _shrunk(self._picture(pixels), shrink)
        if not len(face):
            return _array(picture.expand(len(landmarks), -1, -1, -1))
        known, others = self._tensor(face), self._tensor(landmarks)
        moved = (others - known).nan_to_num(0.0)
        flow, _ = dense_flow((known.nan_to_num(ABSENT) + moved)[None], moved[None], picture.shape[-1])
        return _array(warp_frames(picture, flow)[0])

    def _analyze_window(
        self, shot: Window, window: slice, moved: Tensor, reference: MotionReference, rows: list[int]
    ) -> tuple[Tensor, Tensor]:
        """Codes [1, n, G] and distances of some frames of a window. moved: displacements of all frames [1, T, L, 2]."""
        known = moved[:, window]
        z = self._tensor(shot.latents[window])[None] if self._bcd.encoder.reads_latents(known) else None
        codes, distances = self._bcd.analyze(z, None if z is None else reference.content.map[None], known)
        return codes[:, rows], distances[:, rows]

    def _motion(self, codes: NDArray[np.int64]) -> Tensor:
        """Code vectors [1, T, G*D] of codes [T, G]."""
        return self._bcd.quantizer.lookup(torch.from_numpy(codes).to(self._model.device)[None])

    def _picture(self, pixels: NDArray[np.uint8]) -> Tensor:
        return from_uint8(torch.from_numpy(pixels).to(self._model.device)).permute(2, 0, 1)

    def _tensor(self, values: Floats) -> Tensor:
        return torch.from_numpy(values).to(self._model.device)


def _array(values: Tensor) -> Floats:
    array: Floats = values.float().cpu().numpy()
    return array


def _shrunk(picture: Tensor, factor: int) -> Tensor:
    """A picture [3, P, P] as a batch of one [1, 3, S, S], smaller by this factor."""
    return F.avg_pool2d(picture[None], factor) if factor > 1 else picture[None]
