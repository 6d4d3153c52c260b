"""What the warper learns from: a far shift is found, points pull the flow to where they moved, weights follow faces."""

import pytest
import torch

from bcdcodec.model.vae import to_uint8
from bcdcodec.training.data.batch import Faces
from bcdcodec.training.objective.warping import (
    displacement_distance,
    face_weights,
    point_loss,
    shape_distance,
    warping_loss,
)
from bcdcodec.video.landmarks import EYES, MOUTH, POINTS

pytest.importorskip("cv2")


def faces(seen: torch.Tensor, wanted: torch.Tensor, points: torch.Tensor | None = None) -> Faces:
    """One clip of one frame, pictures in [-1, 1]; without points no face was found."""
    unknown = torch.full((1, POINTS, 2), torch.nan)
    given = unknown if points is None else points
    return Faces(to_uint8(seen), to_uint8(wanted), content_points=given, motion_points=given[:, None].clone())


def test_the_loss_falls_all_the_way_to_a_far_shift() -> None:
    """A blob a fifth of the picture away, farther than one pixel's gradient reaches on the sharp picture alone."""
    place = torch.arange(128).float()

    def blob(x: float) -> torch.Tensor:
        bump = torch.exp(-((place - x) ** 2) / 72)
        shape = bump[None, :] * torch.exp(-((place - 64) ** 2) / 72)[:, None]
        return shape[None, None].expand(1, 3, -1, -1) * 2 - 1

    batch = faces(blob(52), blob(76)[:, None])

    def loss(shift: float) -> float:
        flow = torch.tensor([shift, 0.0]).view(1, 1, 2, 1, 1).expand(1, 1, 2, 64, 64)
        return float(warping_loss(flow, batch))

    losses = [loss(shift) for shift in range(0, -13, -2)]  # in pixels of the flow
    assert losses == sorted(losses, reverse=True)
    assert loss(-14) > losses[-1] and loss(12) > losses[0]


def test_points_are_read_where_the_frame_has_them() -> None:
    """A face that moved right by an eighth: the flow there must look an eighth to the left, elsewhere it may be
    anything.
    """
    points = torch.rand(1, POINTS, 2) * 0.2 + 0.3
    batch = faces(torch.zeros(1, 3, 128, 128), torch.zeros(1, 1, 3, 128, 128), points)
    batch.motion_points[..., 0] += 0.125
    flow = torch.randn(1, 1, 2, 64, 64)
    flow[:, :, :, 16:36, 24:44] = torch.tensor([-8.0, 0.0]).view(2, 1, 1)
    assert float(point_loss(flow, batch)) == pytest.approx(0, abs=1e-4)
    assert float(point_loss(torch.zeros_like(flow), batch)) == pytest.approx(8 - 0.125, abs=1e-3)


def test_frames_without_a_face_count_for_nothing() -> None:
    batch = faces(torch.zeros(1, 3, 128, 128), torch.zeros(1, 1, 3, 128, 128))
    flow = torch.ones(1, 1, 2, 64, 64, requires_grad=True)
    loss = point_loss(flow, batch)
    loss.backward()
    assert loss.item() == 0 and flow.grad is not None and not flow.grad.any()


def test_weights_follow_the_face() -> None:
    points = torch.full((1, 2, POINTS, 2), 0.25)
    points[:, 1] = torch.nan
    points[:, 0, list(MOUTH), 1] = 0.5
    points[:, 0, list(EYES), 0] = 0.75
    weights = face_weights(points, 64)
    assert weights.shape == (1, 2, 1, 64, 64)
    torch.testing.assert_close(weights.mean((3, 4)), torch.ones(1, 2, 1))
    mouth, eyes, corner = weights[0, 0, 0, 32, 16], weights[0, 0, 0, 16, 48], weights[0, 0, 0, 63, 63]
    assert mouth > 3 * corner and eyes > 3 * corner
    middle = weights[0, 1, 0]
    assert middle[32, 32] > 3 * middle[63, 63] and middle.isfinite().all()


def test_shapes_count_whatever_the_head_does() -> None:
    """The head as a whole goes: no shape has changed. One lip goes: the same distance of points costs far more."""
    still = torch.zeros(1, 1, POINTS, 2)
    gone, parted = still + 0.02, still.clone()
    parted[:, :, [17, 84, 91, 146, 181, 314, 321, 375, 405]] += torch.tensor([0.0, 0.02])
    assert float(shape_distance(gone, still)) == pytest.approx(0, abs=1e-6)
    assert float(shape_distance(parted, still)) > 0.02
    lid = still.clone()
    lid[:, :, 159, 1] = torch.nan
    assert torch.isfinite(displacement_distance(gone, lid))
    assert float(shape_distance(gone, torch.full_like(still, torch.nan))) == 0
