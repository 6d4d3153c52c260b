"""A microphone: samples at 48 kHz since the last call, with their time."""

import threading
from collections import deque
from typing import Self

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.video.frame import VideoFrame

from bcdcodec.video.audio import SAMPLE_RATE, Samples
from bcdcodec.video.capture import Capture, CaptureDevice

#: Samples that wait at most; older ones are dropped.
MAX_WAITING_S = 2.0


class Microphone:
    """A microphone that is on, mono. Raises VideoError where it cannot be opened."""

    def __init__(self, device: CaptureDevice) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[tuple[float, Samples]] = deque()
        self._resampler = AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
        self._capture = Capture(device, "audio", self._put)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self._capture.close()

    def take(self) -> list[tuple[float, Samples]]:
        """Pieces of sound since the last call: samples [1, n], and when they began, in s of `time.monotonic`."""
        with self._lock:
            pieces = [*self._waiting]
            self._waiting.clear()
        return pieces

    def _put(self, frame: VideoFrame | AudioFrame, arrival_s: float) -> None:
        assert isinstance(frame, AudioFrame), "what was asked for"
        for part in self._resampler.resample(frame):
            samples = np.asarray(part.to_ndarray(), np.float32).reshape(1, -1)
            with self._lock:
                self._waiting.append((arrival_s - samples.shape[1] / SAMPLE_RATE, samples))
                while arrival_s - self._waiting[0][0] > MAX_WAITING_S:
                    self._waiting.popleft()
