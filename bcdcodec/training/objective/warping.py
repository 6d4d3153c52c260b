"""What an anchor learns from. In: its flow, pictures and points of faces. Out: one loss.

    warped small pictures at several sizes - the frames   what can be seen
    flow - optical flow of a classical search             where the rest of the picture has gone
    flow at the points of the face - their displacement   where lips, lids and irises have gone
    movement read off the codes - that of the points      the same, asked of the encoder directly

A warp's gradient sees one pixel around, and lips are a handful of pixels of the whole: asked for displacements
directly, the codes learn poses in minutes. Mouths and eyes they learn only if the shapes of those are asked for by
themselves: in the distances of points the pose drowns them. Points and optical flow are for training alone.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from bcdcodec.model.vae import from_uint8
from bcdcodec.model.warp import resize_flow, warp_frames
from bcdcodec.training.data.flow import teacher_flow
from bcdcodec.training.data.sampler import Faces
from bcdcodec.training.run.sharding import SINGLE_PROCESS, ProcessShard
from bcdcodec.video.landmarks import EYES, IRISES, LIDS, MOUTH, POINTS

#: Sides of the pictures that are compared, sharp to coarse, and how much each counts.
SIZES = {128: 1.0, 64: 1.0, 32: 1.5, 16: 2.0}
#: Side of the pictures that the classical search looks at.
SEARCH_SIZE = 64
SEARCH_WEIGHT, POINT_WEIGHT = 0.3, 2.0
#: Distances of points are counted in this fraction of the picture, a pixel of the flow.
UNIT = 64
#: Points of mouth and eyes count this many times as much as the others.
FEATURE_WEIGHT = 4.0
#: Parts whose shape counts by itself, whatever the head does, and how much beside the distance of points.
PARTS = (MOUTH, *LIDS, *(lids + iris for lids, iris in zip(LIDS, IRISES, strict=True)))
SHAPE_WEIGHT = 6.0


def anchor_loss(flow: Tensor, faces: Faces, share: ProcessShard = SINGLE_PROCESS) -> Tensor:
    """Distance of what the flow [B, F, 2, h, w] makes of the content to the frames, as pictures and as movements."""
    place = face_weights(faces.motion_points, faces.thumbnails.shape[-1])
    seen, wanted = from_uint8(faces.picture), from_uint8(faces.thumbnails)
    loss = flow.new_zeros(())
    for size, weight in SIZES.items():
        small, target = F.adaptive_avg_pool2d(seen, size), F.adaptive_avg_pool2d(wanted.flatten(0, 1), size)
        moved = warp_frames(small, resize_flow(flow, size)).flatten(0, 1)
        # Charbonnier: what cannot be matched (a shut eye, a bare wall) pulls less than what can.
        difference = ((moved - target).square().mean(1, keepdim=True) + 1e-4).sqrt()
        loss = loss + weight * (difference * F.adaptive_avg_pool2d(place.flatten(0, 1), size)).mean()
        if size == SEARCH_SIZE:
            searched = teacher_flow(small, target.unflatten(0, wanted.shape[:2]), size)
    missed = F.huber_loss(resize_flow(flow, SEARCH_SIZE), searched, reduction="none")
    found = missed * F.adaptive_avg_pool3d(place, (1, SEARCH_SIZE, SEARCH_SIZE))
    return loss + SEARCH_WEIGHT * found.mean() + POINT_WEIGHT * point_loss(flow, faces, share)


def point_loss(flow: Tensor, faces: Faces, share: ProcessShard = SINGLE_PROCESS) -> Tensor:
    """Distance of the flow, read at each frame's points, to where the content has the same point; in flow pixels.
    Frames without a face on either side count for nothing.
    """
    b, f = flow.shape[:2]
    points = faces.motion_points  # [B, F, L, 2]
    where = (points.nan_to_num() * 2 - 1).flatten(0, 1)[:, None]  # [B*F, 1, L, 2]
    read = F.grid_sample(flow.flatten(0, 1), where, mode="bilinear", padding_mode="border", align_corners=False)
    read = read[:, :, 0].movedim(1, -1).unflatten(0, (b, f))  # [B, F, L, 2]
    return movement_distance(read / flow.shape[-1], faces.content_points[:, None] - points, share)


def motion_loss(found: Tensor, faces: Faces, share: ProcessShard = SINGLE_PROCESS) -> Tensor:
    """Distance of the points' movement as read off the codes [B, F, L, 2] to the true one; in flow pixels.

    A straight way for the gradient to the encoder, past the anchor's blocks.
    """
    return movement_distance(found, faces.motion_points - faces.content_points[:, None], share)


def movement_distance(found: Tensor, expected: Tensor, share: ProcessShard = SINGLE_PROCESS) -> Tensor:
    """Mean distance of the movements of points [B, F, L, 2], and of the shapes of the parts of the face."""
    return point_distance(found, expected, share) + SHAPE_WEIGHT * shape_distance(found, expected, share)


def shapes(moved: Tensor) -> Tensor:
    """Movement of each point of a part against the mean movement of that part: [..., L, 2] -> [..., S, 2]."""
    parts = [moved[..., list(part), :] for part in PARTS]
    return torch.cat([part - part.mean(-2, keepdim=True) for part in parts], -2)


def shape_distance(found: Tensor, expected: Tensor, share: ProcessShard = SINGLE_PROCESS) -> Tensor:
    """Mean distance of the shapes [B, F, L, 2] in 64ths of the picture, NaN left out."""
    wanted = shapes(expected)
    known = wanted.isfinite().all(-1)  # [B, F, S]
    # An eye that shuts moves its lids by half a 64th: smaller differences count in full than for places.
    distance = F.smooth_l1_loss(shapes(found) * UNIT, wanted.nan_to_num() * UNIT, beta=0.1, reduction="none").sum(-1)
    return share.ratio((distance * known).sum(), known.sum().float(), least=1)


def point_distance(found: Tensor, expected: Tensor, share: ProcessShard = SINGLE_PROCESS) -> Tensor:
    """Mean distance of points or movements [B, F, L, 2] in fractions of the picture, in 64ths of it, NaN left out."""
    known = expected.isfinite().all(-1)  # [B, F, L]
    distance = F.smooth_l1_loss(found * UNIT, expected.nan_to_num() * UNIT, beta=0.25, reduction="none").sum(-1)
    weight = known * _point_weights().to(known.device)
    return share.ratio((distance * weight).sum(), weight.sum(), least=1)


def face_weights(points: Tensor, size: int) -> Tensor:
    """Weight of each place of each frame, mean 1: the head twice, mouth and eyes many times as much as the rest.

    points: [B, F, L, 2] as fractions of the picture, NaN where unknown (the middle of the picture then counts as face).
    Returns [B, F, 1, size, size].
    """
    middle = points.new_tensor([[0.5, 0.42], [0.5, 0.52], [0.42, 0.4], [0.58, 0.4]])
    # Head, mouth, right and left eye: middle and how far the weight reaches, as fractions of the picture.
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
