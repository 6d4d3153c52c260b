"""References of a file: which frames are sent as pictures, and which picture each window is warped from.

frames -> segments of a shot -> candidates and the references kept so far, warped to frames of every window
       -> how many new pictures, which frames, from when -> the best reference of each window
"""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bcdcodec.bitstream.records import MAX_REFERENCE_NUMBER, MAX_REFERENCES
from bcdcodec.codec.encode.backend import SHRINK, EncodingModel
from bcdcodec.codec.encode.cropped_frame import CroppedFrame
from bcdcodec.codec.encode.expected_loss import Losses, WarpComparison, coding_loss
from bcdcodec.codec.motion_reference import FrameReference
from bcdcodec.codec.reference_choice import candidate_frames
from bcdcodec.codec.window import Floats, Window, WindowBuilder
from bcdcodec.ratecontrol.plan import REFERENCE_FRAMING_BITS
from bcdcodec.ratecontrol.tuning import RateTuning

#: Frames of a segment that may become a picture, and about how many they are warped to, one of each window at least,
#: both spread evenly.
CANDIDATES, COMPARED_FRAMES = 12, 16
#: Frames for each new picture and for all of them, and references kept so far, that are compared by codes and the flow
#: network, too: those that are best by landmarks alone.
NEAR_EACH, NEAR_CANDIDATES, NEAR_KEPT = 4, 9, 3
#: Least share of the error in force by which another reference must be better: a switch is seen.
MIN_GAIN = 0.04
#: Share of the first segment's bits that the first picture of a file gets at least.
FIRST_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class PlannedPicture:
    """A picture to send: a frame of the file, its number in its shot, and the number of the one that it drops, or 0."""

    frame: int
    number: int
    drops: int


@dataclass(frozen=True, slots=True)
class ReferencePlan:
    """Pictures of a file by the window before which they are sent, and the number of the reference of every window;
    windows and segments by their first frames.
    """

    segments: set[int] = field(default_factory=set)
    pictures: dict[int, PlannedPicture] = field(default_factory=dict)
    used: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Candidate:
    """A frame that may become a picture, or did. reference: once it was needed; loss: LPIPS by its coding; last: first
    frame of the last window that used it.
    """

    frame: int
    pixels: NDArray[np.uint8]
    face: Floats
    reference: FrameReference | None = None
    loss: float = 0.0
    number: int = -1
    last: int = -1


