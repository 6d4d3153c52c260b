"""Benchmark of loss concealment on code streams: landmark errors of every concealer on the same lost packets.

Errors are of landmarks decoded from codes (landmarks.py), over lost frames alone; flicker is over the steps into,
within and out of each gap. Clips of one person are alike, so concealers are compared person by person.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from bcdcodec.codec.decode.concealment import Concealer
from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.harness.intervals import Interval, interval
from bcdcodec.studies.generation.landmarks import LandmarkReader, landmark_error, landmark_flicker
from bcdcodec.studies.generation.packet_loss import LossPattern, fill_gaps, find_gaps
from bcdcodec.studies.generation.scores import ConcealmentComparison, ConcealmentScore
from bcdcodec.training.data.code_streams import CodeStream


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
    lost_frames = gap_count = 0
    for index, stream in enumerate(streams):
        expected = landmarks(stream)
        content = torch.from_numpy(np.asarray(stream.content, np.float32))
        codes = stream.codes.astype(np.int64)
        for draw in range(draws):
            rng = np.random.default_rng((index, draw))
            lost = pattern.draw(-(-len(codes) // packet_frames), rng)
            gaps = find_gaps(lost, packet_frames=packet_frames, frames=len(codes))
            lost_frames, gap_count = lost_frames + sum(end - start for start, end in gaps), gap_count + len(gaps)
            people += [stream.person for start, end in gaps for _ in range(start, end)]
            for name, concealer in concealers.items():
                filled = landmarks(stream, fill_gaps(codes, gaps, concealer, content))
                for start, end in gaps:
                    errors[name] += landmark_error(filled[start:end], expected[start:end]).tolist()
                    around = slice(start - 1, end + 1)
                    flickers[name] += landmark_flicker(filled[around], expected[around]).tolist()
    if not lost_frames:
        raise ConfigError(f"no packet of {len(streams)} streams is lost, there is nothing to compare")
    first = np.array(next(iter(errors.values())))
    results = {
        name: ConcealmentScore(
            error=float(np.mean(errors[name])),
            flicker=float(np.mean(flickers[name])),
            against_first=_interval_of_people(np.array(errors[name]) - first, people),
        )
        for name in concealers
    }
    return ConcealmentComparison(lost_frames, gap_count, results)


def _interval_of_people(values: NDArray[np.float64], people: list[str]) -> Interval:
    names = np.array(people)
    return interval([float(values[names == name].mean()) for name in sorted(set(people))])
