"""Recorder of what a receiver showed: pictures and sound on one clock, as a video file."""

from fractions import Fraction
from typing import Self

import numpy as np

from bcdcodec.call.audio import TICK_MS
from bcdcodec.call.playback import Playback
from bcdcodec.frame import Frame
from bcdcodec.video.audio import TICK_SAMPLES, Samples
from bcdcodec.video.live_opus import OpusEncoder
from bcdcodec.video.media import MediaFile
from bcdcodec.video.writer import VideoWriter

#: Sound was lossy once already.
SOUND_BITRATE = 32_000
#: The video speed matters more than its size.
CRF = 18
#: The file begins when sound came, or after so many seconds of pictures without any.
PATIENCE_S = 1


class Recorder:
    """Writes playbacks to a file, from the first picture on; `with` gives the file its name."""

    def __init__(self, target: MediaFile) -> None:
        self._target = target
        self._writer: VideoWriter | None = None
        self._sound: OpusEncoder | None = None
        self._first_index = self._first_tick = self._next_tick = 0
        self._early: list[Playback] = []  # from the first picture on, before the file begins
        self._rate = Fraction(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if kind is None and self._early:
            self._begin(has_sound=False)
        if self._writer is not None:
            self._writer.__exit__(kind, None, None)

    @property
    def has_begun(self) -> bool:
        """Whether any picture came."""
        return self._writer is not None or bool(self._early)

    def write(self, playback: Playback, rate: Fraction, *, has_sound: bool) -> None:
        """Append what was shown. rate: pictures a second; has_sound: whether any sound came so far."""
        if self._writer is not None:
            self._append(self._writer, playback)
            return
        if not playback.frames and not self._early:
            return  # what was heard before the first picture
        self._early.append(playback)
        self._rate = rate
        pictures = [frame.index for early in self._early for frame in early.frames]
        if has_sound or pictures[-1] - pictures[0] >= PATIENCE_S * rate:
            self._begin(has_sound=has_sound)

    def _begin(self, *, has_sound: bool) -> None:
        first = self._early[0].frames[0]
        writer = self._open(first.index, first.pixels.shape, self._rate, has_sound=has_sound)
        early, self._early = self._early, []
        for playback in early:
            self._append(writer, playback)

    def _append(self, writer: VideoWriter, playback: Playback) -> None:
        for frame in playback.frames:
            writer.write(Frame(pixels=frame.pixels, index=frame.index - self._first_index))
        if self._sound is None:
            return
        for sound in playback.sounds:
            samples, tick = sound.samples, sound.tick - self._first_tick
            samples = samples[:, max(0, self._next_tick - tick) * TICK_SAMPLES :]
            pause = np.zeros((1, max(0, tick - self._next_tick) * TICK_SAMPLES), np.float32)
            self._put(writer, self._sound, np.concatenate([pause, samples], axis=1))

    def _open(self, index: int, shape: tuple[int, ...], rate: Fraction, *, has_sound: bool) -> VideoWriter:
        self._first_index, self._first_tick = index, round(1000 * index / rate / Fraction(TICK_MS))
        self._sound = OpusEncoder(bitrate=SOUND_BITRATE, frame_ms=20) if has_sound else None
        track = None if self._sound is None else self._sound.track
        self._writer = VideoWriter(self._target, shape[1], shape[0], rate=rate, crf=CRF, audio=track)
        return self._writer

    def _put(self, writer: VideoWriter, encoder: OpusEncoder, samples: Samples) -> None:
        self._next_tick += samples.shape[1] // TICK_SAMPLES
        writer.write_audio(encoder.push(samples))
