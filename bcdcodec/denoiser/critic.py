"""A projected discriminator: it tells painted frames from true ones by frozen features of picture and mouth.

picture, and squares around the mouth -> EfficientNet-lite0, frozen -> maps at 1/4, 1/8 and 1/16 of the side -> scores

Projected discriminators (Sauer et al., *Projected GANs Converge Faster*, 2021) learn from little data, because what
they see is given and only small heads are learned. Loss: hinge.
"""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from bcdcodec.evaluation.metrics.features import Features
from bcdcodec.model.guides import LIPS
from bcdcodec.training.run.checkpoint import load_checkpoint, save_checkpoint

#: Blocks of EfficientNet-lite0 whose outputs are judged, and their channels.
TAPS = {2: 24, 4: 40, 10: 112}
WIDTH = 64
#: Squares around mouths: their side as a share of the frame's, and the side that they are scaled to.
MOUTH_SHARE, MOUTH_PIXELS = 0.3, 128
LEARNING_RATE = 4e-4


class Head(nn.Module):
    """Scores of each position of a map [N, C, H, W]: [N, 1, H, W]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            spectral_norm(nn.Conv2d(channels, WIDTH, 1)),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv2d(WIDTH, WIDTH, 3, padding=1)),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv2d(WIDTH, 1, 1)),
        )

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.layers(x)
        return scores


class Critic:
    """The frozen network, and the learned heads with their optimiser. MissingExtraError without the extra `metrics`."""

    def __init__(self, device: torch.device) -> None:
        self._features = Features()
        self._features.network.to(device).requires_grad_(False)
        heads = [Head(channels) for _ in range(2) for channels in TAPS.values()]
        self.heads = nn.ModuleList(heads).to(device)
        self._optimizer = torch.optim.AdamW(self.heads.parameters(), lr=LEARNING_RATE, betas=(0.0, 0.99))

    def learn(self, painted: Tensor, true: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        """Learn from painted and true frames [N, 3, P, P] in [-1, 1]; the loss that their painter has to lower, and the
        one that the heads had.

        points: landmarks of the frames [N, L, 2], as fractions of the picture.
        """
        found = [*self._maps(painted, points)]
        with torch.no_grad():
            expected = [*self._maps(true, points)]
        self.heads.train().requires_grad_(True)
        heads = [*zip(self.heads, found, expected, strict=True)]
        lost = torch.stack([hinge(head(other), head(one.detach())) for head, one, other in heads]).mean()
        self._optimizer.zero_grad()
        lost.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        self.heads.eval().requires_grad_(False)
        return -torch.stack([head(one).mean() for head, one, _ in heads]).mean(), lost.detach()

    def save(self, path: Path, step: int) -> None:
        """Write a checkpoint of the heads."""
        save_checkpoint(path, step=step, model=self.heads, average=self.heads, optimizer=self._optimizer)

    def load(self, path: Path) -> None:
        """Restore the heads; WeightsError where it is no checkpoint of them."""
        load_checkpoint(path, model=self.heads, average=self.heads, optimizer=self._optimizer)

    def _maps(self, frames: Tensor, points: Tensor) -> Iterator[Tensor]:
        for pictures in (frames, mouths(frames, points)):
            yield from self._features.taps((pictures + 1) / 2, TAPS)


def hinge(true: Tensor, painted: Tensor) -> Tensor:
    """Loss of scores: 0 where true frames have more than 1 and painted ones less than -1."""
    return functional.relu(1 - true).mean() + functional.relu(1 + painted).mean()


def mouths(frames: Tensor, points: Tensor) -> Tensor:
    """Squares around the mouths of frames [N, 3, P, P], at [N, 3, MOUTH_PIXELS, MOUTH_PIXELS]; where one is outside of
    the picture, the square is at its edge.
    """
    centre = points[:, list(LIPS)].mean(1).nan_to_num(0.5) * 2 - 1
    centre = centre.clamp(MOUTH_SHARE - 1, 1 - MOUTH_SHARE)
    theta = torch.cat([MOUTH_SHARE * torch.eye(2).to(frames).expand(len(frames), 2, 2), centre[..., None]], 2)
    grid = functional.affine_grid(theta, [len(frames), 3, MOUTH_PIXELS, MOUTH_PIXELS], align_corners=False)
    return functional.grid_sample(frames, grid, padding_mode="border", align_corners=False)
