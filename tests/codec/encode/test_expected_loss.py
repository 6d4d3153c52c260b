"""Expected LPIPS of a picture: less for nearer frames, more for what it hides and for coarse coding."""

import numpy as np
import pytest

from bcdcodec.codec.encode.expected_loss import (
    WarpComparison,
    coding_loss,
    hidden_share,
)
from bcdcodec.codec.model import CodecModel
from bcdcodec.codec.motion_reference import FrameReference
from bcdcodec.codec.window import Window


def test_a_frame_tells_itself_best(model: CodecModel) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, *[model.config.pixels] * 2, 3)).astype(np.uint8)
    pixels[1:] = pixels[:1]
    pixels[3] = 255 - pixels[3]
    faces = np.random.default_rng(0).random((1, model.config.denoiser.landmarks, 2), np.float32)
    shot = Window.of_frames(model, pixels, faces.repeat(4, 0))
    comparison = WarpComparison(model, shot, step=1)
    near, far = (comparison.losses(FrameReference.of_shot(model, shot, index)) for index in (0, 3))
    assert near.shape == (1,) and near[0] < far[0]


@pytest.mark.parametrize("has_face", [True, False])
def test_a_smaller_comparison_keeps_the_order(model: CodecModel, has_face: bool) -> None:
    """By the flow network and by landmarks alone; of pictures that differ in more than noise."""
    side = model.config.pixels
    places = np.linspace(0, 6, side)
    waves = [(1 + np.sin(places[:, None] + places + shift)) * 127 for shift in (0.0, 0.3, 1.5)]
    pixels = np.stack(waves).astype(np.uint8)[..., None].repeat(3, -1)
    faces = np.random.default_rng(0).random((1, model.config.denoiser.landmarks, 2), np.float32)
    if not has_face:
        faces = np.full_like(faces, np.nan)
    shot = Window.of_frames(model, pixels[[0, 0, 0, 1, 2]], faces.repeat(5, 0))
    length = model.config.window_frames
    comparison = WarpComparison(model, shot, step=length, shrink=4)
    fine = [comparison.losses(FrameReference.of_shot(model, shot, index)) for index in (0, 3, 4)]
    rough = [comparison.rough_losses(shot.pixels[index], shot.landmarks[index]) for index in (0, 3, 4)]
    for losses in (fine, rough):
        assert [len(some) for some in losses] == [-(-5 // length)] * 3
        assert losses[0][0] < losses[1][0] < losses[2][0]


def test_the_frame_of_a_short_window_is_its_last(model: CodecModel) -> None:
    length = model.config.window_frames
    pixels = np.zeros((length + 1, *[model.config.pixels] * 2, 3), np.uint8)
    pixels[[0, -1]] = 255  # the second window is this one frame
    faces = np.full((length + 1, model.config.denoiser.landmarks, 2), np.nan, np.float32)
    shot = Window.of_frames(model, pixels, faces)
    comparison = WarpComparison(model, shot, step=length, first=length // 2, shrink=4)
    losses = comparison.rough_losses(shot.pixels[0], shot.landmarks[0])
    assert losses[0] > losses[1] == 0


def test_more_bits_lose_less() -> None:
    losses = [coding_loss(bits) for bits in (0, 3000, 9000, 27_000)]
    assert losses == sorted(losses, reverse=True) and losses[-1] > 0


def test_a_turned_picture_hides_what_a_frontal_face_shows() -> None:
    """A face of the mesh on a cylinder, turned; of a frontal picture a turned frame misses little."""
    x, y = np.random.default_rng(0).uniform(-1, 1, (2, 478)).astype(np.float32)

    def turned(angle: float) -> np.ndarray:
        return np.stack([0.5 + 0.2 * np.sin(1.2 * x + angle), 0.5 + 0.2 * y], -1)

    frames = np.stack([turned(0.0), turned(1.0), turned(1.0) * 0.5])
    frontal, profile = (hidden_share(frames, turned(angle)) for angle in (0.0, 1.0))
    assert frontal[0] == 0 == profile[1] == profile[2]
    assert profile[0] > 0.1 > frontal[1]
    nowhere = np.full((478, 2), np.nan, np.float32)
    assert hidden_share(frames, nowhere).tolist() == [0, 0, 0] == hidden_share(frames[:, :68], nowhere[:68]).tolist()
