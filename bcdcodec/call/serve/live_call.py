"""A call with both ends in this process that somebody watches: pictures of both, and numbers of the last seconds."""

import dataclasses
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bcdcodec.call.budget import SOUND_FRAME_MS
from bcdcodec.call.feed import Feed
from bcdcodec.call.loopback import Loopback
from bcdcodec.call.pace import PacedClock, PacedFeed
from bcdcodec.call.playback import PlayedFrame, Shown
from bcdcodec.call.receiver import Receiver
from bcdcodec.call.sender import Sender
from bcdcodec.call.serve.controls import Controls
from bcdcodec.call.traffic import Kind
from bcdcodec.codec.decode.settings import DecodeSettings
from bcdcodec.codec.encode.encoder import Encoder
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.frame import Frame
from bcdcodec.video.crop import crop, largest_square

#: Time over which rates are taken, and times of frames that are kept at most.
RECENT_MS, MAX_TIMES = 2000.0, 512
#: After so many frames in a row without a face the page is told.
FACELESS_FRAMES = 12
#: Kinds of bytes as the page shows them.
GROUPS = {
    "motion": (Kind.MOTION,),
    "references": (Kind.REFERENCES,),
    "sound": (Kind.SOUND,),
    "redundancy": (Kind.MOTION_AGAIN, Kind.SOUND_AGAIN),
    "headers": (Kind.FRAMING, Kind.IP_UDP),
}


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """What changed in a step: the square that was encoded, uint8 [P, P, 3], and what the receiver shows."""

    source: NDArray[np.uint8] | None
    shown: PlayedFrame | None


class LiveCall:
    """One call from its beginning. Raises ConfigError for settings that do not fit the model."""

    def __init__(
        self,
        model: CodecModel,
        feed: Feed,
        *,
        encoding: EncodeSettings,
        decoding: DecodeSettings,
        controls: Controls,
    ) -> None:
        self._pixels = model.config.pixels
        self._encoder = Encoder(model, dataclasses.replace(encoding, bitrate=1000 * controls.bitrate_kbps))
        self._sender = Sender(self._encoder, bitrate=1000 * controls.bitrate_kbps)
        self._receiver = Receiver(model, decoding)
        self._call = Loopback(self._sender, self._receiver, impairment=controls.impairment)
        rate = self._sender.frame_rate
        self._clock, self._feed = PacedClock(float(1000 / rate)), PacedFeed(feed, rate, sound_ms=SOUND_FRAME_MS)
        self._controls = controls
        self._frames = self._faceless = 0
        self._taken_ms: dict[int, float] = {}  # when frames were taken, on the machine's clock
        self._delays_ms: list[float] = []
        self._recent: deque[dict[str, Any]] = deque([self._counts()])

    def set_controls(self, controls: Controls) -> None:
        """Go on with others."""
        self._call.set_impairment(controls.impairment)
        if controls.bitrate_kbps != self._controls.bitrate_kbps:
            self._sender.set_bitrate(1000 * controls.bitrate_kbps)
        self._controls = controls

    def step(self) -> Pictures:
        """Go on by a moment, or by one frame. Raises VideoError where the source cannot be read further."""
        now_ms = self._clock.step()
        source_ms = self._clock.source_ms
        frames, sound = self._feed.frames(source_ms, now_ms), self._feed.sound(source_ms, now_ms)
        for frame in frames:
            self._taken_ms[frame.index] = self._clock.real_ms
            if len(self._taken_ms) > MAX_TIMES:
                del self._taken_ms[min(self._taken_ms)]
        playback = self._call.step(frames, sound, now_ms)
        if frames:
            self._frames += len(frames)
            self._faceless = 0 if self._encoder.has_face else self._faceless + 1
        for played in playback.frames:
            self._measure(played)
        source = self._square(frames[-1]) if frames else None
        return Pictures(source, playback.frames[-1] if playback.frames else None)

    def numbers(self) -> dict[str, Any]:
        """Numbers of the last seconds, and of the whole call. Rates are by the clock of the call."""
        now = self._counts()
        self._recent.append(now)
        while len(self._recent) > 2 and now["ms"] - self._recent[0]["ms"] > RECENT_MS:
            self._recent.popleft()
        then = self._recent[0]
        span_ms = max(RECENT_MS, now["ms"] - then["ms"])
        kbps = {name: (now["bits"][name] - then["bits"][name]) / span_ms for name in GROUPS}
        sent = now["arrived"] - then["arrived"]
        delays_ms, self._delays_ms = self._delays_ms, []
        adaptation = self._sender.adaptation
        return {
            "time_s": self._clock.real_ms / 1000,
            "kbps": kbps,
            "wire_kbps": sum(kbps.values()),
            "loss_percent": 100 * max(0, now["lost"] - then["lost"]) / sent if sent > 0 else 0.0,
            "delay_ms": sum(delays_ms) / len(delays_ms) if delays_ms else None,
            "playout_ms": self._receiver.playout.buffer_ms,
            "frames": {kind.value: count for kind, count in self._receiver.shown.items()},
            "frames_per_s": float(self._sender.frame_rate) * self._clock.speed,
            "full_frames_per_s": float(self._sender.frame_rate),
            "speed": self._clock.speed,
            "encoder_kbps": adaptation.bitrate / 1000,
            "redundancy": adaptation.level,
            "has_face": self._faceless < FACELESS_FRAMES,
            "has_frames": self._frames > 0,
        }

    def _counts(self) -> dict[str, Any]:
        bits, arrivals = self._sender.traffic.bits(), self._receiver.arrivals
        return {
            "ms": self._clock.now_ms,
            "bits": {name: sum(bits.get(kind.value, 0) for kind in kinds) for name, kinds in GROUPS.items()},
            "lost": arrivals.lost,
            "arrived": arrivals.highest,
        }

    def _measure(self, played: PlayedFrame) -> None:
        """Take the time from a frame's arrival here to its being shown, work included."""
        rate = self._receiver.frame_rate
        if played.shown is Shown.DECODED and rate is not None:
            taken_ms = self._taken_ms.get(round(played.index * self._sender.frame_rate / rate))
            if taken_ms is not None:
                self._delays_ms.append(self._clock.real_ms - taken_ms)

    def _square(self, frame: Frame) -> NDArray[np.uint8]:
        return crop(frame, largest_square(frame.width, frame.height), self._pixels).pixels
