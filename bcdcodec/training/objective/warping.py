"""Losses of the warper: of the warped picture, its flow, and landmarks.

    warped thumbnails at several sizes - the frames       photometric loss
    flow - optical flow of a classical search             flow of the rest of the picture
    flow at the landmarks - their displacement            lips, lids and irises
    displacements decoded from codes - those of the face  the encoder, directly

The photometric gradient reaches one pixel, and lips are a handful of pixels: supervised by displacements, the codes
learn poses in minutes. Mouths and eyes are learned only if their shapes have a loss of their own: in landmark distances
the pose drowns them. Landmarks and optical flow are needed in training alone.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from bcdcodec.model.vae import from_uint8
from bcdcodec.model.warp import resize_flow, warp_frames
from bcdcodec.training.data.batch import Faces
from bcdcodec.training.data.flow import teacher_flow
from bcdcodec.training.run.sharding import SINGLE_PROCESS, ProcessShard
from bcdcodec.video.landmarks import EYES, IRISES, LIDS, MOUTH, POINTS

#: Sides of the compared pictures, fine to coarse, and their weights.
SIZES = {128: 1.0, 64: 1.0, 32: 1.5, 16: 2.0}
#: Side of the pictures for the optical-flow search.
SEARCH_SIZE = 64
SEARCH_WEIGHT, POINT_WEIGHT = 0.3, 2.0
#: Unit of landmark distances: this fraction of the picture.
UNIT = 64
#: Weight of the landmarks of mouth and eyes.
FEATURE_WEIGHT = 4.0
#: Parts with a shape loss, independent of the pose, and its weight.
PARTS = (MOUTH, *LIDS, *(lids + iris for lids, iris in zip(LIDS, IRISES, strict=True)))
SHAPE_WEIGHT = 6.0


def warping_loss(flow: Tensor, faces: Faces, share: ProcessShard = SINGLE_PROCESS) -> Tensor:
    """Loss of the flow [B, F, 2, h, w]: photometric, optical flow, and landmarks."""
    weight_map = face_weights(faces.motion_points, faces.thumbnails.shape[-1])
    seen, wanted = from_uint8(faces.picture), from_uint8(faces.thumbnails)
    loss = flow.new_zeros(())
    for size, weight in SIZES.items():
        small, target = F.adaptive_avg_pool2d(seen, size), F.adaptive_avg_pool2d(wanted.flatten(0, 1), size)
        moved = warp_frames(small, resize_flow(flow, size)).flatten(0, 1)
        # Charbonnier: unmatchable regions (a shut eye, a bare wall) weigh less.
        difference = ((moved - target).square().mean(1, keepdim=True) + 1e-4).sqrt()
        loss = loss + weight * (difference * F.adaptive_avg_pool2d(weight_map.flatten(0, 1), size)).mean()
        if size == SEARCH_SIZE:
            searched = teacher_flow(small, target.unflatten(0, wanted.shape[:2]), size)
    missed = F.huber_loss(resize_flow(flow, SEARCH_SIZE), searched, reduction="none")
    flow_error = missed * F.adaptive_avg_pool3d(weight_map, (1, SEARCH_SIZE, SEARCH_SIZE))
    return loss + SEARCH_WEIGHT * flow_error.mean() + POINT_WEIGHT * point_loss(flow, faces, share)


def point_loss(flow: Tensor, faces: Faces, share: ProcessShard = SINGLE_PROCESS) -> Tensor:
    """Error of the flow at each frame's landmarks, in flow pixels.

    Frames without a face on either side are left out.
    """
    b, f = flow.shape[:2]
    points = faces.motion_points  # [B, F, L, 2]
    where = (points.nan_to_num() * 2 - 1).flatten(0, 1)[:, None]  # [B*F, 1, L, 2]
    read = F.grid_sample(flow.flatten(0, 1), where, mode="bilinear", padding_mode="border", align_corners=False)
    read = read[:, :, 0].movedim(1, -1).unflatten(0, (b, f))  # [B, F, L, 2]
    return displacement_distance(read / flow.shape[-1], faces.content_points[:, None] - points, share)


def displacement_distance(predicted: Tensor, expected: Tensor, share: ProcessShard = SINGLE_PROCESS) -> Tensor:
    """Mean distance of landmark displacements [B, F, L, 2], and of the shapes of the parts of the face."""
    return point_distance(predicted, expected, share) + SHAPE_WEIGHT * shape_distance(predicted, expected, share)


def shapes(moved: Tensor) -> Tensor:
    """Displacement of each landmark of a part relative to the mean of that part: [..., L, 2] -> [..., S, 2]."""
    parts = [moved[..., list(part), :] for part in PARTS]
    return torch.cat([part - part.mean(-2, keepdim=True) for part in parts], -2)


def shape_distance(predicted: Tensor, expected: Tensor, share: ProcessShard = SINGLE_PROCESS) -> Tensor:
    """Mean distance of the shapes [B, F, L, 2] in 64ths of the picture, NaN left out."""
    wanted = shapes(expected)
    known = wanted.isfinite().all(-1)  # [B, F, S]
    # A shutting eye moves its lids by half a 64th: the quadratic zone is smaller than for positions.
    distance = F.smooth_l1_loss(shapes(predicted) * UNIT, wanted.nan_to_num() * UNIT, beta=0.1, reduction="none").sum(
        -1
    )
    return share.ratio((distance * known).sum(), known.sum().float(), least=1)


def point_distance(predicted: Tensor, expected: Tensor, share: ProcessShard = SINGLE_PROCESS) -> Tensor:
    """Mean distance of positions or displacements [B, F, L, 2] in 64ths of the picture, NaN left out.

    predicted, expected: in fractions of the picture.
    """
    known = expected.isfinite().all(-1)  # [B, F, L]
    distance = F.smooth_l1_loss(predicted * UNIT, expected.nan_to_num() * UNIT, beta=0.25, reduction="none").sum(-1)
    weight = known * _point_weights().to(known.device)
    return share.ratio((distance * weight).sum(), weight.sum(), least=1)


def face_weights(points: Tensor, size: int) -> Tensor:
    """Spatial loss weights of each frame, mean 1: the head twice, mouth and eyes many times the background.

    points: [B, F, L, 2] as fractions of the picture, NaN where unknown (the centre of the picture then counts as face).
    Returns [B, F, 1, size, size].
    """
    middle = points.new_tensor([[0.5, 0.42], [0.5, 0.52], [0.42, 0.4], [0.58, 0.4]])
    # Head, mouth, right and left eye: centre and extent of the weight, as fractions of the picture.
    parts = (tuple(range(POINTS)), MOUTH, *LIDS)
    centers = torch.stack([points[:, :, list(part)].mean(2) for part in parts], 2)  # [B, F, 4, 2]
    centers = torch.where(centers.isfinite(), centers, middle)
    reach = points.new_tensor([0.2, 0.06, 0.045, 0.045])
    height = points.new_tensor([1.0, 4.0, 3.0, 3.0])
    grid = (torch.arange(size, device=points.device) + 0.5) / size
    across, down = (
        torch.exp(-((grid - centers[..., axis, None]) ** 2) / (2 * reach[:, None] ** 2)) for axis in (0, 1)
    )  # [B, F, 4, size]
    weight = 1 + torch.einsum("bfp,bfpy,bfpx->bfyx", height.expand(*centers.shape[:3]), down, across)
    return (weight / weight.mean((2, 3), keepdim=True))[:, :, None]


def _point_weights() -> Tensor:
    weights = torch.ones(POINTS)
    weights[list(MOUTH + EYES)] = FEATURE_WEIGHT
    return weights
