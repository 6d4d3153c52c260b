"""The virtual camera, with a module in place of pyvirtualcam."""

import sys
import threading
import time
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bcdcodec.call.playback import Playback, PlayedFrame, Shown
from bcdcodec.call.virtual_camera import VirtualCamera, letterbox
from bcdcodec.errors import MissingExtraError, VideoError


class FakeModule:
    """What is asked of pyvirtualcam. failure: of the system; breaks: after so many pictures."""

    def __init__(self, failure: str = "", breaks: int = sys.maxsize) -> None:
        self.failure, self.breaks = failure, breaks
        self.sent: list[NDArray[np.uint8]] = []
        self.some = threading.Event()
        self.is_closed = False
        self.device = "/dev/video9"

    def Camera(self, *, width: int, height: int, fps: float) -> Any:
        if self.failure:
            raise RuntimeError(self.failure)
        assert (width, height, fps) == (1280, 720, 30)
        return self

    def send(self, picture: NDArray[np.uint8]) -> None:
        assert picture.shape == (720, 1280, 3) and picture.dtype == np.uint8
        if len(self.sent) >= self.breaks:
            raise RuntimeError("device is gone")
        self.sent.append(picture)
        self.some.set()

    def sleep_until_next_frame(self) -> None:
        time.sleep(0.001)

    def close(self) -> None:
        self.is_closed = True


def playback(value: int) -> Playback:
    return Playback([PlayedFrame(np.full((256, 256, 3), value, np.uint8), 0, Shown.DECODED)], [])


def wait_for_next(module: FakeModule) -> NDArray[np.uint8]:
    for _ in range(2):  # one may be on its way
        module.some.clear()
        assert module.some.wait(60)
    return module.sent[-1]


def test_the_last_picture_is_given_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    module = FakeModule()
    monkeypatch.setitem(sys.modules, "pyvirtualcam", module)
    with VirtualCamera() as camera:
        assert camera.device == "/dev/video9"
        assert not wait_for_next(module).any()
        camera.show(playback(200))
        shown = wait_for_next(module)
        assert (shown[:, 280:1000] == 200).all() and not shown[:, :280].any() and not shown[:, 1000:].any()
        camera.show(Playback([], []))
        assert (wait_for_next(module) == shown).all()
    assert module.is_closed


def test_a_system_without_one_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyvirtualcam", FakeModule("'v4l2loopback' backend: no device found"))
    with pytest.raises(VideoError, match="no virtual camera: 'v4l2loopback' backend"):
        VirtualCamera()


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(MissingExtraError, match=r"\[camera\]"):
        VirtualCamera()


def test_a_camera_that_breaks_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    module = FakeModule(breaks=2)
    monkeypatch.setitem(sys.modules, "pyvirtualcam", module)
    with VirtualCamera() as camera:
        camera._thread.join(60)
        with pytest.raises(VideoError, match="/dev/video9 takes no more pictures: device is gone"):
            camera.show(playback(1))


def test_pictures_keep_their_shape() -> None:
    framed = letterbox(np.full((10, 40, 3), 9, np.uint8), 80, 60)
    assert (framed[20:40] == 9).all() and not framed[:20].any() and not framed[40:].any()
