"""Cross-driven batch: content of one half of some clips, motion of the other, with the faces of both for a warper."""

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from bcdcodec.model.landmarks import normalize_displacements


@dataclass(frozen=True, slots=True)
class Faces:
    """Data that a warper is trained on, beside latents.

    picture: the content uint8 [B, 3, P, P]. thumbnails: of the motion half, uint8 [B, T, 3, S, S]. content_points
    [B, L, 2], motion_points [B, T, L, 2]: landmarks in fractions of the picture, NaN where no face was found.
    """

    picture: Tensor
    thumbnails: Tensor
    content_points: Tensor
    motion_points: Tensor

    @property
    def displacements(self) -> Tensor:
        """Of the landmarks since the content [B, T, L, 2], in its face's coordinates (model/landmarks.py)."""
        return normalize_displacements(self.motion_points, self.content_points)

    def map(self, change: Callable[[Tensor], Tensor]) -> "Faces":
        """The faces with every tensor changed."""
        return Faces(*(change(getattr(self, field.name)) for field in fields(Faces)))

    def first(self, clips: int) -> "Faces":
        """The faces of the first clips of the batch."""
        return self.map(lambda values: values[:clips])


@dataclass(frozen=True, slots=True)
class CrossDrivenBatch:
    """Both halves of some clips.

    content: [B, Ta, C, H, W], of one half of each clip, a single still where the model has a warper. motion:
    [B, T, C, H, W], consecutive frames of the other half.
    """

    content: Tensor
    motion: Tensor
    faces: Faces | None

    @property
    def displacements(self) -> Tensor | None:
        """Of the landmarks of the motion half, as the encoder takes them; None for a model without faces."""
        return None if self.faces is None else self.faces.displacements

    def map(self, change: Callable[[Tensor], Tensor]) -> "CrossDrivenBatch":
        """The batch with every tensor changed."""
        return CrossDrivenBatch(change(self.content), change(self.motion), self.faces and self.faces.map(change))

    def clips(self, rows: slice) -> "CrossDrivenBatch":
        """Some clips of the batch."""
        return self.map(lambda values: values[rows])

    def first(self, clips: int) -> "CrossDrivenBatch":
        """The first clips of the batch."""
        return self.clips(slice(clips))

    def to(self, device: torch.device) -> "CrossDrivenBatch":
        """The batch on another device; pinned memory is copied while the caller goes on."""
        return self.map(lambda values: values.to(device, non_blocking=values.is_pinned()))
