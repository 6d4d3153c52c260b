"""Expected LPIPS of frames made from a picture: by real warps, by what it hides of the face, and by its coding.

References are chosen by it: in files (references.py) and in calls (live_references.py).
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from bcdcodec.codec.model import CodecModel
from bcdcodec.codec.window import Window
from bcdcodec.model.content import Content
from bcdcodec.model.landmark_flow import dense_flow
from bcdcodec.model.landmarks import ABSENT, normalize_displacements
from bcdcodec.model.mesh_flow import MESH_LANDMARKS, triangle_areas
from bcdcodec.model.vae import from_uint8
from bcdcodec.model.warp import FLOW_SCALE, resize_flow, warp_frames

#: Weight of the square around the face in the error of a warp; the rest of the picture has 1. With the plain squared
#: error a curtain decides how a face is seen.
FACE_WEIGHT, FACE_MARGIN = 4.0, 0.15
#: LPIPS of a warp by its mean squared error (of values from -1 to 1): a fit to seven validation clips at 17 to 28 dB.
WARP_LPIPS, WARP_EXPONENT = 1.5, 0.7
#: LPIPS of a face of which the picture shows nothing, and the share of its area in the frame from which a triangle of
#: the mesh shows something: the other half of a turned head is few pixels, which squared errors do not mind.
HIDDEN_LPIPS, MIN_SHOWN_AREA = 0.4, 0.3
#: LPIPS that a picture of so many kbit loses by its coding: 0.0584, 0.0242 and 0.0120 at 9, 17 and 27 kbit, mean of six
#: people. More pictures are nearer to the frames, and coarser.
CODING_LPIPS, CODING_EXPONENT = 1.4, -1.44

#: Factor of the mean squared error of rough losses: what a quarter of the size hides, 0.95 to 1.9 in eight validation
#: clips. Too small a one finds too few pictures, which a finer comparison cannot put right.
ROUGH_ERROR = 1.25
#: Frames that are warped together.
FRAMES_AT_ONCE = 16

Losses = NDArray[np.float64]


class WarpComparison:
    """Frames of successive windows, to which pictures are warped.

    step: every which frame of a window, from frame `first` of it on, or the last of a shorter one; shrink: factor by
    which pictures and flow are smaller, at most FLOW_SCALE.
    """

    def __init__(self, model: CodecModel, shot: Window, *, step: int, first: int = 0, shrink: int = 1) -> None:
        self._bcd, self._shot, self._shrink = model.bcd, shot, shrink
        length = model.config.window_frames
        frames = range(len(shot.pixels))
        windows = [frames[start : start + length] for start in frames[::length]]
        self._compared = [window[min(first, len(window) - 1) :: step] for window in windows]
        self._indices = [index for window in self._compared for index in window]
        true = from_uint8(torch.from_numpy(shot.pixels[self._indices]).to(model.device)).permute(0, 3, 1, 2)
        self._true = self._shrunk(true)
        self._landmarks = shot.landmarks[self._indices]
        self._weights = face_weights(self._landmarks, self._true.shape[-1])

    @torch.inference_mode()
    def losses(self, content: Content, face: Tensor) -> Losses:
        """Expected LPIPS of each window's frames, warped by nearest codes from a picture of this face [windows]."""
        assert content.picture is not None, "a warper moves a picture"
        motion, picture, warps = self._motion(content, face), self._shrunk(content.picture), list[Tensor]()
        for start in range(0, len(self._true), FRAMES_AT_ONCE):
            some = motion[:, start : start + FRAMES_AT_ONCE]
            flow = self._bcd.flow(content.map, some, content.landmarks, cells=FLOW_SCALE // self._shrink)
            warps.append(warp_frames(picture, resize_flow(flow, picture.shape[-1]))[0])
        return self._mean_losses(torch.cat(warps), face)

    @torch.inference_mode()
    def rough_losses(self, picture: Tensor, face: Tensor) -> Losses:
        """The same for a picture [3, P, P] moved by the landmarks alone, without codes and the flow network: a quarter
        of the time, for an order of many pictures.
        """
        picture = self._shrunk(picture[None])
        warps, side = picture.expand_as(self._true), picture.shape[-1]
        if len(face):
            moved = (self._landmarks - face).nan_to_num(0.0)
            flow, _ = dense_flow((face.nan_to_num(ABSENT) + moved)[None], moved[None], side)
            warps = warp_frames(picture, flow)[0]
        return self._mean_losses(warps, face, ROUGH_ERROR)

    def _mean_losses(self, warps: Tensor, face: Tensor, factor: float = 1.0) -> Losses:
        """Expected LPIPS of each window by the warps [T, 3, S, S] of a picture of this face. factor: of the error."""
        squares = (warps - self._true).square().mean(1)  # [T, S, S]
        errors = factor * (squares * self._weights).sum((1, 2)) / self._weights.sum((1, 2))
        losses = WARP_LPIPS * errors**WARP_EXPONENT + HIDDEN_LPIPS * hidden_share(self._landmarks, face)
        return np.array([float(some.mean()) for some in torch.split(losses, [*map(len, self._compared)])])

    def _shrunk(self, pictures: Tensor) -> Tensor:
        return F.avg_pool2d(pictures, self._shrink) if self._shrink > 1 else pictures

    def _motion(self, content: Content, face: Tensor) -> Tensor:
        """Code vectors of the compared frames [1, T, G*D]."""
        bcd, shot, motion = self._bcd, self._shot, list[Tensor]()
        moved = normalize_displacements(shot.landmarks[None], face[None])
        if not bcd.encoder.reads_latents(moved):  # then frames do not depend on those beside them
            codes, _ = bcd.analyze(None, None, moved[:, self._indices])
            return bcd.quantizer.lookup(codes)
        length = bcd.config.window_frames
        for number, compared in enumerate(self._compared):
            some = slice(number * length, (number + 1) * length)
            z = shot.latents[some][None] if bcd.encoder.reads_latents(moved[:, some]) else None
            codes, _ = bcd.analyze(z, content.map, moved[:, some])
            motion.append(bcd.quantizer.lookup(codes)[:, [index - number * length for index in compared]])
        return torch.cat(motion, 1)


def frame_content(shot: Window, index: int) -> Content:
    """A frame as the content that it would be, without any loss of coding; a batch of one."""
    face = shot.landmarks[index]
    return Content(shot.latents[index][None], frame_picture(shot, index)[None], face[None] if len(face) else None)


def frame_picture(shot: Window, index: int) -> Tensor:
    """A frame as a picture of the networks [3, P, P]."""
    return from_uint8(torch.from_numpy(shot.pixels[index]).to(shot.landmarks.device)).permute(2, 0, 1)


def coding_loss(bits: float) -> float:
    """LPIPS that a picture of this size loses by its coding."""
    return float(CODING_LPIPS * (max(bits, 1.0) / 1000) ** CODING_EXPONENT)


def hidden_share(landmarks: Tensor, face: Tensor) -> Tensor:
    """Share of the face of each frame that a picture hides or shows at a fraction of its size [T].

    landmarks: [T, L, 2]; face: of the picture [L, 2]; 0 for other landmarks than those of the mesh, and without a face.
    """
    if len(face) != MESH_LANDMARKS:
        return landmarks.new_zeros(len(landmarks))
    sizes = (landmarks - landmarks.mean(1, keepdim=True)).square().sum((1, 2)), (face - face.mean(0)).square().sum()
    areas, shown = triangle_areas(landmarks) / sizes[0][:, None], triangle_areas(face[None]) / sizes[1]
    areas = areas.clamp(min=0)
    share = (areas * (shown < MIN_SHOWN_AREA * areas)).sum(1) / areas.sum(1)
    return share.nan_to_num(0.0)


def face_weights(landmarks: Tensor, side: int) -> Tensor:
    """Weights of pixels [T, side, side] for landmarks [T, L, 2] as fractions of the picture; 1 without a face."""
    weights = torch.ones(len(landmarks), side, side, device=landmarks.device)
    places = (torch.arange(side, device=landmarks.device) + 0.5) / side
    for weight, points in zip(weights, landmarks, strict=True):
        if len(points) and points.isfinite().all():
            margin = FACE_MARGIN * (points.amax(0) - points.amin(0))
            low, high = points.amin(0) - margin, points.amax(0) + margin
            across, down = ((places >= low[axis]) & (places <= high[axis]) for axis in (0, 1))
            weight[down[:, None] & across] = FACE_WEIGHT
    return weights
