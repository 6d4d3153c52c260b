"""Virtual camera: what a call shows, as a camera of this machine for other programs (extra `camera`)."""

import threading
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bcdcodec.call.playback import Playback
from bcdcodec.errors import MissingExtraError, VideoError, install_command
from bcdcodec.video.crop import scale

#: What programs expect of a camera. At a lower rate some of them flicker, so pictures are given several times.
WIDTH, HEIGHT, RATE = 1280, 720, 30


class VirtualCamera:
    """A camera that gives the last picture, and black before the first.

    MissingExtraError without pyvirtualcam, VideoError where the system has no virtual camera.
    """

    def __init__(self) -> None:
        try:
            import pyvirtualcam
        except ImportError as error:
            raise MissingExtraError(f"a virtual camera needs pyvirtualcam: {install_command('camera')}") from error
        try:
            self._camera: Any = pyvirtualcam.Camera(width=WIDTH, height=HEIGHT, fps=RATE)
        except (RuntimeError, OSError) as error:
            raise VideoError(f"no virtual camera: {error}") from error
        self._picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        self._failure: Exception | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="virtual camera", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()
        self._camera.close()

    @property
    def device(self) -> str:
        """What other programs call it."""
        return str(self._camera.device)

    def show(self, playback: Playback) -> None:
        """Give the last picture from now on. VideoError where the camera is gone."""
        if self._failure is not None:
            raise VideoError(f"virtual camera {self.device} takes no more pictures: {self._failure}")
        if playback.frames:
            self._picture = letterbox(playback.frames[-1].pixels, WIDTH, HEIGHT)

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._camera.send(self._picture)
                self._camera.sleep_until_next_frame()
        except (RuntimeError, OSError) as error:
            self._failure = error


def letterbox(pixels: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """A picture uint8 [H, W, 3] as large as it fits into the middle of a black one [height, width, 3]."""
    ratio = min(height / pixels.shape[0], width / pixels.shape[1])
    rows, columns = round(ratio * pixels.shape[0]), round(ratio * pixels.shape[1])
    top, left = (height - rows) // 2, (width - columns) // 2
    framed = np.zeros((height, width, 3), np.uint8)
    framed[top : top + rows, left : left + columns] = scale(pixels, columns, rows)
    return framed
