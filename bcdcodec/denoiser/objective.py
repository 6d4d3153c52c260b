"""The loss of the denoiser of pictures: what is seen, from the first update.

    distance       |D - y|, more around lips and eyes
    perception     LPIPS over AlexNet
    texture        similarity of the channels of AlexNet and EfficientNet-lite0, in the form that DISTS has over VGG16
    flicker        |changes of D - changes of y| between the two frames of a run

Most runs are denoised from the warp itself, without noise, as decoders do; some of them from a point on the way that a
first denoising takes from there, as decoders do in their later steps; the others from the true frame with noise of any
level.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from bcdcodec.denoiser.pairs import RUN
from bcdcodec.evaluation.metrics.dists import similarities
from bcdcodec.evaluation.metrics.features import Features
from bcdcodec.evaluation.metrics.imagenet import alex_taps, convolutions, heads, read_table
from bcdcodec.evaluation.metrics.lpips import SCALE, SHIFT
from bcdcodec.model.edm import sample_sigma
from bcdcodec.model.guides import Guides

#: Weights of the parts, distance first.
PERCEPTION, TEXTURE, FLICKER = 1.0, 0.75, 0.5
#: The distance is mostly that of means of squares of so many pixels, lest what cannot be known of a texture be smoothed
#: away: share of the distance of single pixels in it.
COARSE, FINE = 4, 0.15
#: Blocks of EfficientNet-lite0 whose texture is compared beside that of AlexNet, at 1/2, 1/4 and 1/8 of the side.
TAPS = (0, 2, 4)
#: Weight of pixels around landmarks of lips and eyes, and how far around them, in cells of the rasters.
FACE_WEIGHT, FACE_REACH = 6.0, 4
#: Share of the runs that start from noise, and their levels: ln sigma ~ N(mean, std^2).
NOISY, SIGMA_MEAN, SIGMA_STD = 0.25, -1.6, 1.0
#: Noise level at which decoders start, where x says nothing beside the warp.
TOP_SIGMA = 1.0
#: Share of the updates whose runs from the warp start on the way, the least share of it that is left, and the share of
#: the change at least that was made: decoders paint less than all of the correction.
ON_THE_WAY, LEAST_LEFT, LEAST_MADE = 0.3, 0.05, 0.5
#: What networks of features do not see can be painted at no cost: AlexNet sees every fourth position. So they are shown
#: pictures that are shifted by up to so many pixels, turned, mirrored, enlarged or reduced within these factors, and
#: whose channels have other gains, within this share (Kettunen et al., 2019, E-LPIPS).
MOST_SHIFT, LEAST_SCALE, MOST_SCALE, GAINS = 3, 0.8, 1.25, 0.1


@dataclass(frozen=True, slots=True)
class Loss:
    """The parts of a loss, scalars each."""

    distance: Tensor
    perception: Tensor
    texture: Tensor
    flicker: Tensor

    @property
    def total(self) -> Tensor:
        return self.distance + PERCEPTION * self.perception + TEXTURE * self.texture + FLICKER * self.flicker


class Perception:
    """AlexNet and the heads of LPIPS, differentiable. MissingExtraError without the extra `metrics`."""

    def __init__(self, device: torch.device) -> None:
        table = read_table("alex")
        self._layers = [(weight.to(device), bias.to(device)) for weight, bias in convolutions(table)]
        self._heads = [head.to(device) for head in heads(table)]
        self._other = Features()
        self._other.network.to(device).requires_grad_(False)

    def __call__(self, found: Tensor, expected: Tensor) -> tuple[Tensor, Tensor]:
        """LPIPS and dissimilarity of texture of pictures [N, 3, H, W] in [-1, 1], the mean of each."""
        with torch.no_grad():
            wanted = self._features(expected)
            other_wanted = [*self._other.taps((expected + 1) / 2, TAPS)]
        features, distance = self._features(found), found.new_zeros(())
        for one, other, head in zip(features, wanted, self._heads, strict=True):
            distance = distance + ((_unit(one) - _unit(other)).square() * head).sum(1).mean()
        other_features = [*self._other.taps((found + 1) / 2, TAPS)]
        return distance, 1 - (_alike(features, wanted) + _alike(other_features, other_wanted)) / 2

    def _features(self, x: Tensor) -> list[Tensor]:
        shift, scale = (x.new_tensor(values).view(1, 3, 1, 1) for values in (SHIFT, SCALE))
        return alex_taps((x - shift) / scale, self._layers)


def denoiser_loss(
    frames: Tensor, targets: Tensor, guides: Guides, perception: Perception, generator: torch.Generator
) -> Loss:
    """Loss of painted frames [N, 3, P, P], runs of RUN of them; generator: of shifts, on the CPU."""
    weight, error = face_weight(guides), frames - targets
    fine = (error.abs() * weight).sum() / (3 * weight.sum())
    coarse_weight = F.avg_pool2d(weight, COARSE)
    coarse = (F.avg_pool2d(error, COARSE).abs() * coarse_weight).sum() / (3 * coarse_weight.sum())
    distance = FINE * fine + (1 - FINE) * coarse
    seen, texture = perception(*looks(frames, targets, generator=generator))
    changes, true = (torch.diff(video.view(-1, RUN, *video.shape[1:]), dim=1) for video in (frames, targets))
    return Loss(distance, seen, texture, (changes - true).abs().mean())


def looks(*pictures: Tensor, generator: torch.Generator) -> list[Tensor]:
    """Pictures [N, 3, P, P] in [-1, 1] as networks of features are shown them, all in the same random way."""
    shift_y, shift_x, turns, mirror = torch.randint(0, MOST_SHIFT + 1, (4,), generator=generator).tolist()
    scale, *gains = torch.rand(4, generator=generator).tolist()
    side = round((LEAST_SCALE + (MOST_SCALE - LEAST_SCALE) * scale) * pictures[0].shape[-1])
    gain = pictures[0].new_tensor([1 + GAINS * (2 * value - 1) for value in gains]).view(3, 1, 1)
    shown = list[Tensor]()
    for picture in pictures:
        seen = torch.rot90(picture[..., shift_y:, shift_x:], turns, (2, 3))
        seen = seen.flip(-1) if mirror % 2 else seen
        seen = F.interpolate(seen, size=(side, side), mode="bilinear", antialias=True)
        shown.append(gain * (seen + 1) - 1)
    return shown


def noisy_starts(targets: Tensor, guides: Guides, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """What is denoised, and its noise levels [N]; the frames of a run share level and noise."""
    runs, shape = len(targets) // RUN, targets.shape[1:]
    levels = sample_sigma((runs,), mean=SIGMA_MEAN, std=SIGMA_STD, generator=generator)
    noise = torch.randn((runs, *shape), generator=generator)
    noisy = torch.rand(runs, generator=generator) < NOISY
    sigma = torch.where(noisy, levels, TOP_SIGMA).repeat_interleave(RUN, 0).to(targets.device)
    noise = noise.repeat_interleave(RUN, 0).to(targets.device)
    chosen = noisy.repeat_interleave(RUN, 0).to(targets.device)[:, None, None, None]
    return torch.where(chosen, targets + sigma[:, None, None, None] * noise, guides.warps), sigma


def starts_on_the_way(
    net: Callable[[Tensor, Tensor, Guides], Tensor],
    x: Tensor,
    sigma: Tensor,
    guides: Guides,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Starts of `noisy_starts`, those from the warp moved to points on the way that the network takes from it.

    net: the denoiser. From noise level TOP_SIGMA to 0 a sampler goes straight to D(warp), without noise.
    """
    runs = len(x) // RUN
    left = LEAST_LEFT + (1 - LEAST_LEFT) * torch.rand(runs, generator=generator)
    made = LEAST_MADE + (1 - LEAST_MADE) * torch.rand(runs, generator=generator)
    left, made = (drawn.repeat_interleave(RUN, 0).to(x.device) for drawn in (left, made))
    from_warp = sigma == TOP_SIGMA
    with torch.no_grad():
        change = net(guides.warps, torch.full_like(sigma, TOP_SIGMA), guides) - guides.warps
    on_the_way = guides.warps + (made * (1 - left))[:, None, None, None] * change
    return torch.where(from_warp[:, None, None, None], on_the_way, x), torch.where(from_warp, left * TOP_SIGMA, sigma)


def face_weight(guides: Guides) -> Tensor:
    """Weight of each pixel [N, 1, P, P]: FACE_WEIGHT around lips and eyes, 1 elsewhere."""
    parts = guides.rasters[:, :2].amax(1, keepdim=True)
    near = F.max_pool2d((parts > 0).to(parts.dtype), 2 * FACE_REACH + 1, 1, FACE_REACH)
    near = F.interpolate(near, size=guides.warps.shape[-2:], mode="nearest")
    return 1 + (FACE_WEIGHT - 1) * near


def _alike(found: Sequence[Tensor], expected: Sequence[Tensor]) -> Tensor:
    """Mean similarity of texture and structure of the channels of several maps."""
    each = [torch.stack(similarities(one, other)).mean() for one, other in zip(found, expected, strict=True)]
    return torch.stack(each).mean()


def _unit(x: Tensor) -> Tensor:
    """Channels of every position at unit length."""
    return x / (x.square().sum(1, keepdim=True) + 1e-10).sqrt()
