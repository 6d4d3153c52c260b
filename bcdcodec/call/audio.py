"""Sound of a call: Opus frames by their time, and samples without holes from those that came.

In-band redundancy is taken where packets have some; at 6 kbps they have none, and redundancy.py repeats them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bcdcodec.bitstream.records import MAX_OPUS_TICKS
from bcdcodec.call.chunks import MAX_SOUND_FRAMES, SoundChunk
from bcdcodec.errors import BitstreamError
from bcdcodec.video.audio import SAMPLE_RATE, TICK_SAMPLES, OpusPacket, Samples, opus_samples
from bcdcodec.video.live_opus import OpusDecoder

#: Duration of a tick of sound.
TICK_MS = 1000 * TICK_SAMPLES / SAMPLE_RATE
#: Frames that wait at most, and how far they may be ahead of what is heard.
MAX_WAITING, MAX_AHEAD_TICKS = 1024, 3000
#: Sound that is made up in a row at most; then there is silence.
MAX_CONCEALED_TICKS = 12


@dataclass(frozen=True, slots=True, eq=False)
class PlayedSound:
    """Samples [1, n] at 48 kHz. tick: their start, in units of 20 ms; concealed: their packet is not there."""

    tick: int
    samples: Samples
    concealed: bool

    @property
    def end_tick(self) -> int:
        """The tick after them."""
        return self.tick + int(self.samples.shape[1]) // TICK_SAMPLES


def sound_chunk(packets: list[OpusPacket]) -> SoundChunk:
    """Chunk of consecutive packets of one duration."""
    ticks = min(MAX_OPUS_TICKS, max(1, opus_samples(packets[0].data) // TICK_SAMPLES))
    return SoundChunk(packets[0].tick, ticks, tuple(packet.data for packet in packets))


def sound_chunks(packets: list[OpusPacket]) -> list[SoundChunk]:
    """Chunks of runs of consecutive packets."""
    runs: list[list[OpusPacket]] = []
    for packet in packets:
        last = runs[-1] if runs else None
        if last and len(last) < MAX_SOUND_FRAMES and packet.tick == last[-1].tick + sound_chunk(last).frame_ticks:
            last.append(packet)
        else:
            runs.append([packet])
    return [sound_chunk(run) for run in runs]


class SoundPlayout:
    """Opus frames in, samples that are due out, one after the other without a hole."""

    def __init__(self) -> None:
        self._decoder: OpusDecoder | None = None
        self._waiting: dict[int, tuple[int, bytes]] = {}
        self._next: int | None = None  # tick of what is heard next
        self._frame_ticks = 1
        self._concealed_ticks = 0
        #: Ticks that came and were heard, were made up, and came too late.
        self.heard = self.concealed = self.late = 0

    @property
    def has_begun(self) -> bool:
        """Whether any sound came."""
        return self._next is not None or bool(self._waiting)

    def add(self, chunk: SoundChunk) -> bool:
        """Take the frames of a chunk; whether any of them is new."""
        any_new = False
        for index, frame in enumerate(chunk.frames):
            tick = chunk.tick + index * chunk.frame_ticks
            if self._next is not None and tick < self._next:
                continue
            is_near = self._next is None or tick - self._next <= MAX_AHEAD_TICKS
            if is_near and tick not in self._waiting and len(self._waiting) < MAX_WAITING:
                self._waiting[tick] = (chunk.frame_ticks, frame)
                any_new = True
        return any_new

    def is_due(self, until_ms: float) -> bool:
        """Whether `take` gives sound at this time of the media clock."""
        following = min(self._waiting, default=None) if self._next is None else self._next
        return following is not None and following * TICK_MS <= until_ms

    def take(self, until_ms: float, end_ms: float | None = None) -> Iterator[PlayedSound]:
        """Sound that is due at a time of the media clock. end_ms: where the sound ends, None while it is not known."""
        if self._next is None:
            if not self._waiting or min(self._waiting) * TICK_MS > until_ms:
                return
            self._next = min(self._waiting)
        while self._next * TICK_MS <= until_ms:
            if end_ms is not None and not self._waiting and self._next * TICK_MS >= end_ms:
                return
            sound = self._following(self._next)
            if sound.end_tick <= self._next:
                return
            self._next = sound.end_tick
            for tick in [tick for tick in self._waiting if tick < self._next]:
                del self._waiting[tick]
            yield sound

    def _following(self, tick: int) -> PlayedSound:
        """What is heard from a tick on: a packet, or what takes its place up to the next one that is there."""
        decoder = self._decoder = self._decoder or OpusDecoder()
        if tick in self._waiting:
            self._frame_ticks, data = self._waiting.pop(tick)
            try:
                samples = decoder.decode(data)
            except BitstreamError:
                samples = np.zeros((1, 0), np.float32)
            if samples.shape[1] == self._frame_ticks * TICK_SAMPLES:
                self._concealed_ticks = 0
                self.heard += self._frame_ticks
                return PlayedSound(tick, samples, False)
        ticks = self._frame_ticks
        ahead = [other for other in self._waiting if tick < other < tick + ticks]
        ticks = min(ahead, default=tick + ticks) - tick
        self._concealed_ticks += ticks
        self.concealed += ticks
        if self._concealed_ticks > MAX_CONCEALED_TICKS:
            return PlayedSound(tick, np.zeros((1, ticks * TICK_SAMPLES), np.float32), True)
        following = self._waiting.get(tick + ticks)
        return PlayedSound(tick, decoder.conceal(ticks * TICK_SAMPLES, following and following[1]), True)
