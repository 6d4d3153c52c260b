"""Pictures of a camera and sound of a microphone for a call, on one clock that begins with the first picture."""

import logging
from collections.abc import Iterator
from fractions import Fraction
from typing import Self

import numpy as np

from bcdcodec.errors import VideoError
from bcdcodec.frame import Frame
from bcdcodec.video.audio import SAMPLE_RATE, OpusPacket
from bcdcodec.video.camera import Camera
from bcdcodec.video.capture import find_camera, find_microphones
from bcdcodec.video.clock import FrameClock
from bcdcodec.video.live_opus import OpusEncoder
from bcdcodec.video.microphone import Microphone

_log = logging.getLogger(__name__)

#: Sound that is so far from its time is cut, or silence is put in: clocks of devices drift, and overflow drops.
MAX_DRIFT_S = 0.1


class CameraFeed:
    """Frames of a camera by its time stamps, those in between dropped, and Opus packets of a microphone.

    Made with the first picture of the camera. microphone, sound_bitrate: None for no sound.
    """

    def __init__(
        self, camera: Camera, microphone: Microphone | None, rate: Fraction, *, sound_bitrate: int | None, frame_ms: int
    ) -> None:
        self._camera, self._microphone, self._rate = camera, microphone, rate
        self._clock = FrameClock(rate)
        self._encoder = None if sound_bitrate is None else OpusEncoder(bitrate=sound_bitrate, frame_ms=frame_ms)
        self._start_s: float | None = None  # arrival of the first picture
        self._sound_s = 0.0  # sound that was encoded
        self._last_index = -1
        self._is_stopped = False
        #: Ticks without a picture so far: those of a slow camera, and those that this machine came too late for.
        self.dropped = 0

    @classmethod
    def open(cls, name: str, rate: Fraction, *, sound_bitrate: int | None, frame_ms: int) -> Self:
        """Open a camera by its name, and the system's microphone where there is one. Raises ConfigError, VideoError."""
        microphone = None if sound_bitrate is None else _open_microphone()
        try:
            camera = Camera(find_camera(name))
            camera.wait()
        except BaseException:
            if microphone is not None:
                microphone.close()
            raise
        sound_bitrate = None if microphone is None else sound_bitrate
        return cls(camera, microphone, rate, sound_bitrate=sound_bitrate, frame_ms=frame_ms)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._camera.close()
        if self._microphone is not None:
            self._microphone.close()

    @property
    def is_over(self) -> bool:
        """Whether `stop` was called."""
        return self._is_stopped

    def stop(self) -> None:
        """Give nothing more."""
        self._is_stopped = True

    def frames(self, media_ms: float) -> Iterator[Frame]:
        """The newest picture, if its tick is new by the camera's clock; `media_ms` is not used. Raises VideoError."""
        picture = None if self._is_stopped else self._camera.take()
        if picture is None:
            return
        index = self._clock.index(picture.time_s)
        if index is None:
            return
        if self._start_s is None:
            self._start_s = picture.arrival_s
        self.dropped += index - self._last_index - 1
        self._last_index = index
        yield Frame(pixels=picture.pixels, index=index)

    def sound(self, media_ms: float) -> list[OpusPacket]:
        """Packets of what was heard since the first picture, by the microphone's clock; `media_ms` is not used."""
        if self._microphone is None or self._encoder is None or self._is_stopped:
            return []
        packets: list[OpusPacket] = []
        for start_s, samples in self._microphone.take():
            if self._start_s is None:
                continue
            ahead_s = self._sound_s - (start_s - self._start_s)
            if ahead_s > MAX_DRIFT_S or not self._sound_s:
                samples = samples[:, max(0, round(ahead_s * SAMPLE_RATE)) :]
            if ahead_s < -MAX_DRIFT_S:
                silence = np.zeros((1, round(-ahead_s * SAMPLE_RATE)), np.float32)
                samples = np.concatenate([silence, samples], axis=1)
            self._sound_s += samples.shape[1] / SAMPLE_RATE
            packets += self._encoder.push(samples)
        return packets


def _open_microphone() -> Microphone | None:
    """The first microphone that can be opened; None where there is none, which is logged."""
    causes: list[str] = []
    for device in find_microphones():
        try:
            return Microphone(device)
        except VideoError as error:
            causes.append(str(error))
    _log.warning("no microphone, the call has no sound (%s)", "; ".join(causes) or "none is known on this system")
    return None
