"""A camera: the newest picture that it gave, with its time stamp."""

import threading
from dataclasses import dataclass
from typing import Self

from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from bcdcodec.errors import VideoError
from bcdcodec.video.capture import Capture, CaptureDevice
from bcdcodec.video.color import Pixels, to_rgb
from bcdcodec.video.reader import MAX_PIXELS

#: The first picture of a camera may take this long: it wakes up, and finds its exposure.
FIRST_PICTURE_S = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class CameraPicture:
    """A picture. pixels: uint8 [H, W, 3]; time_s: of the device's clock; arrival_s: of `time.monotonic`."""

    pixels: Pixels
    time_s: float
    arrival_s: float


class Camera:
    """A camera that is on. Raises VideoError where it cannot be opened, and later where it is gone."""

    def __init__(self, device: CaptureDevice) -> None:
        self._lock = threading.Condition()
        self._newest: tuple[VideoFrame, float] | None = None
        self._scaler = VideoReformatter()
        self._capture = Capture(device, "video", self._put)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self._capture.close()

    def wait(self) -> None:
        """Return once there is a picture to take. VideoError where none comes for FIRST_PICTURE_S."""
        with self._lock:
            self._lock.wait_for(lambda: self._newest or self._capture.failure, FIRST_PICTURE_S)
            if self._newest is None:
                late = f"{self._capture.name} gave no picture in {FIRST_PICTURE_S:g} s"
                raise self._capture.failure or VideoError(late)

    def take(self) -> CameraPicture | None:
        """The newest picture, once; None where there is no other since. VideoError where no more come."""
        with self._lock:
            newest, self._newest = self._newest, None
        if newest is None:
            if self._capture.failure is not None:
                raise self._capture.failure
            return None
        frame, arrival_s = newest
        time_s = arrival_s if frame.time is None else float(frame.time)
        return CameraPicture(to_rgb(frame, frame.width, frame.height, self._scaler), time_s, arrival_s)

    def _put(self, frame: VideoFrame | AudioFrame, arrival_s: float) -> None:
        assert isinstance(frame, VideoFrame), "what was asked for"
        if frame.width * frame.height > MAX_PIXELS:
            raise VideoError(f"{frame.width}x{frame.height} pixels, limit {MAX_PIXELS >> 20} megapixels")
        with self._lock:
            self._newest = (frame, arrival_s)
            self._lock.notify_all()
