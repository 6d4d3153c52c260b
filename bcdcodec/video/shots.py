"""Shots of a media file, each with one static crop square.

Cut detection, transitions and face detection share one pass, of which some bytes a second are kept. No picture comes
from the middle of a fade or dissolve: those frames hold the picture before it, and what follows it is a shot of its
own. Black before the first picture, or a fade from it, shows that picture.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from bcdcodec.errors import FaceError, VideoError
from bcdcodec.frame import CropBox, Frame
from bcdcodec.video.cuts import CutDetector
from bcdcodec.video.face import Face
from bcdcodec.video.reader import VideoReader
from bcdcodec.video.source import MediaSource
from bcdcodec.video.track import FaceTracker
from bcdcodec.video.transitions import Range, TransitionDetector

_log = logging.getLogger(__name__)

#: Faces are looked for this often: a head moves little more than the box's margin in between.
LOOKS_PER_SECOND = 4
#: A piece between two cuts shorter than this (a blended frame, a flash) stays with the shot before it.
MIN_SHOT_SECONDS = 0.4
#: A file may begin with as much that shows nothing, which its first picture then replaces.
MAX_LEAD_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """Frames [start, start + frames) share one box. faces: how many matter; without has_face the box is a fallback.

    held: frames [first, end) of the file in a fade or dissolve, which show the last picture before it; those from 0 on
    show the first one after them.
    """

    start: int
    frames: int
    box: CropBox
    faces: int
    has_face: bool
    held: tuple[Range, ...] = ()


def plan_shots(source: MediaSource, *, crop: bool = True) -> list[Shot]:
    """Cut a source into shots and choose a square for each, in one pass.

    - No face in the whole file: FaceError, which suggests --no-crop.
    - A shot without a face in a file with faces: the largest centred square.
    - Two faces or more: the one with the largest area summed over time; a warning is logged.
    - The face leaves the picture: the box holds for the rest of the shot.
    - crop=False (--no-crop): the largest centred square everywhere, no face is looked for.
    """
    with source.open_frames() as reader:
        shots = find_shots(reader, crop=crop)
    if crop and not any(shot.has_face for shot in shots):
        size = shots[0].box.size
        raise FaceError(f"no face found in {source.name}; --no-crop codes the centred square {size}x{size}")
    for shot in shots:
        if shot.faces > 1:
            _log.warning("%s: %d faces from frame %d on, the largest is coded", source.name, shot.faces, shot.start)
    return shots


def find_shots(reader: VideoReader, *, crop: bool = True) -> list[Shot]:
    """Find the shots of a video that may have no face."""
    cuts, transitions = CutDetector(), TransitionDetector()
    every = max(1, round(reader.rate / LOOKS_PER_SECOND))
    starts, looks, count = [0], dict[int, list[Face]](), 0
    for frame in reader:
        if cuts.is_cut(frame):
            starts.append(count)
        transitions.push(cuts.shown)
        if crop and (count - starts[-1]) % every == 0:
            looks[count] = FaceTracker.look(frame)
        count += 1
    held = held_ranges(transitions, count, longest_lead=int(MAX_LEAD_SECONDS * reader.rate))
    starts = [start for start in starts if not start or not any(first <= start <= end for first, end in held)]
    starts = sorted({*starts, *(end for first, end in held if first and end < count)})
    shots, tracker = list[Shot](), FaceTracker(reader.width, reader.height)
    for start, end in zip(starts, [*starts[1:], count], strict=True):
        if shots and end - start < MIN_SHOT_SECONDS * reader.rate:
            shots[-1] = replace(shots[-1], frames=end - shots[-1].start)
            continue
        tracker.reset()
        for index in range(start, end):
            if index in looks:
                tracker.add(looks[index])
        has_face = crop and tracker.has_face
        face_count = tracker.face_count if crop else 0
        shots.append(
            Shot(start=start, frames=end - start, box=tracker.planned_box, faces=face_count, has_face=has_face)
        )
    return [replace(shot, held=_within(held, shot)) for shot in shots]


def held_ranges(transitions: TransitionDetector, count: int, *, longest_lead: int) -> list[Range]:
    """Frames [first, end) that show another picture than their own: that before them, or from frame 0 that after them.

    count: frames of the file; longest_lead: frames without a picture at the beginning that its first one may replace.
    """
    ranges, flat = transitions.ranges, transitions.flat_frames
    lead = flat if flat < count and flat <= longest_lead else 0
    if ranges and ranges[0][0] <= max(1, lead) and ranges[0][1] < count:
        lead = ranges.pop(0)[1]
    return [(0, lead), *ranges] if lead else ranges


def _within(ranges: list[Range], shot: Shot) -> tuple[Range, ...]:
    """The ranges of a shot, cut where it ends."""
    start, end = shot.start, shot.start + shot.frames
    cut = ((max(first, start), min(last, end)) for first, last in ranges)
    return tuple((first, last) for first, last in cut if first < last)


def halve_frame_rate(shots: list[Shot]) -> list[Shot]:
    """Shots at half the frame rate; one that has no frame left goes with the one before it."""
    halved: list[Shot] = []
    end = sum(shot.frames for shot in shots)
    for shot, next_start in zip(shots, [*(shot.start for shot in shots[1:]), end], strict=True):
        start, until = -(-shot.start // 2), -(-next_start // 2)
        if until > start:
            ranges = ((-(-first // 2), -(-last // 2)) for first, last in shot.held)
            held = tuple((first, last) for first, last in ranges if first < last)
            halved.append(replace(shot, start=start, frames=until - start, held=held))
    return halved


def frames_of_shots(reader: VideoReader, shots: list[Shot]) -> Iterator[tuple[Frame, Shot, bool]]:
    """Yield every frame, its shot, and whether it is the shot's last. VideoError where there are fewer frames."""
    frames = _settled(reader, [one for shot in shots for one in shot.held])
    for shot in shots:
        for index in range(shot.frames):
            frame = next(frames, None)
            if frame is None:
                raise VideoError(f"{reader.name} gave fewer frames than when its shots were found")
            yield frame, shot, index + 1 == shot.frames


def _settled(frames: Iterable[Frame], held: list[Range]) -> Iterator[Frame]:
    """The frames with those of these ranges replaced: by the last one before; from 0 on by the first one after."""
    lead = held[0][1] if held and not held[0][0] else 0
    shown: Frame | None = None
    for frame in frames:
        if frame.index < lead:
            continue
        if lead and frame.index == lead:
            yield from (Frame(pixels=frame.pixels, index=index) for index in range(lead))
        if shown is not None and any(first <= frame.index < end for first, end in held):
            frame = Frame(pixels=shown.pixels, index=frame.index)
        shown = frame
        yield frame
