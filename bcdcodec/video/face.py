"""Face detection: MediaPipe's short-range detector over a picture and, where it finds none, over overlapping tiles."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from bcdcodec.frame import Frame
from bcdcodec.video.crop import scale
from bcdcodec.video.face_networks import DETECTOR, Floats, run_network

#: Side in pixels of the detector's input, and the grids of its anchors: cells per side, anchors per cell.
INPUT = 128
GRIDS = ((16, 2), (8, 6))
#: Least score of a detection, 0 to 1.
MIN_SCORE = 0.5
#: Detections that overlap by this share of their union are one face.
SAME_FACE = 0.3
#: Tiles are squares of this share of the longer side, every half tile: faces down to about 1/25 of it are found.
TILE = 0.3
#: The detector's square around a face, from brow to chin, relative to the face from hairline to chin and cheek to
#: cheek: its side in face heights, how far its centre lies below the face's in face heights, and the face's width in
#: heights. Medians over 236 frames of 51 clips, beside the boxes that crops are framed by (track.py).
SIDE, CENTER_BELOW, ASPECT = 0.815, 0.107, 0.73


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """A detected face: box from hairline to chin and cheek to cheek, in pixels of the picture; score 0 to 1."""

    x: float
    y: float
    width: float
    height: float
    score: float

    @property
    def area(self) -> float:
        return self.width * self.height

    @property
    def center(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2


def detect_faces(frame: Frame) -> list[Face]:
    """All faces of a picture, highest score first; MissingExtraError without the packages of the extra `encode`."""
    found = _detect(frame.pixels, 0, 0)
    if not len(found):
        tiles = [_detect(frame.pixels[y : y + side, x : x + side], x, y) for x, y, side in _tiles(frame)]
        found = np.concatenate([found, *tiles])
    return [_face(square) for square in _merge(found)]


def _detect(pixels: NDArray[np.uint8], left: int, top: int) -> Floats:
    """Squares around faces [N, 4]: centre x, y and side in pixels of the whole picture, score."""
    height, width = pixels.shape[:2]
    longest = max(height, width)
    # The picture in the middle of a black square.
    inner = max(1, round(width * INPUT / longest)), max(1, round(height * INPUT / longest))
    x, y = (INPUT - inner[0]) // 2, (INPUT - inner[1]) // 2
    canvas = np.full((INPUT, INPUT, 3), -1, np.float32)
    canvas[y : y + inner[1], x : x + inner[0]] = scale(pixels, *inner) / np.float32(127.5) - 1
    boxes, logits = sorted(run_network(DETECTOR, canvas), key=lambda output: -output.shape[-1])
    scores = 1 / (1 + np.exp(-logits[0, :, 0].clip(-80, 80)))
    kept = scores >= MIN_SCORE
    centers = (boxes[0, kept, :2] / INPUT + _anchors()[kept]) * INPUT - (x, y)
    centers = centers * (longest / INPUT) + (left, top)
    return np.column_stack([centers, boxes[0, kept, 2] * (longest / INPUT), scores[kept]]).astype(np.float32)


def _tiles(frame: Frame) -> Iterator[tuple[int, int, int]]:
    """Left, top and side of overlapping squares that cover a picture."""
    side = max(1, round(TILE * max(frame.width, frame.height)))
    for top in _starts(frame.height, side):
        for left in _starts(frame.width, side):
            yield left, top, side


def _starts(length: int, side: int) -> list[int]:
    """Starts of tiles every half side along an edge; the last tile ends where the edge ends."""
    return sorted({*range(0, max(1, length - side), max(1, side // 2)), max(0, length - side)})


def _merge(found: Floats) -> list[Floats]:
    """Faces [4], highest score first: detections of the same face averaged by their scores."""
    faces = []
    while len(found):
        first = found[:, 3].argmax()
        best = found[first]
        half = found[:, 2:3] / 2
        low = np.maximum(found[:, :2] - half, best[:2] - best[2] / 2)
        high = np.minimum(found[:, :2] + half, best[:2] + best[2] / 2)
        shared = (high - low).clip(0).prod(1)
        same = shared >= SAME_FACE * (found[:, 2] ** 2 + best[2] ** 2 - shared)
        same[first] = True  # a box without area overlaps nothing, not even itself
        mean = np.average(found[same, :3], axis=0, weights=found[same, 3])
        faces.append(np.append(mean, best[3]))
        found = found[~same]
    return faces


def _face(square: Floats) -> Face:
    """The box from hairline to chin of a detector's square."""
    x, y, side, score = map(float, square)
    height = side / SIDE
    width, center_y = ASPECT * height, y - CENTER_BELOW * height
    return Face(x=x - width / 2, y=center_y - height / 2, width=width, height=height, score=score)


@cache
def _anchors() -> Floats:
    """Centres of the detector's anchors [896, 2], as fractions of its input."""
    centers = [
        ((column + 0.5) / cells, (row + 0.5) / cells)
        for cells, anchors in GRIDS
        for row in range(cells)
        for column in range(cells)
        for _ in range(anchors)
    ]
    return np.array(centers, np.float32)
