"""Shots of a media file, each with one static crop square.

Cut detection and face tracking share one pass in constant memory.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from bcdcodec.errors import FaceError, VideoError
from bcdcodec.frame import CropBox, Frame
from bcdcodec.video.cuts import CutDetector
from bcdcodec.video.reader import VideoReader
from bcdcodec.video.source import MediaSource
from bcdcodec.video.track import FaceTracker

_log = logging.getLogger(__name__)

#: Faces are looked for this often: a head moves little more than the box's margin in between.
LOOKS_PER_SECOND = 4
#: A piece between two cuts shorter than this (a blended frame, a flash) stays with the shot before it.
MIN_SHOT_SECONDS = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """Frames [start, start + frames) share one box. faces: how many matter; without has_face the box is a fallback."""

    start: int
    frames: int
    box: CropBox
    faces: int
    has_face: bool


def plan_shots(source: MediaSource, *, crop: bool = True) -> list[Shot]:
    """Cut a source into shots and choose a square for each, in one pass and constant memory.

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
    shots: list[Shot] = []
    cuts, tracker = CutDetector(), FaceTracker(reader.width, reader.height)
    every = max(1, round(reader.rate / LOOKS_PER_SECOND))
    start = count = 0
    for frame in reader:
        if cuts.is_cut(frame):
            _finish(shots, tracker, start, count, rate=reader.rate, crop=crop)
            tracker.reset()
            start = count
        if crop and (count - start) % every == 0:
            tracker.observe(frame)
        count += 1
    _finish(shots, tracker, start, count, rate=reader.rate, crop=crop)
    return shots


def _finish(shots: list[Shot], tracker: FaceTracker, start: int, end: int, *, rate: Fraction, crop: bool) -> None:
    """Append the shot [start, end), or lengthen the one before where it is too short to stand alone."""
    if shots and end - start < MIN_SHOT_SECONDS * rate:
        shots[-1] = replace(shots[-1], frames=end - shots[-1].start)
        return
    has_face = crop and tracker.has_face
    faces = tracker.face_count if crop else 0
    shots.append(Shot(start=start, frames=end - start, box=tracker.planned_box, faces=faces, has_face=has_face))


def halve_frame_rate(shots: list[Shot]) -> list[Shot]:
    """Shots at half the frame rate; one that has no frame left goes with the one before it."""
    halved: list[Shot] = []
    end = sum(shot.frames for shot in shots)
    for shot, next_start in zip(shots, [*(shot.start for shot in shots[1:]), end], strict=True):
        start, until = -(-shot.start // 2), -(-next_start // 2)
        if until > start:
            halved.append(replace(shot, start=start, frames=until - start))
    return halved


def frames_of_shots(reader: VideoReader, shots: list[Shot]) -> Iterator[tuple[Frame, Shot, bool]]:
    """Yield every frame, its shot, and whether it is the shot's last. VideoError where there are fewer frames."""
    frames = iter(reader)
    for shot in shots:
        for index in range(shot.frames):
            frame = next(frames, None)
            if frame is None:
                raise VideoError(f"{reader.name} gave fewer frames than when its shots were found")
            yield frame, shot, index + 1 == shot.frames
