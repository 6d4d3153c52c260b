"""Content of another person in the place of a driver's face: what absolute motion transfer decodes.

Motion codes tell how far a face moves since the reference of its own stream (model/landmarks.py). So the other
person's picture is first moved to where that reference starts:

    landmarks of both references -> similarity -> picture moved, scaled and turned: place, size and roll of the driver
                                 -> share of the pose in their difference -> motion vector: its turn and expression

Further references of a shot, whose own differences are motion like any other, leave the picture where it is. Without a
face on either side the transfer is relative: the picture stays, and moves as far as the driver does.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from bcdcodec.codec.model import CodecModel
from bcdcodec.entropy.landmarks import pose_difference
from bcdcodec.model.content import Content
from bcdcodec.model.landmarks import LEFT_EYE, RIGHT_EYE, face_axes, normalize_displacements

#: References of one shot: shift in sizes of the face, factor of the size and roll in radians of one against another.
NEAR_SHIFT, NEAR_SCALE, NEAR_ROLL = 1.0, 1.3, 0.5
#: Least size of a face and distance of its eyes, as fractions of the picture.
MIN_SIZE = 1 / 256
#: Largest factor by which a picture is enlarged or reduced: beyond it little but the face or the border is left.
MAX_SCALE = 2.5


@dataclass(frozen=True, slots=True, eq=False)
class RetargetedContent:
    """Content in the place of a driver's reference. motion: added to each of its motion vectors [G*D], or None."""

    content: Content
    motion: Tensor | None


class Retargeter:
    """One content in the place of the references of a driver's stream, one after another.

    content: without a batch dimension. It is moved once for all references that show the face in about one place: those
    of a shot, whose background then keeps still. Where the model has no landmarks, or the content shows no face, it
    stays.
    """

    def __init__(self, model: CodecModel, content: Content) -> None:
        self._model, self._content = model, content
        self._first: Tensor | None = None  # landmarks of the driver that it was moved to
        self._placed = RetargetedContent(content, None)

    @torch.inference_mode()
    def follow(self, driver: Tensor | None) -> RetargetedContent:
        """The content for the next reference. driver: its landmarks [L, 2] as fractions of its picture, None or NaN
        without a face: the content stays as it is.
        """
        encoder, own = self._model.bcd.encoder.landmarks, self._content.landmarks
        if encoder is None or own is None or driver is None or not (_is_face(own) and _is_face(driver)):
            return self._placed
        if self._first is None or not _is_near(driver, self._first):
            self._first, self._placed = driver, retarget(self._model, self._content, driver)
            return self._placed
        assert self._placed.motion is not None, "placed at the first one"
        moved = normalize_displacements(driver[None, None], self._first[None])[0, 0]
        return RetargetedContent(self._placed.content, self._placed.motion + encoder.transform(moved.flatten()))


@torch.inference_mode()
def retarget(model: CodecModel, content: Content, driver: Tensor) -> RetargetedContent:
    """Move content to the place, size, roll, pose and expression of a driver's reference, both with a face.

    content: without a batch dimension; driver: landmarks [L, 2] as fractions of the picture.
    """
    own, encoder, tables = content.landmarks, model.bcd.encoder.landmarks, model.tables.landmarks
    assert own is not None and encoder is not None and tables is not None, "a model with landmarks has all three"
    assert content.picture is not None, "a model with landmarks warps a picture"
    pose = pose_difference(own.cpu().double().numpy(), driver.cpu().double().numpy(), tables)
    motion = encoder.transform(torch.from_numpy(pose).to(own).flatten())
    turn = _turn(own, driver)
    landmarks = driver.mean(0) + (own - own.mean(0)) @ turn
    picture = _moved(content.picture, turn, own.mean(0), driver.mean(0))
    latents = picture if model.vae is None else model.vae.encode(picture[None])[0]
    return RetargetedContent(Content(latents, picture, landmarks), motion)


def _is_near(face: Tensor, other: Tensor) -> bool:
    """Whether two faces [L, 2] have about one place, size and roll."""
    axes, others = face_axes(face), face_axes(other)
    size, other_size = axes[0].norm(), others[0].norm()
    shift = (face.mean(0) - other.mean(0)).norm() / other_size
    roll = (axes[0] @ others[0] / (size * other_size)).clamp(-1, 1).acos()
    return bool(shift <= NEAR_SHIFT and roll <= NEAR_ROLL and (size / other_size).log().abs() <= math.log(NEAR_SCALE))


def _is_face(landmarks: Tensor) -> bool:
    """Whether landmarks [L, 2] of a stream are those of a face: of some size, its eyes apart."""
    size, eyes = face_axes(landmarks)[0].norm(), landmarks[LEFT_EYE] - landmarks[RIGHT_EYE]
    return bool(landmarks.isfinite().all() and size > MIN_SIZE and eyes.norm() > MIN_SIZE)


def _turn(own: Tensor, driver: Tensor) -> Tensor:
    """Scaled rotation [2, 2] that takes offsets (rows) in one face to those in the other."""
    axes, wanted = face_axes(own), face_axes(driver)
    size, wanted_size = axes[0].norm(), wanted[0].norm()
    scale = (wanted_size / size).clamp(1 / MAX_SCALE, MAX_SCALE)
    turn: Tensor = scale * axes.mT @ wanted / (size * wanted_size)
    return turn


def _moved(picture: Tensor, turn: Tensor, center: Tensor, target: Tensor) -> Tensor:
    """The picture [3, P, P] with its point `center` at `target`, turned and scaled around it.

    Beyond its border the border is repeated: a mirror image would show a head twice.
    """
    side = picture.shape[-1]
    places = (torch.arange(side, device=picture.device, dtype=picture.dtype) + 0.5) / side
    grid = torch.stack(torch.meshgrid(places, places, indexing="xy"), -1)  # [P, P, 2], x then y
    found = center + (grid - target) @ turn.inverse()
    sampled = F.grid_sample(
        _smoothed(picture, turn)[None],
        2 * found[None] - 1,
        mode="bicubic",
        padding_mode="border",
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
