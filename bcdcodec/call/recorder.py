"""Recorder of what a receiver showed: pictures and sound on one clock, as a video file."""

from fractions import Fraction
from typing import Self

import numpy as np

from bcdcodec.call.audio import TICK_MS
from bcdcodec.call.receiver import Playback
from bcdcodec.frame import Frame
from bcdcodec.video.audio import TICK_SAMPLES, Samples
from bcdcodec.video.live_opus import OpusEncoder
from bcdcodec.video.media import MediaFile
from bcdcodec.video.writer import VideoWriter

#: Sound was lossy once already.
SOUND_BITRATE = 32_000
#: The video speed matters more than its size.
CRF = 18


class Recorder:
    """Writes playbacks to a file, from the first picture on; `with` gives the file its name."""

    def __init__(self, target: MediaFile) -> None:
        self._target = target
        self._writer: VideoWriter | None = None
        self._sound: OpusEncoder | None = None
        self._first_index = self._first_tick = self._next_tick = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if self._writer is not None:
            self._writer.__exit__(kind, None, None)

    @property
    def has_begun(self) -> bool:
        """Whether any picture was written."""
        return self._writer is not None

    def write(self, playback: Playback, rate: Fraction, *, has_sound: bool) -> None:
        """Append what was shown. rate: pictures a second; has_sound: whether the file gets any, asked at its start."""
        for frame in playback.frames:
            writer = self._writer or self._open(frame.index, frame.pixels.shape, rate, has_sound=has_sound)
            writer.write(Frame(pixels=frame.pixels, index=frame.index - self._first_index))
        if self._writer is None or self._sound is None:
            return
        for sound in playback.sounds:
            samples, tick = sound.samples, sound.tick - self._first_tick
            samples = samples[:, max(0, self._next_tick - tick) * TICK_SAMPLES :]
            pause = np.zeros((1, max(0, tick - self._next_tick) * TICK_SAMPLES), np.float32)
            self._put(self._writer, self._sound, np.concatenate([pause, samples], axis=1))

    def _open(self, index: int, shape: tuple[int, ...], rate: Fraction, *, has_sound: bool) -> VideoWriter:
        self._first_index, self._first_tick = index, round(1000 * index / rate / Fraction(TICK_MS))
        self._sound = OpusEncoder(bitrate=SOUND_BITRATE, frame_ms=20) if has_sound else None
        track = None if self._sound is None else self._sound.track
        self._writer = VideoWriter(self._target, shape[1], shape[0], rate=rate, crf=CRF, audio=track)
        return self._writer

    def _put(self, writer: VideoWriter, encoder: OpusEncoder, samples: Samples) -> None:
        self._next_tick += samples.shape[1] // TICK_SAMPLES
        writer.write_audio(encoder.push(samples))
