"""Displacements of face landmarks in the coordinates of the reference's face: its size is the unit, its eyes are level.

    landmarks of a frame - landmarks of the reference -> turned upright, divided by the size of the face  (encoder)
    normalised displacement -> scaled and turned as the face of the content in use                         (decoder)

So the same codes open a mouth by the same share of the face, however large, shifted or tilted the face of the content
is, and the quantiser sees one distribution for all framings.
"""

import torch
from torch import Tensor

#: Outer corners of the right and the left eye in the mesh (video/landmarks.py), whose line gives the roll.
RIGHT_EYE, LEFT_EYE = 33, 263
#: Coordinates of landmarks of a face that is not there, in pictures: beyond the reach of every kernel of the flow.
ABSENT = 10.0


def face_axes(landmarks: Tensor) -> Tensor:
    """Axes of a face [..., 2, 2]: row 0 points from its right to its left eye, row 1 down, each as long as its size.

    landmarks: [..., L, 2], x then y. The size is the RMS distance of the landmarks from their mean, which turning heads
    change less than the distance of the eyes.
    """
    size = (landmarks - landmarks.mean(-2, keepdim=True)).square().sum(-1).mean(-1).sqrt()  # [...]
    # Meshes of fewer landmarks, as in tests, have no eyes: they stand upright.
    eyes = landmarks[..., LEFT_EYE, :] - landmarks[..., RIGHT_EYE, :] if landmarks.shape[-2] > LEFT_EYE else None
    level = torch.zeros_like(landmarks.sum(-2)) + landmarks.new_tensor([1.0, 0.0])
    # A stream may say that both eyes are in one place.
    across = level if eyes is None else torch.where(eyes.norm(dim=-1, keepdim=True) > 0, eyes, level)
    across = across / across.norm(dim=-1, keepdim=True)
    down = torch.stack([-across[..., 1], across[..., 0]], -1)
    return torch.stack([across, down], -2) * size[..., None, None]


def normalize_displacements(landmarks: Tensor, reference: Tensor) -> Tensor:
    """Displacements of landmarks [B, T, L, 2] since the reference's [B, L, 2], in its face's coordinates.

    NaN in, NaN out: frames or references without a face. L may be 0.
    """
    axes = face_axes(reference)[:, None]
    moved = landmarks - reference[:, None]
    return moved @ axes.transpose(-1, -2) / axes[..., :1, :].square().sum(-1, keepdim=True)


def picture_displacements(normalized: Tensor, reference: Tensor) -> Tensor:
    """Inverse of `normalize_displacements`: displacements [B, T, L, 2] in the unit of the reference's landmarks.

    Zero where the reference is NaN.
    """
    shown = reference.isfinite().all(-1).all(-1)[:, None, None]  # [B, 1, 1]
    # Any face will do where there is none: its displacements are discarded, but NaN would enter the gradient.
    line = torch.linspace(0, 1, reference.shape[1], device=reference.device)[:, None].expand(-1, 2)
    moved = normalized @ face_axes(torch.where(shown, reference, line))[:, None]
    return torch.where(shown[..., None], moved, 0.0)
