"""Scores of a denoiser of pictures on pairs that it did not learn from, beside what it starts from.

still: the reference held      warp: moved, nothing painted      painted: as decoders do
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from bcdcodec.denoiser.objective import TOP_SIGMA
from bcdcodec.denoiser.packing import find_parts, read_pairs
from bcdcodec.denoiser.pairs import RUN, Pairs
from bcdcodec.evaluation.metrics.dists import Dists
from bcdcodec.evaluation.metrics.lpips import Lpips
from bcdcodec.model.guides import FACE_PLANES, Guides
from bcdcodec.model.unet import PictureDenoiser
from bcdcodec.model.vae import to_uint8

#: What the network is told of content, and of motion beside the warp.
CONDITIONS = {"content": ("warps", "stills", "areas"), "vectors": ("rasters", "motion")}


@dataclass(frozen=True, slots=True)
class Score:
    """Means over frames: PSNR in dB of all squared errors, LPIPS (AlexNet), DISTS, and mean absolute change between the
    two frames of a run, relative to the true change.
    """

    psnr: float
    lpips: float
    dists: float
    flicker: float


@torch.inference_mode()
def score_denoiser(net: PictureDenoiser, folder: Path, *, excerpts: int) -> dict[str, Score]:
    """Scores of still, warp and painted frame, on the first excerpts of a folder of pairs.

    MissingExtraError without the extra `metrics`, ConfigError where there are no pairs.
    """
    lpips, dists = Lpips("alex"), Dists()
    rows: dict[str, list[tuple[float, float, float, float]]] = {}
    for true, made in _made(net, folder, excerpts):
        motion = np.abs(np.diff(true.astype(float), axis=0)[::RUN]).mean()
        for name, video in made.items():
            square = float(((video.astype(float) - true) ** 2).mean())
            changed = float(np.abs(np.diff(video.astype(float), axis=0)[::RUN]).mean() / motion)
            seen = float(np.mean(lpips(video, true))), float(np.mean(dists(video, true)))
            rows.setdefault(name, []).append((square, *seen, changed))
    means = {name: np.mean(values, 0) for name, values in rows.items()}
    return {
        name: Score(float(10 * np.log10(255**2 / mean[0])), *(float(value) for value in mean[1:]))
        for name, mean in means.items()
    }


@torch.inference_mode()
def condition_errors(net: PictureDenoiser, folder: Path, *, excerpts: int) -> dict[str, float]:
    """Mean absolute error (pictures in [-1, 1]) of frames that are denoised from noise level TOP_SIGMA: with the true
    conditions; with those of the next excerpt or zeros as content (still, warp and its areas) or as vectors (motion
    vectors and landmarks beside the warp); and with motion as decoders have it, warp and vectors, of another moment of
    the same excerpt or none.

    ConfigError where there are no pairs.
    """
    pairs = Pairs.joined([read_pairs(part) for part in find_parts(folder)]).rows(slice(excerpts))
    targets, guides = pairs.targets(), pairs.guides()
    frames, conditions = len(targets) // len(pairs), {"true": guides}
    for name, fields in CONDITIONS.items():
        planes = {field: getattr(guides, field) for field in fields}
        others = {field: plane.roll(frames, 0) for field, plane in planes.items()}
        conditions[f"{name} of another"] = dataclasses.replace(guides, **others)
        zeros = {field: torch.zeros_like(plane) for field, plane in planes.items()}
        conditions[f"no {name}"] = dataclasses.replace(guides, **zeros)
    moved = {field: getattr(guides, field) for field in ("warps", "areas", "rasters", "motion")}
    moments = {field: plane.unflatten(0, (-1, frames)).roll(RUN, 1).flatten(0, 1) for field, plane in moved.items()}
    # The raster of the still, the last planes, is the same at all moments.
    conditions["motion of another moment"] = dataclasses.replace(guides, **moments)
    still_face = guides.rasters[:, FACE_PLANES:]
    conditions["no motion"] = dataclasses.replace(
        guides,
        warps=guides.stills,
        areas=torch.zeros_like(guides.areas),
        rasters=torch.cat([still_face, still_face], 1),
        motion=torch.zeros_like(guides.motion),
    )
    noise = TOP_SIGMA * torch.randn(targets.shape, generator=torch.Generator().manual_seed(0))
    sigma = torch.full((frames,), TOP_SIGMA)
    errors = dict.fromkeys(conditions, 0.0)
    for start in range(0, len(targets), frames):
        rows = slice(start, start + frames)
        for name, given in conditions.items():
            part = Guides(*(getattr(given, field)[rows] for field in Guides.__slots__))
            frame = net(targets[rows] + noise[rows], sigma, part)
            errors[name] += float((frame - targets[rows]).abs().mean()) / len(pairs)
    return errors


def _made(net: PictureDenoiser, folder: Path, excerpts: int) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
    """True frames of an excerpt [T, P, P, 3], and what was made of them."""
    for part in find_parts(folder):
        pairs = read_pairs(part)
        for row in range(min(len(pairs), excerpts)):
            one = pairs.rows([row])
            guides = one.guides()
            painted = net(guides.warps, torch.full((len(guides.warps),), TOP_SIGMA), guides)
            made = {"still": guides.stills, "warp": guides.warps, "painted": painted}
            arrays = {name: to_uint8(x).permute(0, 2, 3, 1).contiguous().numpy() for name, x in made.items()}
            yield one.frames[0].permute(0, 2, 3, 1).contiguous().numpy(), arrays
        excerpts -= len(pairs)
        if excerpts <= 0:
            return
