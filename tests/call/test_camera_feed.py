"""Cameras and microphones as sources of a call; what FFmpeg makes up stands for the devices."""

import logging
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from bcdcodec.call import camera_feed
from bcdcodec.call.camera_feed import CameraFeed
from bcdcodec.errors import VideoError
from bcdcodec.video.camera import CameraPicture
from bcdcodec.video.capture import CaptureDevice

RATE = Fraction(25, 2)
TICK_S = 0.02


class ScriptedCamera:
    """Pictures at given times; arrival is 100 s later, by another clock."""

    def __init__(self, *times_s: float) -> None:
        self._times = iter(times_s)
        self.is_open = True

    def take(self) -> CameraPicture | None:
        time_s = next(self._times, None)
        return None if time_s is None else CameraPicture(np.zeros((8, 8, 3), np.uint8), time_s, time_s + 100)

    def close(self) -> None:
        self.is_open = False


class ScriptedMicrophone:
    """Pieces of sound of one call of `take` after the other."""

    def __init__(self, *pieces: tuple[float, float]) -> None:
        self._pieces: Iterator[tuple[float, float]] = iter(pieces)

    def take(self) -> list[tuple[float, NDArray[np.float32]]]:
        piece = next(self._pieces, None)
        return [] if piece is None else [(piece[0], np.zeros((1, round(48_000 * piece[1])), np.float32))]

    def close(self) -> None:
        pass


def feed(camera: ScriptedCamera, microphone: ScriptedMicrophone | None = None) -> CameraFeed:
    bitrate = None if microphone is None else 6000
    return CameraFeed(camera, microphone, RATE, sound_bitrate=bitrate, frame_ms=20)  # type: ignore[arg-type]


def test_time_stamps_become_indices_and_repeats_are_dropped() -> None:
    made = feed(ScriptedCamera(7.0, 7.03, 7.08, 7.11, 7.25, 7.24, 7.4))
    indices = [frame.index for _ in range(8) for frame in made.frames(0)]
    assert indices == [0, 1, 3, 5]
    assert made.dropped == 2
    assert not made.is_over


def test_a_camera_that_is_stopped_gives_nothing() -> None:
    camera = ScriptedCamera(1.0, 2.0, 3.0)
    with feed(camera, ScriptedMicrophone((101.0, 1.0))) as made:
        assert [*made.frames(0)]
        made.stop()
        assert made.is_over and not [*made.frames(0)] and not made.sound(0)
    assert not camera.is_open


@pytest.mark.parametrize(
    ("pieces", "ticks"),
    [
        (((101.0, 0.5), (101.5, 0.5)), 50),
        (((100.75, 0.5), (101.25, 0.5)), 37),  # begins before the first picture
        (((101.5, 0.5),), 50),  # begins after it
        (((101.0, 0.5), (101.7, 0.3)), 50),  # with a hole
        (((101.0, 0.5), (101.3, 0.7)), 50),  # too much of it
    ],
)
def test_sound_begins_with_the_first_picture_and_keeps_its_time(
    pieces: tuple[tuple[float, float], ...], ticks: int
) -> None:
    made = feed(ScriptedCamera(1.0), ScriptedMicrophone((101.0, 0.1), *pieces))
    assert made.sound(0) == []  # before the first picture
    assert [*made.frames(0)]
    packets = [packet for _ in pieces for packet in made.sound(0)]
    assert [packet.tick for packet in packets] == list(range(len(packets)))
    assert abs(len(packets) - ticks) <= 1


def test_a_call_without_a_microphone_has_no_sound_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pattern = CaptureDevice("testsrc=size=160x120:rate=25,realtime", "lavfi")
    monkeypatch.setattr(camera_feed, "find_camera", lambda name: pattern)
    monkeypatch.setattr(camera_feed, "find_microphones", lambda: [CaptureDevice("none", "no-such-format")])
    with caplog.at_level(logging.WARNING), CameraFeed.open("camera", RATE, sound_bitrate=6000, frame_ms=60) as made:
        assert made.sound(0) == []
        assert [frame.index for frame in made.frames(0)] == [0]
    assert "no microphone, the call has no sound (none cannot be opened" in caplog.text


def test_a_microphone_is_closed_where_there_is_no_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    tone = CaptureDevice("sine=frequency=440,arealtime", "lavfi")
    monkeypatch.setattr(camera_feed, "find_camera", lambda name: CaptureDevice("/no/such", "v4l2"))
    monkeypatch.setattr(camera_feed, "find_microphones", lambda: [tone])
    closed = list[object]()
    monkeypatch.setattr(camera_feed.Microphone, "close", lambda self: closed.append(self))
    with pytest.raises(VideoError, match="/no/such cannot be opened"):
        CameraFeed.open("camera", RATE, sound_bitrate=6000, frame_ms=60)
    assert len(closed) == 1
