"""Expected LPIPS of a picture: less for nearer frames, more for what it hides and for coarse coding."""

import numpy as np
import pytest
import torch

from bcdcodec.codec.encode.expected_loss import (
    WarpComparison,
    coding_loss,
    frame_content,
    frame_picture,
    hidden_share,
)
from bcdcodec.codec.model import CodecModel
from bcdcodec.codec.window import Window


def test_a_frame_tells_itself_best(model: CodecModel) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, *[model.config.pixels] * 2, 3)).astype(np.uint8)
    pixels[1:] = pixels[:1]
    pixels[3] = 255 - pixels[3]
    faces = torch.rand(1, model.config.denoiser.landmarks, 2, generator=torch.Generator().manual_seed(0))
    shot = Window.of_frames(model, pixels, faces.expand(4, -1, -1))
    comparison = WarpComparison(model, shot, step=1)
    near, far = (comparison.losses(frame_content(shot, index), shot.landmarks[index]) for index in (0, 3))
    assert near.shape == (1,) and near[0] < far[0]


@pytest.mark.parametrize("has_face", [True, False])
def test_a_smaller_comparison_keeps_the_order(model: CodecModel, has_face: bool) -> None:
    """By the flow network and by landmarks alone; of pictures that differ in more than noise."""
    side = model.config.pixels
    places = torch.linspace(0, 6, side)
    waves = [((1 + (places[:, None] + places + shift).sin()) * 127).byte() for shift in (0.0, 0.3, 1.5)]
    pixels = torch.stack(waves)[..., None].expand(-1, -1, -1, 3).numpy()
    faces = torch.rand(1, model.config.denoiser.landmarks, 2, generator=torch.Generator().manual_seed(0))
    if not has_face:
        faces = torch.full_like(faces, torch.nan)
    shot = Window.of_frames(model, np.ascontiguousarray(pixels[[0, 0, 0, 1, 2]]), faces.expand(5, -1, -1))
    length = model.config.window_frames
    comparison = WarpComparison(model, shot, step=length, shrink=4)
    fine = [comparison.losses(frame_content(shot, index), shot.landmarks[index]) for index in (0, 3, 4)]
    rough = [comparison.rough_losses(frame_picture(shot, index), shot.landmarks[index]) for index in (0, 3, 4)]
    for losses in (fine, rough):
        assert [len(some) for some in losses] == [-(-5 // length)] * 3
        assert losses[0][0] < losses[1][0] < losses[2][0]


def test_the_frame_of_a_short_window_is_its_last(model: CodecModel) -> None:
    length = model.config.window_frames
    pixels = np.zeros((length + 1, *[model.config.pixels] * 2, 3), np.uint8)
    pixels[[0, -1]] = 255  # the second window is this one frame
    faces = torch.full((length + 1, model.config.denoiser.landmarks, 2), torch.nan)
    shot = Window.of_frames(model, pixels, faces)
    comparison = WarpComparison(model, shot, step=length, first=length // 2, shrink=4)
    losses = comparison.rough_losses(frame_picture(shot, 0), shot.landmarks[0])
    assert losses[0] > losses[1] == 0


def test_more_bits_lose_less() -> None:
    losses = [coding_loss(bits) for bits in (0, 3000, 9000, 27_000)]
    assert losses == sorted(losses, reverse=True) and losses[-1] > 0


def test_a_turned_picture_hides_what_a_frontal_face_shows() -> None:
    """A face of the mesh on a cylinder, turned; of a frontal picture a turned frame misses little."""
    x, y = (torch.rand(478, generator=torch.Generator().manual_seed(seed)) * 2 - 1 for seed in (0, 1))

    def turned(angle: float) -> torch.Tensor:
        around = 1.2 * x + angle
        return torch.stack([0.5 + 0.2 * around.sin(), 0.5 + 0.2 * y], -1)

    frames = torch.stack([turned(0.0), turned(1.0), turned(1.0) * 0.5])
    frontal, profile = (hidden_share(frames, turned(angle)) for angle in (0.0, 1.0))
    assert frontal[0] == 0 == profile[1] == profile[2]
    assert profile[0] > 0.1 > frontal[1]
    nowhere = torch.full((478, 2), torch.nan)
    assert hidden_share(frames, nowhere).tolist() == [0, 0, 0] == hidden_share(frames[:, :68], nowhere[:68]).tolist()
