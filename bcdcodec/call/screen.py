"""Window that shows the pictures of a call, by Tk of Python's standard library."""

from types import ModuleType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bcdcodec.call.playback import Playback
from bcdcodec.errors import ConfigError
from bcdcodec.video.crop import scale

#: Side of the picture on the screen.
SHOWN_PIXELS = 512
#: What to do where there is no screen.
ALLOWED = "allowed are OUT.mp4, and --virtual-camera with the extra `camera`"


class Screen:
    """A window. toolkit: a module with the `Tk`, `Label`, `PhotoImage` and `TclError` of tkinter, None for that.

    ConfigError where Python has no Tk, or there is no display.
    """

    def __init__(self, title: str, toolkit: ModuleType | None = None) -> None:
        self._toolkit: Any = toolkit or _tkinter()
        try:
            self._root = self._toolkit.Tk()
        except self._toolkit.TclError as error:
            raise ConfigError(f"no window can be opened ({error}); {ALLOWED}") from error
        self._root.title(title)
        self._root.protocol("WM_DELETE_WINDOW", self.close)
        self._label = self._toolkit.Label(self._root, text="waiting for pictures", width=64, height=32)
        self._label.pack()
        self._image: Any = None  # Tk keeps none of its own
        self._is_open = True
        self._root.update()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def is_closed(self) -> bool:
        """Whether whoever sees it closed it."""
        return not self._is_open

    def close(self) -> None:
        """Close the window."""
        if self._is_open:
            self._is_open = False
            self._root.destroy()

    def show(self, playback: Playback) -> None:
        """Show the last picture, where there is one, and answer the window system."""
        if self.is_closed:
            return
        if playback.frames:
            data = pack_ppm(scale(playback.frames[-1].pixels, SHOWN_PIXELS, SHOWN_PIXELS))
            self._image = self._toolkit.PhotoImage(master=self._root, data=data, format="PPM")
            self._label.configure(image=self._image, width=SHOWN_PIXELS, height=SHOWN_PIXELS)
        self._root.update()


def pack_ppm(pixels: NDArray[np.uint8]) -> bytes:
    """A PPM file of a picture uint8 [H, W, 3]."""
    height, width = pixels.shape[:2]
    return b"P6 %d %d 255\n" % (width, height) + pixels.tobytes()


def _tkinter() -> ModuleType:
    try:
        import tkinter
    except ImportError as error:
        raise ConfigError(f"this Python has no Tk for a window ({error}); {ALLOWED}") from error
    return tkinter