class ReferenceSurvey:
    """Sink of a pass over a file that decides on its references; `plan` after the last frame.

    frame_bits: what the pictures of a segment may take, in bits a frame. Only for models with a warper.
    """

    def __init__(self, model: EncodingModel, *, frame_bits: float, tuning: RateTuning) -> None:
        self._model, self._tuning, self._frame_bits = model, tuning, frame_bits
        self._segment_frames = tuning.segment_windows * model.config.window_frames
        self._gathered = WindowBuilder(model)
        self._start = self._frames = 0
        self._number = 0  # of the next picture of the shot
        self._kept: list[_Candidate] = []
        self._last_picture = -1  # first frame that may use the last picture
        self.plan = ReferencePlan()

    def push_cropped(self, frame: CroppedFrame) -> list[None]:
        """Take one frame."""
        self._gathered.add(frame.pixels, frame.landmarks)
        self._frames += 1
        if len(self._gathered) == self._segment_frames:
            self._close()
        return []

    def new_shot(self) -> list[None]:
        """Finish the shot: the next frame begins another one, with references of its own."""
        self._close()
        self._kept, self._number = [], 0
        return []

    def flush(self) -> list[None]:
        """Decide on what is still gathered, after the last frame."""
        return self.new_shot()

    def _close(self) -> None:
        """Decide on a segment: its pictures, and the reference of each of its windows."""
        if not len(self._gathered):
            return
        shot, start = self._gathered.take(), self._start
        self._start = self._frames
        self.plan.segments.add(start)
        if self._number > MAX_REFERENCE_NUMBER - self._tuning.max_segment_references:
            self._kept, self._number = [], 0  # numbers are used up: as in a new shot
        kept, bits = [*self._kept], self._frame_bits * len(shot.pixels)
        # Beside the first picture of a shot only as many as have room; a short end leaves its bits to the others.
        windows = math.ceil(len(shot.pixels) / self._model.config.window_frames)
        least_bits = self._tuning.min_reference_bits + REFERENCE_FRAMING_BITS
        most = min(self._tuning.max_segment_references, windows, int(bits / least_bits))
        if not kept:
            most = max(1, most)
        elif len(shot.pixels) < self._segment_frames / 4:
            most = 0
        frames = candidate_frames(shot, CANDIDATES) if most else []
        rows = [*kept, *(self._candidate(shot, index, start) for index in frames)]
        step = min(self._model.config.window_frames, math.ceil(len(shot.pixels) / COMPARED_FRAMES))
        comparison = WarpComparison(self._model, shot, step=step, shrink=SHRINK)
        rough = np.stack([comparison.rough_losses(row.pixels, row.face) + row.loss for row in rows])
        gone = superfluous(rough[: len(kept)], len(kept) - NEAR_KEPT)
        near = [row for row in range(len(kept)) if row not in gone]
        compared = len(near)
        rows = [rows[row] for row in (*near, *near_candidates(rough, kept=len(kept), bits=bits, most=most))]
        losses = np.stack([self._losses(comparison, shot, row, start) for row in rows])
        picks = choose_pictures(losses, kept=compared, bits=bits, most=most)
        taken = [*range(compared), *(row for row, _ in picks)]
        if len(taken) > 1:  # of one frame a window, a window too many is made from the wrong one
            between = WarpComparison(self._model, shot, step=step, first=step // 2, shrink=SHRINK)
            for row in taken:
                losses[row] = (losses[row] + self._losses(between, shot, rows[row], start)) / 2
        for row, since in picks:
            first = start + since * self._model.config.window_frames
            rows[row].loss = coding_loss(self._expected_bits(first, bits * max(FIRST_SHARE, 1 / len(picks))))
            losses[row] += rows[row].loss
            self._last_picture = first
        for row in gone[: max(0, len(kept) + len(picks) - MAX_REFERENCES)]:
            kept[row].last = -1  # the next to be dropped
        assigned = assign(losses, kept=compared, picks=picks)
        begins = [start + index * self._model.config.window_frames for index in range(len(assigned))]
        for begin, row in zip(begins, assigned, strict=True):
            rows[row].last = begin
        for row, since in picks:
            if row in assigned:  # sent in time, used where it is best
                self._send(rows[row], begins[since])
        self.plan.used.update({begin: rows[row].number for begin, row in zip(begins, assigned, strict=True)})

    def _losses(self, comparison: WarpComparison, shot: Window, row: _Candidate, start: int) -> Losses:
        """Expected LPIPS of every window from a reference, the loss by its coding included where it is known."""
        if row.reference is None:  # a frame of this segment
            row.reference = FrameReference.of_shot(self._model, shot, row.frame - start)
        return comparison.losses(row.reference) + row.loss

    def _expected_bits(self, start: int, first_bits: float) -> float:
        """Expected size of a picture that is used from frame `start` on: it is sent after the one before it. The first
        of the file comes before all motion, and gets `first_bits`, what later ones have no time for among them.
        """
        return first_bits if self._last_picture < 0 else self._frame_bits * (start - self._last_picture)

    def _send(self, picture: _Candidate, window: int) -> None:
        """Plan a picture, in place of the one that was not used for longest."""
        drops = 0
        if len(self._kept) == MAX_REFERENCES:
            oldest = min((one for one in self._kept if one.number), key=lambda one: one.last)
            self._kept.remove(oldest)
            drops = oldest.number
        picture.number = self._number
        self._number += 1
        self._kept.append(picture)
        self.plan.pictures[window] = PlannedPicture(picture.frame, picture.number, drops)

    def _candidate(self, shot: Window, index: int, start: int) -> _Candidate:
        """The frame of this index as the reference that it would be."""
        pixels, face = shot.pixels[index].copy(), shot.landmarks[index].copy()  # the shot is large
        return _Candidate(start + index, pixels, face)


def near_candidates(losses: Losses, *, kept: int, bits: float, most: int) -> list[int]:
    """Rows of candidates that may be the best new pictures, in order, by rough losses: those that `choose_pictures`
    takes, and for each the NEAR_EACH best in its place or fewer. Arguments as of that.
    """
    picks = choose_pictures(losses, kept=kept, bits=bits, most=most)
    coded = losses.copy()
    coded[kept:] += coding_loss(bits / max(1, len(picks)))
    near, each = {row for row, _ in picks}, min(NEAR_EACH, NEAR_CANDIDATES // max(1, len(picks)))
    for row, since in picks:
        others = [pick for pick in picks if pick[0] != row]
        sums = _joined_sums(coded, kept, others, since)
        near.update(sorted(sums, key=sums.__getitem__)[:each])
    return sorted(near)


def choose_pictures(losses: Losses, *, kept: int, bits: float, most: int) -> list[tuple[int, int]]:
    """Choose new pictures of a segment: rows, each with the window from which it is there.

    losses: expected LPIPS of each window from each row [rows, windows]; the first `kept` rows are there already, those
    of the others are of warps alone. bits: of all new pictures, which come evenly spread over the segment, the first
    one before it. most: of them; 0 where the segment is too short for one.
    """
    best, least = list[tuple[int, int]](), math.inf
    for count in range(1, min(most, len(losses) - kept) + 1):
        coded = losses.copy()
        coded[kept:] += coding_loss(bits / count)
        since = [round(index * losses.shape[1] / count) for index in range(count)]
        rows = list[int]()
        for index in [*range(count), *range(count)]:  # in order, and then each again beside all others
            others = [(row, since[other]) for other, row in enumerate(rows) if other != index]
            sums = _joined_sums(coded, kept, others, since[index])
            rows[index : index + 1] = [min(sums, key=sums.__getitem__)]
        picks = list(zip(rows, since, strict=True))
        mean = float(_reached(coded, kept, picks).mean())
        if mean < least:
            best, least = picks, mean
    return best


def _reached(losses: Losses, kept: int, picks: list[tuple[int, int]]) -> Losses:
    """The least errors by the kept rows and by picks, each from its window on [windows]."""
    reached: Losses = np.min(losses[:kept], 0, initial=np.inf)
    for row, since in picks:
        reached = _joined(reached, losses[row], since)
    return reached


def _joined_sums(losses: Losses, kept: int, picks: list[tuple[int, int]], since: int) -> dict[int, float]:
    """Sum of the least errors with each candidate beside the picks, from a window on, by its row."""
    reached, taken = _reached(losses, kept, picks), {row for row, _ in picks}
    free = (row for row in range(kept, len(losses)) if row not in taken)
    return {row: float(_joined(reached, losses[row], since).sum()) for row in free}


def superfluous(losses: Losses, count: int) -> list[int]:
    """The `count` kept references that a segment misses least, never the first: they make room for new ones.

    losses: [kept, windows].
    """
    rows, gone = [*range(1, len(losses))], list[int]()
    for _ in range(count):
        without = {row: float(losses[[0, *(other for other in rows if other != row)]].min(0).sum()) for row in rows}
        gone.append(min(rows, key=without.__getitem__))
        rows.remove(gone[-1])
    return gone


def _joined(reached: Losses, row: Losses, since: int) -> Losses:
    """The least errors with one more row, from a window on."""
    return np.concatenate([reached[:since], np.minimum(reached[since:], row[since:])])


def assign(losses: Losses, *, kept: int, picks: list[tuple[int, int]]) -> list[int]:
    """The row that each window is warped from: the best one that is there, with a bias to the one before, and at first
    to the new one.

    A new picture is used in one window at least: were none sent for long, the bits of a calm file would find no use.
    """
    rows, before = list[int](), picks[0][0] if picks else -1
    for window in range(losses.shape[1]):
        there = [*range(kept), *(row for row, since in picks if since <= window)]
        best = min(there, key=lambda row: losses[row, window])
        if before < 0 or losses[best, window] < (1 - MIN_GAIN) * losses[before, window]:
            before = best
        rows.append(before)
    if picks and not {row for row, _ in picks} & {*rows}:
        new = picks[0][0]
        ratios = [losses[new, window] / losses[row, window] for window, row in enumerate(rows)]
        rows[int(np.argmin(ratios))] = new
    return rows
