"""Face tracking over a shot, and the static crop box that contains the main face throughout.

The box is framed like the training data: its side is 1.92 times the face's height (median of 51 clips), the face's
centre lies in the middle horizontally and 1.6 % below the middle vertically. It grows or shifts only as far as the
face's range of motion requires, and stays inside the picture where that range fits into it.
"""

import math
from dataclasses import dataclass, field

from bcdcodec.frame import CropBox, Frame
from bcdcodec.video.crop import MAX_BOX_RATIO, largest_square
from bcdcodec.video.face import Face, detect_faces

#: Side of the box in face heights.
BOX_PER_FACE = 1.92
#: Distance of the face's centre below the middle of the box, as a fraction of its side.
CENTER_BELOW = 0.016
#: Least distance of the face's range of motion from the edge, as a fraction of the box.
MARGIN = 0.04
MIN_BOX_PIXELS = 16
#: Largest distance of a detection from the last one of its track, in face heights (`_distance`).
MAX_JUMP = 1.0
#: Boxes kept per track for the medians.
_MAX_SAMPLES = 1024
#: Least share of the observed frames in which a track must be detected to count as a face, and twice where more than
#: two were observed: a wheel or a cartoon is mistaken for a face once. Faces beside the main one need a share of its
#: area too.
_MIN_DETECTIONS, _MIN_AREA = 0.1, 0.1
#: Tolerance within which a picture counts as framed like the training data and is taken whole, as a fraction of its
#: size.
_FRAMED_TOLERANCE = 0.12


@dataclass(slots=True)
class Track:
    """One face over a shot: the extremes of its boxes and a bounded sample of them."""

    last: Face
    left: float = float("inf")
    top: float = float("inf")
    right: float = float("-inf")
    bottom: float = float("-inf")
    detections: int = 0
    area: float = 0.0
    samples: list[Face] = field(default_factory=list)

    def add(self, face: Face) -> None:
        self.last = face
        self.left, self.top = min(self.left, face.x), min(self.top, face.y)
        self.right, self.bottom = max(self.right, face.x + face.width), max(self.bottom, face.y + face.height)
        self.detections += 1
        self.area += face.area
        self.samples.append(face)
        if len(self.samples) > _MAX_SAMPLES:  # drop every second one: the medians need no more
            del self.samples[::2]

    def box(self, width: int, height: int) -> CropBox:
        """Crop box of the face in a picture of this size, framed as described in the module's docstring."""
        face_height = _median([face.height for face in self.samples])
        center_x = _median([face.center[0] for face in self.samples])
        center_y = _median([face.center[1] for face in self.samples])
        # What a detector sees of a face beyond the picture is not there.
        left, right = (_clamp(edge, 0, width) for edge in (self.left, self.right))
        top, bottom = (_clamp(edge, 0, height) for edge in (self.top, self.bottom))
        motion_range = max(right - left, bottom - top)
        least = motion_range / (1 - 2 * MARGIN)
        # Beyond the picture its border is repeated, so a square leaves it only as far as a face needs that.
        most = min(width, height) if motion_range <= min(width, height) else least
        size = min(max(BOX_PER_FACE * face_height, least, MIN_BOX_PIXELS), most, MAX_BOX_RATIO * max(width, height))
        margin = min(MARGIN * size, (size - motion_range) / 2)
        x = _clamp(center_x - size / 2, right + margin - size, left - margin)
        y = _clamp(center_y - (0.5 + CENTER_BELOW) * size, bottom + margin - size, top - margin)
        if size <= min(width, height):
            x, y = _clamp(x, 0, width - size), _clamp(y, 0, height - size)
        whole = largest_square(width, height)
        deviation = max(abs(x - whole.x), abs(y - whole.y), abs(size - whole.size))
        if deviation <= _FRAMED_TOLERANCE * whole.size:
            return whole
        return CropBox(x=round(x), y=round(y), size=round(size))


class FaceTracker:
    """Tracks the faces of a shot: `observe` its frames, then read `planned_box`; or call `box` per frame when live.

    The main face is the track with the largest area summed over its detections. The box stays when that face leaves,
    and is the largest centred square where there is no face.
    """

    def __init__(self, width: int, height: int) -> None:
        self._width, self._height = width, height
        self.reset()

    def reset(self) -> None:
        """Start a new shot."""
        self._tracks: list[Track] = []
        self._observed = 0
        self._live_box: CropBox | None = None

    @staticmethod
    def look(frame: Frame) -> list[Face]:
        """Detect the faces of a frame, for `add`."""
        return detect_faces(frame)

    def observe(self, frame: Frame) -> list[Face]:
        """Detect the faces of a frame and `add` them."""
        faces = self.look(frame)
        self.add(faces)
        return faces

    def add(self, faces: list[Face]) -> None:
        """Assign each face of a frame to the nearest free track, or to a new one."""
        self._observed += 1
        free = list(self._tracks)
        for face in faces:
            track = min(free, key=lambda candidate: _distance(candidate.last, face), default=None)
            if track is None or _distance(track.last, face) > MAX_JUMP:
                track = Track(last=face)
                self._tracks.append(track)
            else:
                free.remove(track)
            track.add(face)

    def box(self, frame: Frame) -> CropBox:
        """Crop box of a frame of a live source, fixed from the first frame of the shot that shows a face."""
        if self._live_box is None:
            self.observe(frame)
            if self.has_face:
                self._live_box = self.planned_box
        return self._live_box or self.planned_box

    @property
    def has_face(self) -> bool:
        return self._main() is not None

    @property
    def face_count(self) -> int:
        """Number of faces that are detected often enough and at least a tenth as large as the main one."""
        main = self._main()
        if main is None:
            return 0
        smallest = _MIN_AREA * main.area / main.detections
        return sum(track.area / track.detections >= smallest for track in self._counted())

    @property
    def planned_box(self) -> CropBox:
        """Crop box of the main face for all frames observed so far."""
        main = self._main()
        return main.box(self._width, self._height) if main else largest_square(self._width, self._height)

    def _main(self) -> Track | None:
        return max(self._counted(), key=lambda track: track.area, default=None)

    def _counted(self) -> list[Track]:
        needed = max(min(2, self._observed // 2), _MIN_DETECTIONS * self._observed)
        return [track for track in self._tracks if track.detections >= needed]


def _distance(a: Face, b: Face) -> float:
    """Distance of centres in face heights plus the relative change of size, which separates faces at other depths."""
    dx, dy = a.center[0] - b.center[0], a.center[1] - b.center[1]
    face_height = max(a.height, b.height)
    return math.hypot(dx, dy) / face_height + face_height / min(a.height, b.height) - 1


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def _clamp(value: float, lowest: float, highest: float) -> float:
    return min(max(value, lowest), highest) if lowest <= highest else (lowest + highest) / 2
