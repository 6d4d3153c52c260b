"""Statistics of landmark sequences: speed, spread, blinks, diversity, and Frechet distance between sets.

Events are detected by apertures relative to the median of their own sequence, with the same thresholds for real and
for generated motion: eyes that are nearly shut for a moment, a mouth that opens. The thresholds are small, because the
codec's eyelids follow only in part; the numbers compare sets with one another and do not count real blinks.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bcdcodec.evaluation.metrics.distribution import FeatureSet, frechet_distance
from bcdcodec.evaluation.metrics.landmarks import apertures
from bcdcodec.studies.generation.landmarks import FaceLandmarks
from bcdcodec.studies.generation.packet_loss import find_gaps

#: Drop of the lids and rise of the mouth's aperture that are an event, in % of the inter-ocular distance, and the
#: longest blink in frames.
BLINK_DROP, MOUTH_RISE, LONGEST_BLINK = 1.0, 2.0, 5
#: Principal directions of motion in the features, and frames of a feature window (2 s at 12.5 fps).
DIRECTIONS, WINDOW_FRAMES = 12, 25


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionStatistics:
    """Means over sequences of landmarks.

    speed: of a landmark, in % of the inter-ocular distance a second; spread: standard deviation of a landmark about its
    mean position, in %; blinks, mouth_openings: events a minute.
    """

    speed: float
    spread: float
    blinks: float
    mouth_openings: float


def motion_statistics(sequences: list[FaceLandmarks], *, frame_rate: float) -> MotionStatistics:
    """Statistics of sequences of at least two frames each, weighted by their frames."""
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


def count_events(points: FaceLandmarks) -> tuple[int, int]:
    """Numbers of (blinks, mouth openings) in a sequence [T, L, 2]."""
    per_frame = [apertures(mesh) for mesh in points]
    eyes, mouth = (np.array([aperture[part] for aperture in per_frame]) for part in ("eyes", "mouth"))
    shut = _runs(eyes < np.median(eyes) - BLINK_DROP)
    return sum(length <= LONGEST_BLINK for length in shut), len(_runs(mouth > np.median(mouth) + MOUTH_RISE))


def motion_basis(sequences: list[FaceLandmarks]) -> NDArray[np.float64]:
    """Principal directions of landmarks about their mean position in a sequence: [DIRECTIONS, L*2], orthonormal."""
    moved = np.concatenate([(points - points.mean(0)).reshape(len(points), -1) for points in sequences])
    _, _, rows = np.linalg.svd(moved, full_matrices=False)
    return np.asarray(rows[:DIRECTIONS])


def motion_features(sequences: list[FaceLandmarks], basis: NDArray[np.float64]) -> FeatureSet:
    """Spread and speed in each direction of windows of WINDOW_FRAMES frames, in %: float64 [N, 2 * DIRECTIONS]."""
    rows = []
    for points in sequences:
        for start in range(0, len(points) - WINDOW_FRAMES + 1, WINDOW_FRAMES):
            window = points[start : start + WINDOW_FRAMES].reshape(WINDOW_FRAMES, -1) @ basis.T
            rows.append(np.concatenate([window.std(0), np.abs(np.diff(window, axis=0)).mean(0)]))
    return np.array(rows) / np.sqrt(basis.shape[1] / 2)  # independent of the number of landmarks


def motion_distance(found: list[FaceLandmarks], expected: list[FaceLandmarks], basis: NDArray[np.float64]) -> float:
    """Frechet distance of the features of two sets of sequences; comparable only between sets of one size."""
    return frechet_distance(motion_features(found, basis), motion_features(expected, basis))


def diversity(sequences: list[FaceLandmarks]) -> float:
    """Mean landmark distance over all pairs of sequences and all frames, in % of the inter-ocular distance.

    Landmarks are relative to their sequence's first frame. At least two sequences of one length.
    """
    moved = [points - points[:1] for points in sequences]
    pairs = [(a, b) for i, a in enumerate(moved) for b in moved[i + 1 :]]
    return float(np.mean([np.linalg.norm(a - b, axis=-1).mean() for a, b in pairs]))


def _runs(flags: NDArray[np.bool_]) -> list[int]:
    """Lengths of the runs of True."""
    return [end - start for start, end in find_gaps(flags, packet_frames=1, frames=len(flags))]
