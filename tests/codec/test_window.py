"""Windows of frames: landmarks as fractions of the picture, and how often a face is looked for."""

from collections.abc import Callable

import numpy as np
import pytest

from bcdcodec.codec import window as module
from bcdcodec.codec.model import CodecModel
from bcdcodec.codec.window import SEARCH_EVERY, Closeup, FrameLatents, Window, WindowBuilder, windows_of
from bcdcodec.frame import CropBox, Frame
from bcdcodec.video.crop import scale
from bcdcodec.video.landmarks import Points

Follow = Callable[[Frame, Points | None], Points | None]


def pictures(count: int) -> list[Frame]:
    return [Frame(pixels=np.full((256, 256, 3), 10 * index, np.uint8), index=index) for index in range(count)]


def mesh(center: float) -> Points:
    return np.full((478, 3), center, np.float32) + np.arange(478, dtype=np.float32)[:, None] % 50


def test_a_face_is_followed_from_frame_to_frame(model: CodecModel, monkeypatch: pytest.MonkeyPatch) -> None:
    before: list[Points | None] = []

    def follow(frame: Frame, last: Points | None) -> Points:
        before.append(last)
        return mesh(64 + frame.index)

    monkeypatch.setattr(module, "follow_landmarks", follow)
    builder = WindowBuilder(model)
    for picture in pictures(3):
        builder.push(picture)
    assert len(builder) == 3
    window = builder.take()
    assert len(builder) == 0
    assert window.pixels.shape == (3, 256, 256, 3) and window.latents[:].shape == (3, *model.latent_shape)
    assert np.array_equal(window.landmarks, np.stack([mesh(64 + i)[:, :2] for i in range(3)]) / 256)
    builder.push(pictures(4)[3])
    assert before[0] is None and [last[0, 0] for last in before[1:] if last is not None] == [64, 65, 66]
    builder.new_shot()
    builder.push(pictures(5)[4])
    assert before[-1] is None
    both = Window.joined([window, builder.take()])
    assert len(both.pixels) == len(both.latents) == len(both.landmarks) == 5


def test_a_face_that_is_not_there_is_not_looked_for_in_every_frame(
    model: CodecModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[int] = []

    def follow(frame: Frame, last: Points | None) -> Points | None:
        searched.append(frame.index)
        return mesh(60) if frame.index == 2 * SEARCH_EVERY else None

    monkeypatch.setattr(module, "follow_landmarks", follow)
    builder = WindowBuilder(model)
    for picture in pictures(2 * SEARCH_EVERY + 3):
        builder.push(picture)
    last = 2 * SEARCH_EVERY
    assert searched == [0, SEARCH_EVERY, last, last + 1]
    landmarks = builder.take().landmarks
    assert np.isfinite(landmarks[last]).all() and np.isnan(landmarks).all((1, 2)).sum() == len(landmarks) - 1
    builder.new_shot()
    builder.push(pictures(1)[0])
    assert searched[-1] == 0


def test_latents_are_computed_when_they_are_asked_for_and_once(model: CodecModel) -> None:
    encoded: list[int] = []

    def to_latents(pixels: np.ndarray) -> np.ndarray:
        encoded.append(len(pixels))
        return model.to_latents(pixels).numpy()

    pixels = np.stack([picture.pixels for picture in pictures(20)])
    first, second = (FrameLatents(to_latents, part) for part in (pixels[:12], pixels[12:]))
    assert encoded == [] and np.array_equal(first[3], first[[3]][0]) and encoded == [1]
    whole = FrameLatents.joined([first, second])
    assert len(whole) == 20 and np.array_equal(whole[3], first[3]) and encoded == [1]
    part = whole.part([3, 9])
    assert len(part) == 2 and np.array_equal(part[0], first[3]) and encoded == [1]
    found = whole[:]
    assert found.shape == (20, *model.latent_shape) and sum(encoded) == 20
    np.testing.assert_allclose(found, model.to_latents(pixels), atol=1e-5, rtol=1e-4)
    assert np.array_equal(whole[[19, 2]], found[[19, 2]]) and np.array_equal(whole[-2:], found[-2:])


def test_frames_are_found_in_their_windows() -> None:
    assert windows_of([0, 3, 4, 9], 4) == [(slice(0, 4), [0, 3]), (slice(4, 8), [0]), (slice(8, 12), [1])]
    assert windows_of(range(2), 8) == [(slice(0, 8), [0, 1])]


@pytest.mark.parametrize("center", [-80.0, 400.0])
def test_a_face_outside_the_picture_is_none(model: CodecModel, monkeypatch: pytest.MonkeyPatch, center: float) -> None:
    monkeypatch.setattr(module, "follow_landmarks", lambda frame, last: mesh(center))
    builder = WindowBuilder(model)
    builder.push(pictures(1)[0])
    assert np.isnan(builder.take().landmarks).all()


@pytest.mark.mesh
def test_the_mesh_of_a_photograph_is_found(model: CodecModel) -> None:
    pytest.importorskip("ai_edge_litert")
    data = pytest.importorskip("skimage.data")
    person = scale(np.ascontiguousarray(data.astronaut()[:256, 96:352]), 256, 256)
    builder = WindowBuilder(model)
    builder.push(Frame(pixels=person, index=0))
    face = builder.take().landmarks[0]
    assert np.isfinite(face).all()
    eyes = face[[33, 263]]
    assert 0.3 < float(eyes[0, 0]) < float(eyes[1, 0]) < 0.75 and 0.2 < float(eyes[:, 1].mean()) < 0.6


def test_a_face_is_looked_for_in_another_square(model: CodecModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Landmarks are positions in the frame's own square, and the mesh is followed where the other one moves."""
    before: list[Points | None] = []

    def follow(frame: Frame, last: Points | None) -> Points:
        before.append(last)
        return mesh(100)

    monkeypatch.setattr(module, "follow_landmarks", follow)
    own, picture = CropBox(x=10, y=20, size=128), pictures(1)[0]
    builder = WindowBuilder(model)
    for box in (CropBox(x=74, y=20, size=64), CropBox(x=42, y=20, size=64)):
        builder.push(picture, Closeup.of_boxes(picture, box, own))
    landmarks = builder.take().landmarks * 256
    # A pixel of the smaller squares is half a pixel of the own one, where they begin at 128 and at 64.
    expected = mesh(100)[:, :2] / 2
    np.testing.assert_allclose(landmarks[0], expected + np.array([128, 0]), rtol=1e-5)
    np.testing.assert_allclose(landmarks[1], expected + np.array([64, 0]), rtol=1e-5)
    assert before[0] is None and before[1] is not None
    np.testing.assert_allclose(before[1], mesh(100) + np.array([128, 0, 0], np.float32), rtol=1e-5)
