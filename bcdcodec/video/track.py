"""Faces over time -> one static square. In: frames of one shot. Out: the `CropBox` that crop.py cuts.

The square is like those of the training data: 1.92 times the face's height (median of 51 clips), the face's centre in
the middle across and 1.6 % below the middle. It grows or shifts only as far as the face's range of motion asks.
"""

import math
from dataclasses import dataclass, field

from bcdcodec.frame import CropBox, Frame
from bcdcodec.video.crop import MAX_BOX_RATIO, largest_square
from bcdcodec.video.face import Face, detect_faces

BOX_PER_FACE = 1.92
#: The face's centre lies this part of the box below the middle.
CENTRE_BELOW = 0.016
#: Part of the box kept free between the face's range of motion and the edge.
MARGIN = 0.04
MIN_BOX_PIXELS = 16
#: A detection joins a track when its centre moved less than this many face heights since the track's last.
_REACH = 1.0
_MAX_SAMPLES = 1024
#: A track is a face when it is seen in this part of the looks, and twice where there were more than two: a wheel or a
#: cartoon that passes for a face does so once. A face beside the main one must also be this large against it.
_COUNTED_LOOKS, _COUNTED_AREA = 0.1, 0.1
#: A picture that is already framed like the training data is taken whole: within this part of its size.
_ALREADY_FRAMED = 0.08


@dataclass(slots=True)
class Track:
    """One face over a shot: the extremes of its boxes and a bounded sample of them."""

    last: Face
    left: float = float("inf")
    top: float = float("inf")
    right: float = float("-inf")
    bottom: float = float("-inf")
    looks: int = 0
    area: float = 0.0
    samples: list[Face] = field(default_factory=list)

    def add(self, face: Face) -> None:
        self.last = face
        self.left, self.top = min(self.left, face.x), min(self.top, face.y)
        self.right, self.bottom = max(self.right, face.x + face.width), max(self.bottom, face.y + face.height)
        self.looks += 1
        self.area += face.area
        self.samples.append(face)
        if len(self.samples) > _MAX_SAMPLES:  # thin out evenly: the medians need no more
            del self.samples[::2]

    def box(self, width: int, height: int) -> CropBox:
        """The square of the module's docstring for a picture of this size."""
        tall = _median([face.height for face in self.samples])
        center_x = _median([face.center[0] for face in self.samples])
        center_y = _median([face.center[1] for face in self.samples])
        reach = max(self.right - self.left, self.bottom - self.top) / (1 - 2 * MARGIN)
        size = min(max(BOX_PER_FACE * tall, reach, MIN_BOX_PIXELS), MAX_BOX_RATIO * max(width, height))
        room = MARGIN * size
        x = _between(center_x - size / 2, self.right + room - size, self.left - room)
        y = _between(center_y - (0.5 + CENTRE_BELOW) * size, self.bottom + room - size, self.top - room)
        whole = largest_square(width, height)
        off = max(abs(x - whole.x), abs(y - whole.y), abs(size - whole.size))
        return whole if off <= _ALREADY_FRAMED * whole.size else CropBox(x=round(x), y=round(y), size=round(size))


class FaceTracker:
    """Follows the faces of one shot. `observe` frames for planning a file, or ask `box` frame by frame when live.

    The main face is the one with the largest area summed over the looks. When it leaves, the box holds. Without any
    face the box is the largest centred square.
    """

    def __init__(self, width: int, height: int) -> None:
        self._width, self._height = width, height
        self.reset()

    def reset(self) -> None:
        """Forget everything: a new shot starts."""
        self._tracks: list[Track] = []
        self._looks = 0
        self._settled: CropBox | None = None

    def observe(self, frame: Frame) -> list[Face]:
        """Find the faces of a frame and add them to their tracks."""
        faces = detect_faces(frame)
        self._looks += 1
        free = list(self._tracks)
        for face in faces:
            track = min(free, key=lambda item: _distance(item.last, face), default=None)
            if track is None or _distance(track.last, face) > _REACH:
                track = Track(last=face)
                self._tracks.append(track)
            else:
                free.remove(track)
            track.add(face)
        return faces

    def box(self, frame: Frame) -> CropBox:
        """Live: the box for this frame, which stands still from the first frame of the shot that shows a face."""
        if self._settled is None:
            self.observe(frame)
            if self.has_face:
                self._settled = self.planned_box
        return self._settled or self.planned_box

    @property
    def has_face(self) -> bool:
        return self._main() is not None

    @property
    def face_count(self) -> int:
        """Faces that matter: seen often enough, and at least a tenth as large as the main one."""
        main = self._main()
        if main is None:
            return 0
        smallest = _COUNTED_AREA * main.area / main.looks
        return sum(track.area / track.looks >= smallest for track in self._counted())

    @property
    def planned_box(self) -> CropBox:
        """The box that covers everything observed so far."""
        main = self._main()
        return main.box(self._width, self._height) if main else largest_square(self._width, self._height)

    def _main(self) -> Track | None:
        return max(self._counted(), key=lambda track: track.area, default=None)

    def _counted(self) -> list[Track]:
        looks = max(min(2, self._looks // 2), _COUNTED_LOOKS * self._looks)
        return [track for track in self._tracks if track.looks >= looks]


def _distance(a: Face, b: Face) -> float:
    """Centre distance in face heights, plus the change of size, so that a face at another depth is another face."""
    dx, dy = a.center[0] - b.center[0], a.center[1] - b.center[1]
    tall = max(a.height, b.height)
    return math.hypot(dx, dy) / tall + tall / min(a.height, b.height) - 1


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def _between(value: float, lowest: float, highest: float) -> float:
    return min(max(value, lowest), highest) if lowest <= highest else (lowest + highest) / 2
