"""Names of capture devices, and devices that FFmpeg makes up in place of cameras and microphones."""

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bcdcodec.errors import ConfigError, VideoError
from bcdcodec.video import capture
from bcdcodec.video.camera import Camera
from bcdcodec.video.capture import Capture, CaptureDevice, find_camera, find_microphones, is_camera
from bcdcodec.video.microphone import Microphone

PATTERN = CaptureDevice("testsrc=size=160x120:rate=25,realtime", "lavfi")
TONE = CaptureDevice("sine=frequency=440:sample_rate=44100,arealtime", "lavfi")
SHORT = CaptureDevice("testsrc=size=160x120:rate=25:duration=0.2", "lavfi")


def wait_for(condition: Callable[[], object]) -> None:
    end_s = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.01)


def test_cameras_are_told_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert is_camera("camera") and is_camera("camera:1") and is_camera("/dev/null")
    assert not is_camera("talk.mp4") and not is_camera("camera.mp4") and not is_camera("a\0b")
    Path("camera").touch()
    assert not is_camera("camera") and is_camera("camera:0")


@pytest.mark.parametrize(
    ("system", "name", "device"),
    [
        ("linux", "camera", CaptureDevice("/dev/video0", "v4l2")),
        ("linux", "camera:2", CaptureDevice("/dev/video2", "v4l2")),
        ("linux", "/dev/null", CaptureDevice("/dev/null", "v4l2")),
        ("darwin", "camera:1", CaptureDevice("1:none", "avfoundation", {"framerate": "30"})),
        ("win32", "camera:1", CaptureDevice("video=second", "dshow")),
    ],
)
def test_a_camera_is_what_its_system_calls_it(
    system: str, name: str, device: CaptureDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(capture, "_listed", lambda format, kind: ["first", "second"])
    assert find_camera(name) == device


@pytest.mark.parametrize(
    ("system", "name", "message"),
    [
        ("linux", "camera:64", "camera:0 to camera:63"),
        ("linux", "camera:x", "camera:0 to camera:63"),
        ("win32", "camera:1", "this system lists 1"),
        ("sunos5", "camera", "system is 'sunos5'"),
    ],
)
def test_other_names_are_refused(system: str, name: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(capture, "_listed", lambda format, kind: ["first"])
    with pytest.raises(ConfigError, match=message):
        find_camera(name)


def test_microphones_are_those_of_the_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(capture, "_ALSA_DEVICES", tmp_path)
    assert [device.format for device in find_microphones()] == ["pulse", "alsa"]
    monkeypatch.setattr(capture, "_ALSA_DEVICES", tmp_path / "none")
    assert find_microphones() == []
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(capture, "_listed", lambda format, kind: [f"{kind} one", "two"])
    assert find_microphones() == [CaptureDevice("audio=audio one", "dshow")]


def test_a_camera_gives_its_newest_picture_once() -> None:
    with Camera(PATTERN) as camera:
        camera.wait()
        first = camera.take()
        assert first is not None and first.pixels.shape == (120, 160, 3)
        assert len({*first.pixels.reshape(-1, 3).max(0)}) == 1, "bars of all colours"
        time.sleep(0.2)  # pictures pass that nobody takes
        camera.wait()
        second = camera.take()
        assert second is not None
        assert second.time_s - first.time_s > 0.1  # on its own clock, of 25 pictures a second
        assert second.time_s * 25 == pytest.approx(round(second.time_s * 25))
        assert second.arrival_s > first.arrival_s


def test_a_camera_that_is_gone_is_an_error() -> None:
    with Camera(SHORT) as camera:
        camera.wait()
        wait_for(lambda: camera._capture.failure)
        assert camera.take() is not None
        with pytest.raises(VideoError, match="gives no more frames"):
            camera.take()


@pytest.mark.parametrize(
    ("device", "message"),
    [
        (CaptureDevice("/no/such/device", "v4l2"), "/no/such/device cannot be opened as v4l2"),
        (CaptureDevice("x", "no-such-format"), "x cannot be opened as no-such-format"),
        (TONE, "gives no video"),
    ],
)
def test_what_is_no_camera_is_refused(device: CaptureDevice, message: str) -> None:
    with pytest.raises(VideoError, match=message):
        Camera(device)


def test_a_microphone_gives_all_samples_at_48_khz() -> None:
    with Microphone(TONE) as microphone:
        pieces = []
        wait_for(lambda: pieces.extend(microphone.take()) or len(pieces) > 10)
    ends = [start_s + samples.shape[1] / 48_000 for start_s, samples in pieces]
    assert all(samples.shape[0] == 1 and 900 < samples.shape[1] < 1300 for _, samples in pieces[1:])
    assert max(float(samples.max()) for _, samples in pieces) == pytest.approx(0.125, abs=0.02)
    assert ends == sorted(ends)


def test_a_microphone_keeps_two_seconds_at_most() -> None:
    with Microphone(CaptureDevice("sine=frequency=440:sample_rate=48000:duration=30", "lavfi")) as microphone:
        wait_for(lambda: microphone._capture.failure)  # 30 seconds come at once
        pieces = microphone.take()
    assert pieces[-1][0] - pieces[0][0] <= 2.1
    assert microphone.take() == []


def test_a_capture_ends_with_its_thread() -> None:
    before = threading.active_count()
    Capture(PATTERN, "video", lambda frame, arrival_s: None).close()
    assert threading.active_count() == before
