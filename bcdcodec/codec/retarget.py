"""Content of another person in the place of a driver's face: what absolute motion transfer decodes.

Motion codes tell how far a face moves since the reference of its own stream (model/landmarks.py). So the other
person's picture is first moved to where that reference starts:

    landmarks of both references -> similarity -> picture moved, scaled and turned: place, size and roll of the driver
                                 -> share of the pose in their difference -> motion vector: its turn and expression

Without a face in either reference the transfer is relative: the picture stays, and moves as far as the driver does.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from bcdcodec.codec.model import CodecModel
from bcdcodec.entropy.landmarks import pose_difference
from bcdcodec.model.content import Content
from bcdcodec.model.landmarks import face_axes

#: Largest factor by which a picture is enlarged or reduced: beyond it little but the face or the border is left.
MAX_SCALE = 2.5


@dataclass(frozen=True, slots=True, eq=False)
class RetargetedContent:
    """Content in the place of a driver's reference. motion: added to every motion vector of the driver [G*D]."""

    content: Content
    motion: Tensor


@torch.inference_mode()
def retarget(model: CodecModel, content: Content, driver: Tensor | None) -> RetargetedContent | None:
    """Move content to the place, size, roll, pose and expression of a driver's reference.

    content: without a batch dimension; driver: landmarks of its reference [L, 2] as fractions of its picture. Returns
    None where either shows no face, or the model has no landmarks.
    """
    own, encoder, tables = content.landmarks, model.bcd.encoder.landmarks, model.tables.landmarks
    if own is None or driver is None or encoder is None or tables is None or content.picture is None:
        return None
    if not (own.isfinite().all() and driver.isfinite().all()):
        return None
    pose = pose_difference(own.double().cpu().numpy(), driver.double().cpu().numpy(), tables)
    motion = encoder.transform(torch.from_numpy(pose).to(own).flatten())
    turn = _turn(own, driver)
    landmarks = driver.mean(0) + (own - own.mean(0)) @ turn
    picture = _moved(content.picture, turn, own.mean(0), driver.mean(0))
    latents = picture if model.vae is None else model.vae.encode(picture[None])[0]
    return RetargetedContent(Content(latents, picture, landmarks), motion)


def _turn(own: Tensor, driver: Tensor) -> Tensor:
    """Scaled rotation [2, 2] that takes offsets (rows) in one face to those in the other."""
    axes, wanted = face_axes(own), face_axes(driver)
    size, wanted_size = axes[0].norm(), wanted[0].norm()
    scale = (wanted_size / size).clamp(1 / MAX_SCALE, MAX_SCALE)
    turn: Tensor = scale * axes.mT @ wanted / (size * wanted_size)
    return turn


def _moved(picture: Tensor, turn: Tensor, center: Tensor, target: Tensor) -> Tensor:
    """The picture [3, P, P] with its point `center` at `target`, turned and scaled around it.

    Beyond its border it goes on as its mirror image.
    """
    side = picture.shape[-1]
    places = (torch.arange(side, device=picture.device, dtype=picture.dtype) + 0.5) / side
    grid = torch.stack(torch.meshgrid(places, places, indexing="xy"), -1)  # [P, P, 2], x then y
    found = center + (grid - target) @ turn.inverse()
    sampled = F.grid_sample(
        _smoothed(picture, turn)[None],
        2 * found[None] - 1,
        mode="bicubic",
        padding_mode="reflection",
        align_corners=False,
    )
    return sampled[0].clamp(-1, 1)


def _smoothed(picture: Tensor, turn: Tensor) -> Tensor:
    """The picture without the detail that a reduction would alias."""
    factor = float(turn.det().abs().rsqrt())
    if factor <= 1:
        return picture
    side = picture.shape[-1]
    kept = F.interpolate(picture[None], size=max(1, round(side / factor)), mode="bilinear", antialias=True)
    return F.interpolate(kept, size=side, mode="bicubic", align_corners=False)[0]
