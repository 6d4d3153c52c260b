"""The window of a call, with a toolkit that has no display."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bcdcodec.call.playback import Playback, PlayedFrame, Shown
from bcdcodec.call.screen import SHOWN_PIXELS, Screen, pack_ppm
from bcdcodec.errors import ConfigError


class Toolkit(SimpleNamespace):
    """What a window asks of tkinter."""

    class TclError(Exception):
        pass

    def __init__(self, failure: str = "") -> None:
        super().__init__()
        self.failure, self.images, self.updates, self.shown = failure, list[bytes](), 0, dict[str, Any]()
        self.handlers: dict[str, Any] = {}
        self.destroyed = 0

    def Tk(self) -> Any:
        if self.failure:
            raise self.TclError(self.failure)
        return self

    def title(self, text: str) -> None:
        self.name = text

    def protocol(self, name: str, handler: Any) -> None:
        self.handlers[name] = handler

    def Label(self, root: Any, **options: Any) -> Any:
        return SimpleNamespace(pack=lambda: None, configure=lambda **changed: self.shown.update(changed))

    def PhotoImage(self, *, master: Any, data: bytes, format: str) -> bytes:
        self.images.append(data)
        return data

    def update(self) -> None:
        self.updates += 1

    def destroy(self) -> None:
        self.destroyed += 1


def playback(*values: int) -> Playback:
    return Playback([PlayedFrame(np.full((4, 4, 3), value, np.uint8), 0, Shown.DECODED) for value in values], [])


def test_the_last_picture_is_shown() -> None:
    toolkit = Toolkit()
    with Screen("a call", toolkit) as screen:  # type: ignore[arg-type]
        screen.show(playback())
        assert not toolkit.images and toolkit.updates == 2  # the window answers nevertheless
        screen.show(playback(1, 2, 200))
        (data,) = toolkit.images
        head = b"P6 %d %d 255\n" % (SHOWN_PIXELS, SHOWN_PIXELS)
        assert data == head + bytes([200]) * (3 * SHOWN_PIXELS**2)
        assert toolkit.shown["image"] is data
    assert toolkit.destroyed == 1 and toolkit.name == "a call"


def test_a_window_that_is_closed_is_no_error() -> None:
    toolkit = Toolkit()
    with Screen("a call", toolkit) as screen:  # type: ignore[arg-type]
        assert not screen.is_closed
        toolkit.handlers["WM_DELETE_WINDOW"]()
        assert screen.is_closed
        screen.show(playback(1))
    assert not toolkit.images and toolkit.destroyed == 1


def test_without_a_display_the_error_says_what_is_allowed() -> None:
    with pytest.raises(ConfigError, match=r"no display name.*allowed are OUT.mp4, and --virtual-camera"):
        Screen("a call", Toolkit("no display name and no $DISPLAY"))  # type: ignore[arg-type]


def test_rows_of_a_picture_are_in_order() -> None:
    pixels = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    assert pack_ppm(pixels) == b"P6 3 2 255\n" + bytes(range(18))
