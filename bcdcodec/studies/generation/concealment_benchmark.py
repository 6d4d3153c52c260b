"""Benchmark of loss concealment on code streams: landmark errors of every concealer on the same lost packets.

Errors are of landmarks decoded from codes (landmarks.py), over lost frames alone; flicker is over the steps into,
within and out of each gap. Clips of one person are alike, so concealers are compared person by person.
"""

from dataclasses import dataclass

import numpy as np
import torch

from bcdcodec.codec.decode.concealment import Concealer
from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.harness.intervals import Interval, interval_of_people
from bcdcodec.studies.generation.landmarks import LandmarkReader, landmark_error, landmark_flicker
from bcdcodec.studies.generation.packet_loss import LossPattern, fill_gaps, find_gaps
from bcdcodec.training.data.code_streams import CodeStream


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcealmentScore:
    """Landmark error and flicker of one concealer: means over the lost frames, in % of the inter-ocular distance.

    against_first: difference of its error to that of the first concealer (below 0 is better), mean over people and its
    95 % interval.
    """

    error: float
    flicker: float
    against_first: Interval


@dataclass(frozen=True, slots=True)
class ConcealmentComparison:
    """Concealers on the same lost packets. lost_frames and gaps of all streams together; results by concealer."""

    lost_frames: int
    gaps: int
    results: dict[str, ConcealmentScore]


def compare_concealers(
    streams: list[CodeStream],
    pattern: LossPattern,
    concealers: dict[str, Concealer],
    landmarks: LandmarkReader,
    *,
    packet_frames: int,
    draws: int = 1,
) -> ConcealmentComparison:
    """Lose packets of every stream, `draws` times over, and fill the same gaps with each concealer.

    The first concealer is the reference of the differences. ConfigError where nothing is lost.
    """
    errors: dict[str, list[float]] = {name: [] for name in concealers}
    flickers: dict[str, list[float]] = {name: [] for name in concealers}
    people: list[str] = []
    gap_count = 0
    for index, stream in enumerate(streams):
        expected = landmarks(stream)
        content = torch.from_numpy(np.asarray(stream.content, np.float32))
        codes = stream.codes.astype(np.int64)
        for draw in range(draws):
            lost = pattern.draw(-(-len(codes) // packet_frames), np.random.default_rng((index, draw)))
            gaps = find_gaps(lost, packet_frames=packet_frames, frames=len(codes))
            gap_count += len(gaps)
            people += [stream.person for start, end in gaps for _ in range(start, end)]
            for name, concealer in concealers.items():
                filled = landmarks(stream, fill_gaps(codes, gaps, concealer, content))
                for start, end in gaps:
                    errors[name] += landmark_error(filled[start:end], expected[start:end]).tolist()
                    around = slice(start - 1, end + 1)
                    flickers[name] += landmark_flicker(filled[around], expected[around]).tolist()
    if not people:
        raise ConfigError(f"no packet of {len(streams)} streams is lost, there is nothing to compare")
    first = next(iter(errors.values()))
    results = {}
    for name in concealers:
        differences: dict[str, list[float]] = {}
        for person, error, reference in zip(people, errors[name], first, strict=True):
            differences.setdefault(person, []).append(error - reference)
        results[name] = ConcealmentScore(
            error=float(np.mean(errors[name])),
            flicker=float(np.mean(flickers[name])),
            against_first=interval_of_people(differences),
        )
    return ConcealmentComparison(len(people), gap_count, results)
