"""The plan of a file before it is coded. In: a media file. Out: its `Shot`s, each with one static crop, for codec/."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from bcdcodec.errors import FaceError, VideoError
from bcdcodec.frame import CropBox, Frame
from bcdcodec.video.cuts import CutDetector
from bcdcodec.video.media import MediaFile, media_name
from bcdcodec.video.reader import VideoReader
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


def plan_shots(source: MediaFile, rate: Fraction, *, crop: bool = True) -> list[Shot]:
    """Cut a file into shots and choose a square for each, in one pass and constant memory.

    - No face in the whole file: FaceError, which suggests --no-crop.
    - A shot without a face in a file with faces: the largest centred square.
    - Two faces or more: the one with the largest area summed over time; a warning is logged.
    - The face leaves the picture: the box holds for the rest of the shot.
    - crop=False (--no-crop): the largest centred square everywhere, no face is looked for.
    """
    shots = find_shots(source, rate, crop=crop)
    name = media_name(source)
    if crop and not any(shot.has_face for shot in shots):
        size = shots[0].box.size
        raise FaceError(f"no face found in {name}; --no-crop codes the centred square {size}x{size}")
    for shot in shots:
        if shot.faces > 1:
            _log.warning("%s: %d faces from frame %d on, the largest is coded", name, shot.faces, shot.start)
    return shots


def find_shots(source: MediaFile, rate: Fraction, *, crop: bool = True, threads: int | None = None) -> list[Shot]:
    """The same without complaints: a file may have no face. threads: as of `VideoReader`."""
    shots: list[Shot] = []
    with VideoReader(source, rate, threads=threads) as reader:
        cuts, tracker = CutDetector(), FaceTracker(reader.width, reader.height)
        every = max(1, round(rate / LOOKS_PER_SECOND))
        start = count = 0
        for frame in reader:
            if cuts.is_cut(frame):
                _finish(shots, tracker, start, count, rate=rate, crop=crop)
                tracker.reset()
                start = count
            if crop and (count - start) % every == 0:
                tracker.observe(frame)
            count += 1
        _finish(shots, tracker, start, count, rate=rate, crop=crop)
    return shots


def _finish(shots: list[Shot], tracker: FaceTracker, start: int, end: int, *, rate: Fraction, crop: bool) -> None:
    """Append the shot [start, end), or lengthen the one before where it is too short to stand alone."""
    if shots and end - start < MIN_SHOT_SECONDS * rate:
        shots[-1] = replace(shots[-1], frames=end - shots[-1].start)
        return
    has_face = crop and tracker.has_face
    faces = tracker.face_count if crop else 0
    shots.append(Shot(start=start, frames=end - start, box=tracker.planned_box, faces=faces, has_face=has_face))


def frames_of_shots(reader: VideoReader, shots: list[Shot]) -> Iterator[tuple[Frame, Shot, bool]]:
    """Every frame with its shot, and whether it is the last one of it. VideoError where there are fewer frames."""
    frames = iter(reader)
    for shot in shots:
        for number in range(shot.frames):
            frame = next(frames, None)
            if frame is None:
                raise VideoError(f"{reader.name} gave fewer frames than when its shots were found")
            yield frame, shot, number + 1 == shot.frames
