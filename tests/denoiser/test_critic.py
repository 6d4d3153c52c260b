"""The discriminator: it learns to tell painted frames from true ones, and what lowers its painter's loss fools it."""

from pathlib import Path

import pytest
import torch
from media_kit import needs

from bcdcodec.denoiser.critic import MOUTH_PIXELS, MOUTH_SHARE, Critic, hinge, mouths
from bcdcodec.denoiser.pairs import Pairs
from bcdcodec.errors import WeightsError
from bcdcodec.model.guides import LIPS


@pytest.fixture
def critic() -> Critic:
    needs("efficientnet_lite_pytorch")
    torch.manual_seed(0)
    return Critic(torch.device("cpu"))


def test_it_tells_blurred_frames_from_true_ones(critic: Critic, small_pairs: Pairs) -> None:
    true, points = small_pairs.targets(), small_pairs.points.float().flatten(0, 1)
    blurred = torch.nn.functional.avg_pool2d(true, 5, 1, 2)
    losses = [float(critic.learn(blurred, true, points)[1]) for _ in range(12)]
    assert losses[-1] < 0.9 * losses[0] and 1 < losses[0] < 4
    painted = blurred.clone().requires_grad_()
    before, _ = critic.learn(painted, true, points)
    (gradient,) = torch.autograd.grad(before, painted)
    assert gradient.any()
    after, _ = critic.learn(true, true, points)
    assert float(after) < float(before.detach())


def test_its_network_stays_frozen(critic: Critic, small_pairs: Pairs) -> None:
    network = critic._features.network
    before = {name: value.clone() for name, value in network.state_dict().items()}
    critic.learn(small_pairs.guides().warps, small_pairs.targets(), small_pairs.points.float().flatten(0, 1))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_its_heads_are_saved(critic: Critic, small_pairs: Pairs, tmp_path: Path) -> None:
    points = small_pairs.points.float().flatten(0, 1)
    critic.learn(small_pairs.guides().warps, small_pairs.targets(), points)
    critic.save(tmp_path / "critic.safetensors", 1)
    other = Critic(torch.device("cpu"))
    other.load(tmp_path / "critic.safetensors")
    assert all(torch.equal(a, b) for a, b in zip(critic.heads.parameters(), other.heads.parameters(), strict=True))
    scores = [one.learn(small_pairs.guides().warps, small_pairs.targets(), points)[0] for one in (critic, other)]
    assert float(scores[0]) == pytest.approx(float(scores[1]), rel=1e-4)
    (tmp_path / "critic.safetensors").write_bytes(b"no checkpoint")
    with pytest.raises(WeightsError):
        other.load(tmp_path / "critic.safetensors")


def test_mouths_are_squares_around_the_lips() -> None:
    frames = torch.zeros(2, 3, 100, 100)
    frames[:, :, 60, 40] = 1
    points = torch.zeros(2, 478, 2)
    points[0, list(LIPS)] = torch.tensor([0.405, 0.605])
    points[1] = torch.nan  # not known: the middle
    first, second = mouths(frames, points)
    assert first.shape == (3, MOUTH_PIXELS, MOUTH_PIXELS)
    y, x = divmod(int(first[0].argmax()), MOUTH_PIXELS)
    assert abs(y - MOUTH_PIXELS / 2) <= 2 and abs(x - MOUTH_PIXELS / 2) <= 2
    y, x = divmod(int(second[0].argmax()), MOUTH_PIXELS)
    expected = (0.105 / MOUTH_SHARE + 0.5) * MOUTH_PIXELS, (-0.095 / MOUTH_SHARE + 0.5) * MOUTH_PIXELS
    assert abs(y - expected[0]) <= 3 and abs(x - expected[1]) <= 3
    edge = mouths(torch.ones(1, 3, 100, 100), torch.zeros(1, 478, 2))
    torch.testing.assert_close(edge, torch.ones_like(edge))  # nothing from outside of the picture


def test_hinge() -> None:
    assert float(hinge(torch.tensor([1.0, 2.0]), torch.tensor([-1.0]))) == 0
    assert float(hinge(torch.tensor([0.0]), torch.tensor([0.0]))) == 2
