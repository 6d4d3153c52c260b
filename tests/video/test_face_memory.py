"""Faces of a file are looked for once, whatever the number of passes."""

import numpy as np
import pytest

from bcdcodec.frame import Frame
from bcdcodec.video import face_memory
from bcdcodec.video.face_memory import FaceMemory
from bcdcodec.video.landmarks import Points


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Indices of the frames in which a face was looked for; the mesh is that of the frame before, moved by one."""
    frames = list[int]()

    def follow(frame: Frame, before: Points | None) -> Points | None:
        frames.append(frame.index)
        return None if frame.index == 2 else np.full((478, 3), frame.index if before is None else before[0, 0] + 1)

    monkeypatch.setattr(face_memory, "follow_landmarks", follow)
    return frames


def frames() -> list[Frame]:
    return [Frame(pixels=np.full((4, 4, 3), index, np.uint8), index=index) for index in range(4)]


def passed(memory: FaceMemory) -> list[float | None]:
    face, seen = None, list[float | None]()
    for frame in frames():
        face = memory.follow(frame, face)
        seen.append(None if face is None else float(face[0, 0]))
    return seen


def test_a_second_pass_asks_for_nothing(asked: list[int]) -> None:
    memory = FaceMemory()
    assert passed(memory) == passed(memory) == [0, 1, None, 3]
    assert asked == [0, 1, 2, 3]


def test_the_same_picture_after_another_face_is_asked_for_again(asked: list[int]) -> None:
    memory, frame = FaceMemory(), frames()[1]
    assert memory.follow(frame, None) is not None and memory.follow(frame, np.zeros((478, 3), np.float32)) is not None
    assert asked == [1, 1]


def test_memory_is_bounded(asked: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(face_memory, "MOST_FACES", 2)
    memory = FaceMemory()
    assert passed(memory) == passed(memory)
    assert asked == [0, 1, 2, 3, 2, 3]
