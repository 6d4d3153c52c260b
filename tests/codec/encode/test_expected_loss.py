"""Expected LPIPS of a picture: less for nearer frames, more for what it hides and for coarse coding."""

import numpy as np
import torch

from bcdcodec.codec.encode.expected_loss import WarpComparison, coding_loss, frame_content, hidden_share
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
