"""Concealment tried out on code streams. In: streams, a loss pattern, concealers. Out: what each makes of the same
gaps.

Errors are those of points read off codes (points.py), over lost frames alone; flicker is over the steps into, within
and out of each gap. Concealers are compared person by person, as clips of one person are alike.
"""

from dataclasses import dataclass

import numpy as np
import torch

from bcdcodec.codec.decode.concealment import Concealer
from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.harness.intervals import Interval, interval
from bcdcodec.motion.loss import LossPattern, fill_gaps, gaps_of
from bcdcodec.motion.points import PointReader, point_error, point_flicker
from bcdcodec.training.data.code_streams import CodeStream


@dataclass(frozen=True, slots=True, kw_only=True)
class Concealed:
    """What one concealer reaches: means over the lost frames of all streams, in % of the eyes' distance.
    against_first: by
    how much its error lies above that of the first concealer (below 0 is better), mean over people and its 95 %
    interval.
    """

    error: float
    flicker: float
    against_first: Interval


@dataclass(frozen=True, slots=True)
class Trial:
    """lost_frames and gaps of all streams together; results by the names of the concealers."""

    lost_frames: int
    gaps: int
    results: dict[str, Concealed]


def try_concealers(
    streams: list[CodeStream],
    pattern: LossPattern,
    concealers: dict[str, Concealer],
    points: PointReader,
    *,
    packet_frames: int,
    draws: int = 1,
) -> Trial:
    """Lose packets of every stream, `draws` times over, and fill the same gaps with each concealer; the first of them
    is what the others are compared with. ConfigError where nothing is lost.
    """
    errors: dict[str, list[float]] = {name: [] for name in concealers}
    flickers: dict[str, list[float]] = {name: [] for name in concealers}
    people: list[str] = []
    frames = gaps = 0
    for number, stream in enumerate(streams):
        expected = points(stream)
        content = torch.from_numpy(np.asarray(stream.content, np.float32))
        codes = stream.codes.astype(np.int64)
        for draw in range(draws):
            rng = np.random.default_rng((number, draw))
            lost = pattern.draw(-(-len(codes) // packet_frames), rng)
            found = gaps_of(lost, packet_frames=packet_frames, frames=len(codes))
            frames, gaps = frames + sum(end - start for start, end in found), gaps + len(found)
            people += [stream.person for start, end in found for _ in range(start, end)]
            for name, concealer in concealers.items():
                filled = points(stream, fill_gaps(codes, found, concealer, content))
                for start, end in found:
                    errors[name] += point_error(filled[start:end], expected[start:end]).tolist()
                    around = slice(start - 1, end + 1)
                    flickers[name] += point_flicker(filled[around], expected[around]).tolist()
    if not frames:
        raise ConfigError(f"no packet of {len(streams)} streams is lost, there is nothing to compare")
    first = np.array(next(iter(errors.values())))
    results = {
        name: Concealed(
            error=float(np.mean(errors[name])),
            flicker=float(np.mean(flickers[name])),
            against_first=_by_person(np.array(errors[name]) - first, people),
        )
        for name in concealers
    }
    return Trial(frames, gaps, results)


def _by_person(values: np.ndarray, people: list[str]) -> Interval:
    names = np.array(people)
    return interval([float(values[names == name].mean()) for name in sorted(set(people))])
