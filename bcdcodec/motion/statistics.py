"""How sequences of motion move. In: points of faces. Out: speed, spread, events, features for distances between sets.

Events are told by apertures (evaluation/metrics/landmarks.py) against the median of their own sequence, the same way for real and
for generated motion: eyes that are nearly shut for a moment, a mouth that opens. The thresholds are small, as the
codec's eyelids follow only in part; the numbers compare sets with one another, they do not count real blinks.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bcdcodec.evaluation.metrics.distribution import FeatureSet, frechet_distance
from bcdcodec.evaluation.metrics.landmarks import apertures
from bcdcodec.motion.points import FacePoints

#: In % of the distance of the eyes: how far lids fall and lips part to be an event, and the longest blink in frames.
BLINK_DROP, MOUTH_RISE, LONGEST_BLINK = 1.0, 2.0, 5
#: Directions of movement that features look at, and frames of a window (2 s at 12.5 fps).
DIRECTIONS, WINDOW_FRAMES = 12, 25


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionStatistics:
    """Means over sequences. speed: of the points, in % of the eyes' distance a second; spread: standard deviation of a
    point about its mean place, in %; blinks, mouth_openings: events a minute.
    """

    speed: float
    spread: float
    blinks: float
    mouth_openings: float


def motion_statistics(sequences: list[FacePoints], *, frame_rate: float) -> MotionStatistics:
    """Over sequences of at least two frames each, weighed by their frames."""
    frames = np.array([len(points) for points in sequences])
    speed = [np.linalg.norm(np.diff(points, axis=0), axis=-1).mean() * frame_rate for points in sequences]
    spread = [np.sqrt(points.var(axis=0).sum(-1)).mean() for points in sequences]
    events = np.array([count_events(points) for points in sequences])  # [N, 2]
    minutes = frames.sum() / frame_rate / 60
    return MotionStatistics(
        speed=float(np.average(speed, weights=frames)),
        spread=float(np.average(spread, weights=frames)),
        blinks=float(events[:, 0].sum() / minutes),
        mouth_openings=float(events[:, 1].sum() / minutes),
    )


def count_events(points: FacePoints) -> tuple[int, int]:
    """(blink-like, mouth-open) events of a sequence [T, L, 2]."""
    found = [apertures(mesh) for mesh in points]
    eyes, mouth = (np.array([item[part] for item in found]) for part in ("eyes", "mouth"))
    shut = _runs(eyes < np.median(eyes) - BLINK_DROP)
    return sum(length <= LONGEST_BLINK for length in shut), len(_runs(mouth > np.median(mouth) + MOUTH_RISE))


def motion_basis(sequences: list[FacePoints]) -> NDArray[np.float64]:
    """The directions in which points move most about their mean place in a sequence: [DIRECTIONS, L*2], orthonormal."""
    moved = np.concatenate([(points - points.mean(0)).reshape(len(points), -1) for points in sequences])
    _, _, rows = np.linalg.svd(moved, full_matrices=False)
    return np.asarray(rows[:DIRECTIONS])


def motion_features(sequences: list[FacePoints], basis: NDArray[np.float64]) -> FeatureSet:
    """Windows of WINDOW_FRAMES frames as spread and speed in each direction, in %: float64 [N, 2 * DIRECTIONS]."""
    rows = []
    for points in sequences:
        for start in range(0, len(points) - WINDOW_FRAMES + 1, WINDOW_FRAMES):
            window = points[start : start + WINDOW_FRAMES].reshape(WINDOW_FRAMES, -1) @ basis.T
            rows.append(np.concatenate([window.std(0), np.abs(np.diff(window, axis=0)).mean(0)]))
    return np.array(rows) / np.sqrt(basis.shape[1] / 2)  # of a point, whatever the number of points


def motion_distance(found: list[FacePoints], expected: list[FacePoints], basis: NDArray[np.float64]) -> float:
    """Frechet distance of the features of two sets of sequences; compare only sets of one size."""
    return frechet_distance(motion_features(found, basis), motion_features(expected, basis))


def diversity(sequences: list[FacePoints]) -> float:
    """Mean distance of the points of two sequences at the same time, over all pairs, from their own first places on;
    in % of the eyes' distance. At least two sequences of one length.
    """
    moved = [points - points[:1] for points in sequences]
    pairs = [(a, b) for i, a in enumerate(moved) for b in moved[i + 1 :]]
    return float(np.mean([np.linalg.norm(a - b, axis=-1).mean() for a, b in pairs]))


def _runs(flags: NDArray[np.bool_]) -> list[int]:
    """Lengths of the runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(int)))
    return [int(b - a) for a, b in edges.reshape(-1, 2)]
