"""Lively and calm clips of a folder: how much the face moves in the start of each, and who moves most and least."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from bcdcodec.evaluation.harness.clips import Clip
from bcdcodec.video.landmarks import landmarks
from bcdcodec.video.reader import VideoReader

#: Faces are found in so many frames a second.
RATE = Fraction(4)
#: Most clips of a group.
MOST = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionItem:
    """A clip to measure, and the file of its record."""

    clip: Clip
    seconds: float
    record: Path


def measure_motion(_: None, item: MotionItem) -> dict[str, float | None]:
    """Spread of the landmarks of the face about their mean places, in % of the face's size.

    None where fewer than two frames show a face. VideoError where the clip cannot be read.
    """
    with VideoReader(item.clip.path, RATE) as reader:
        meshes = [landmarks(frame) for frame in itertools.islice(reader, max(2, round(item.seconds * RATE)))]
    points = np.array([mesh[:, :2] for mesh in meshes if mesh is not None], dtype=np.float64)
    if len(points) < 2:
        return {"motion": None}
    size = float(np.ptp(points, axis=1).max(-1).mean())
    return {"motion": 100 * float(np.sqrt(points.var(axis=0).sum(-1)).mean()) / size}


def candidates(clips: Sequence[Clip], seconds: float) -> list[Clip]:
    """The clips of the asked length; all, where fewer than two people have one: motion grows with length."""
    long = [clip for clip in clips if clip.seconds >= seconds]
    return long if len({clip.person for clip in long}) >= 2 else [*clips]


def choose_groups(
    clips: Sequence[Clip], motion: Mapping[str, float], *, most: int = MOST
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the clips that move most, and of those that move least: `most` of each or half of what there is.

    motion: clip -> measure; clips without one are left out. One clip a person, where there are two people or more.
    """
    ranked = sorted((clip for clip in clips if clip.name in motion), key=lambda clip: -motion[clip.name])
    if len({clip.person for clip in ranked}) >= 2:
        liveliest: dict[str, Clip] = {}
        for clip in ranked:
            liveliest.setdefault(clip.person, clip)
        ranked = list(liveliest.values())
    count = min(most, max(1, len(ranked) // 2))
    calm = ranked[max(count, len(ranked) - count) :]
    return tuple(clip.name for clip in ranked[:count]), tuple(clip.name for clip in calm)
