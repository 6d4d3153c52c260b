"""Frames of a file are decoded once and come back as they were; without room for them they are decoded again."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from bcdcodec.codec.encode import frame_store
from bcdcodec.codec.encode.cropped_frame import CroppedFrame
from bcdcodec.codec.encode.frame_store import FrameStore
from bcdcodec.codec.encode.job import EncodeJob
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.video.shots import plan_shots
from bcdcodec.video.source import MediaSource

RATE = Fraction(25, 2)


def frame(index: int) -> CroppedFrame:
    pixels, landmarks = np.full((4, 4, 3), index, np.uint8), np.full((478, 2), index, np.float32)
    return CroppedFrame(pixels=pixels, landmarks=landmarks, index=index, width=8, height=4, box=None)


@pytest.fixture
def store() -> Iterator[FrameStore]:
    with FrameStore() as opened:
        opened.begin(RATE, 3)
        yield opened


def test_frames_come_back_in_any_order(store: FrameStore) -> None:
    for index in range(3):
        assert not store.has_pixels and store.landmarks(index) is None
        store.add(frame(index))
    assert store.has_pixels
    store.begin(RATE, 3)
    for index in (2, 0, 1):
        landmarks = store.landmarks(index)
        assert landmarks is not None and landmarks.shape == (478, 2) and (landmarks == index).all()
        assert store.pixels(index).shape == (4, 4, 3) and (store.pixels(index) == index).all()


def test_a_pass_that_broke_off_is_gone_on_with(store: FrameStore) -> None:
    for index in (0, 1, 0, 1, 2):
        store.add(frame(index))
    assert store.has_pixels and (store.pixels(2) == 2).all()


def test_another_frame_rate_begins_anew(store: FrameStore) -> None:
    for index in range(3):
        store.add(frame(index))
    store.begin(RATE / 2, 2)
    assert not store.has_pixels and store.landmarks(0) is None


def test_pixels_of_long_files_are_not_stored(store: FrameStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_store, "MAX_PIXEL_BYTES", 3 * 48 - 1)
    for index in range(3):
        store.add(frame(index))
    assert not store.has_pixels and store.landmarks(2) is not None


def test_a_full_disk_costs_time_alone(
    store: FrameStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    append = frame_store._ArrayFile.append

    def full(file: frame_store._ArrayFile, array: np.ndarray) -> None:  # type: ignore[type-arg]
        if array.dtype == np.uint8 and len(file) == 1:
            raise OSError("No space left on device")
        append(file, array)

    monkeypatch.setattr(frame_store._ArrayFile, "append", full)
    with caplog.at_level(logging.WARNING):
        for index in range(3):
            store.add(frame(index))
    assert not store.has_pixels and store.landmarks(2) is not None
    assert "No space left on device" in caplog.text


@dataclass
class Seen:
    """Sink that notes what it is given."""

    frames: list[CroppedFrame] = field(default_factory=list)
    shots: int = 0

    def push_cropped(self, frame: CroppedFrame) -> list[None]:
        self.frames.append(frame)
        return []

    def new_shot(self) -> list[None]:
        self.shots += 1
        return []

    def flush(self) -> list[None]:
        return self.new_shot()


@pytest.mark.parametrize("limit", [2 << 30, 0])
def test_all_passes_see_the_same_frames(
    tiny_weights: Path, talking_clip: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    """From the store, or decoded again where its pixels have no place; landmarks are looked for once in both."""
    model = CodecModel.load(tiny_weights, device="cpu")
    looked = list[int]()

    def follow(frame: object, before: object) -> np.ndarray:  # type: ignore[type-arg]
        looked.append(len(looked))
        return np.full((478, 3), 60 + len(looked), np.float32)

    monkeypatch.setattr(frame_store, "MAX_PIXEL_BYTES", limit)
    monkeypatch.setattr("bcdcodec.codec.window.follow_landmarks", follow)
    first, second = Seen(), Seen()
    with MediaSource(talking_clip, RATE) as source, FrameStore() as frames:
        shots = plan_shots(source, crop=False)
        job = EncodeJob(source, model, EncodeSettings(), False, lambda *_: None, frames)
        for sink in (first, second):
            done = [count for count, _ in job.push_shots(shots, sink, RATE)]
            assert done == [*range(1, len(sink.frames) + 1)]
        assert frames.has_pixels is bool(limit)
    assert len(looked) == len(first.frames) == len(second.frames) > 0 and first.shots == second.shots == len(shots)
    for one, other in zip(first.frames, second.frames, strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)
        np.testing.assert_array_equal(one.landmarks, other.landmarks)
        places = [(frame.index, frame.width, frame.height, frame.box) for frame in (one, other)]
        assert places[0] == places[1]
