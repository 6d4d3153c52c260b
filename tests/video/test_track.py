"""Face tracks and the static crop box, with a scripted detector; test_face.py tests the real one."""

from collections.abc import Iterator, Sequence

import pytest
from media_kit import gray

from bcdcodec.frame import CropBox, Frame
from bcdcodec.video import track
from bcdcodec.video.face import Face
from bcdcodec.video.track import BOX_PER_FACE, FaceTracker

FRAME = Frame(pixels=gray(0, 640, 360), index=0)


def face(x: float, y: float, height: float = 100) -> Face:
    """A face by its centre."""
    width = 0.75 * height
    return Face(x=x - width / 2, y=y - height / 2, width=width, height=height, score=90)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[Face]]:
    """What the detector finds, look by look; nothing after the end."""
    detections: list[Sequence[Face]] = []
    turn: Iterator[Sequence[Face]] | None = None

    def detect(frame: Frame) -> list[Face]:
        nonlocal turn
        turn = turn or iter(detections)
        return list(next(turn, []))

    monkeypatch.setattr(track, "detect_faces", detect)
    return detections


def observed(detections: list[Sequence[Face]]) -> FaceTracker:
    tracker = FaceTracker(640, 360)
    for _ in detections:
        tracker.observe(FRAME)
    return tracker


def inside(box: CropBox, item: Face) -> bool:
    across = box.x <= item.x and item.x + item.width <= box.x + box.size
    return across and box.y <= item.y and item.y + item.height <= box.y + box.size


def test_still_face_sits_as_in_the_training_data(script: list[Sequence[Face]]) -> None:
    script += [[face(300, 150)]] * 5
    tracker = observed(script)
    assert tracker.planned_box == CropBox(x=204, y=51, size=round(BOX_PER_FACE * 100))
    assert (tracker.has_face, tracker.face_count) == (True, 1)


def test_box_covers_the_range_of_motion(script: list[Sequence[Face]]) -> None:
    script += [[face(250 + 20 * at, 150 + 3 * at)] for at in range(8)]
    box = observed(script).planned_box
    assert all(inside(box, look[0]) for look in script)


def test_small_motion_shifts_instead_of_growing(script: list[Sequence[Face]]) -> None:
    script += [[face(300, 150)]] * 9 + [[face(345, 150)]]
    box = observed(script).planned_box
    assert box.size == 192
    assert all(inside(box, look[0]) for look in script)


@pytest.mark.parametrize(("center", "height"), [((320, 175), 230), ((60, 60), 100), ((590, 310), 90)])
def test_the_box_stays_inside_the_picture(
    script: list[Sequence[Face]], center: tuple[float, float], height: float
) -> None:
    """A large face is framed more tightly, one at the edge off its middle: no border is repeated."""
    script += [[face(*center, height)]] * 3
    box = observed(script).planned_box
    assert box.x >= 0 and box.y >= 0 and box.x + box.size <= 640 and box.y + box.size <= 360
    assert box.size == min(round(BOX_PER_FACE * height), 360)
    assert inside(box, script[0][0])


@pytest.mark.parametrize("center", [(20, 180), (180, 340), (620, 180), (180, 20)])
@pytest.mark.parametrize("height", [340, 355, 420])
def test_a_large_face_at_the_edge_does_not_code_the_border(
    script: list[Sequence[Face]], center: tuple[float, float], height: float
) -> None:
    """What lies beyond the picture has no face: the square is as large as the picture is high, and inside it."""
    script += [[face(*center, height)]] * 3
    box = observed(script).planned_box
    assert box.size == 360 and 0 <= box.x <= 280 and box.y == 0


def test_a_face_that_moves_farther_than_the_picture_is_high_keeps_its_box(script: list[Sequence[Face]]) -> None:
    script += [[face(100 + 60 * at, 180)] for at in range(8)]
    box = observed(script).planned_box
    assert box.size > 360 and all(inside(box, look[0]) for look in script)


def test_box_holds_when_the_face_leaves(script: list[Sequence[Face]]) -> None:
    script += [[face(300, 150)]] * 4
    tracker = observed(script)
    before = tracker.planned_box
    for _ in range(20):
        tracker.observe(FRAME)
    assert tracker.planned_box == before
    assert tracker.has_face


def test_main_face_is_the_largest_over_time(script: list[Sequence[Face]]) -> None:
    near, far, guest = face(150, 150, 100), face(450, 150, 60), face(560, 150, 120)
    script += [[far, near]] * 9 + [[far, near, guest]] * 2
    tracker = observed(script)
    assert inside(tracker.planned_box, near)
    assert not inside(tracker.planned_box, far)
    assert tracker.face_count == 3


def test_one_false_alarm_is_no_face(script: list[Sequence[Face]]) -> None:
    script += [[], [face(100, 100, 40)], [], [], []]
    tracker = observed(script)
    assert not tracker.has_face
    assert tracker.planned_box == CropBox(x=140, y=0, size=360)


def test_picture_already_framed_is_taken_whole(script: list[Sequence[Face]]) -> None:
    script += [[face(322, 184, 186)]] * 3
    assert observed(script).planned_box == CropBox(x=140, y=0, size=360)


def test_live_box_stands_still_until_reset(script: list[Sequence[Face]]) -> None:
    script += [[], [face(300, 150)], [face(340, 150)]]
    tracker = FaceTracker(640, 360)
    first, second, third = (tracker.box(FRAME) for _ in range(3))
    assert first == CropBox(x=140, y=0, size=360)
    assert second == third == CropBox(x=204, y=51, size=192)
    tracker.reset()
    assert tracker.box(FRAME) != second


def test_long_shots_keep_little(script: list[Sequence[Face]]) -> None:
    script += [[face(300 + at % 3, 150)] for at in range(5000)]
    tracker = observed(script)
    assert len(tracker._tracks[0].samples) <= 1024
    assert tracker.planned_box.size == 192
