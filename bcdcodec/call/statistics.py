"""Statistics of a call: a line for each second, and a summary."""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from bcdcodec.call.audio import TICK_MS
from bcdcodec.call.playback import Playback, Shown
from bcdcodec.call.receiver import Receiver
from bcdcodec.call.sender import Sender

_MS = 1000.0


class SenderMeter:
    """Numbers of a sender, once a second."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._then_ms, self._wire = 0.0, 0
        self._seconds: list[float] = []  # kbps

    def line(self, now_ms: float) -> str:
        """The line of the time since the last one."""
        traffic, adaptation = self._sender.traffic, self._sender.adaptation
        kbps = _kbps(traffic.wire_bytes - self._wire, now_ms - self._then_ms)
        self._then_ms, self._wire = now_ms, traffic.wire_bytes
        self._seconds.append(kbps)
        return (
            f"{now_ms / _MS:5.0f} s  sent {kbps:5.1f} kbps  loss {100 * adaptation.loss:3.0f} %  "
            f"rtt {adaptation.rtt_ms:4.0f} ms  redundancy {adaptation.level}  bitrate {adaptation.bitrate:.0f}"
        )

    def summary(self, duration_ms: float) -> dict[str, Any]:
        """Numbers of the whole call. Wire: with the headers of IP and UDP; the most is of a second after the first."""
        traffic, adaptation = self._sender.traffic, self._sender.adaptation
        return {
            "duration_s": duration_ms / _MS,
            "wire_kbps": _kbps(traffic.wire_bytes, duration_ms),
            "most_kbps": max(self._seconds[1:], default=0.0),
            "datagrams": traffic.datagrams,
            "bits": traffic.bits(),
            "rtt_ms": adaptation.rtt_ms,
            "redundancy": adaptation.level,
            "encoder_bitrate": adaptation.bitrate,
        }


class ReceiverMeter:
    """Numbers of a receiver, once a second."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._then = (0.0, 0, 0, 0, 0)
        self._buffers: list[float] = []

    def line(self, now_ms: float) -> str:
        """The line of the time since the last one."""
        receiver = self._receiver
        arrivals, shown = receiver.arrivals, receiver.shown
        now = (now_ms, arrivals.lost, arrivals.highest + 1, shown[Shown.CONCEALED], shown[Shown.FROZEN])
        _, lost, sent, concealed, frozen = (after - before for after, before in zip(now, self._then, strict=True))
        self._then = now
        if receiver.playout.buffer_ms:
            self._buffers.append(receiver.playout.buffer_ms)
        loss = 100 * lost / sent if sent else 0.0
        return (
            f"loss {loss:3.0f} %  playout delay {receiver.playout.buffer_ms:4.0f} ms  "
            f"frames {sum(shown.values())}  concealed {concealed}  frozen {frozen}"
        )

    def summary(self) -> dict[str, Any]:
        """Numbers of the whole call."""
        receiver, shown = self._receiver, self._receiver.shown
        sent = receiver.arrivals.highest + 1
        return {
            "loss": receiver.arrivals.lost / sent if sent else 0.0,
            "frames": {kind.value: count for kind, count in shown.items()},
            "motion_missing": receiver.motion.missing,
            "motion_late": receiver.motion.late,
            "sound_ms": {"heard": 20 * receiver.sound.heard, "concealed": 20 * receiver.sound.concealed},
            "playout_delay_ms": sum(self._buffers) / len(self._buffers) if self._buffers else 0.0,
            "refused": receiver.refused,
            "report_bits": receiver.traffic.bits(),
        }


class PlayoutMeter:
    """How long after their capture pictures are shown, and how far sound is from them.

    Both ends need one clock, and media that begin at time 0 of it. What is made up has no capture, and counts as what
    it stands for.
    """

    def __init__(self) -> None:
        self._latencies: list[float] = []
        self._offsets: list[float] = []  # of sound from pictures
        self._sound_ms: float | None = None  # latency of the last sound

    def add(self, playback: Playback, now_ms: float, rate: Fraction | None) -> None:
        """Take what is shown now. rate: pictures a second, None before there are any."""
        for sound in playback.sounds:
            self._sound_ms = now_ms - sound.tick * TICK_MS
        if rate is None:
            return
        for frame in playback.frames:
            latency_ms = float(now_ms - 1000 * frame.index / rate)
            self._latencies.append(latency_ms)
            if self._sound_ms is not None:
                self._offsets.append(abs(self._sound_ms - latency_ms))

    def summary(self) -> dict[str, Any]:
        """Median and 95th percentile of both, in ms; None where there is no sound."""
        sync = percentiles(self._offsets) if self._offsets else None
        return {"latency_ms": percentiles(self._latencies), "lip_sync_ms": sync}


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Median and 95th percentile; 0 where there is nothing."""
    ordered = sorted(values) or [0.0]
    return {name: ordered[math.ceil(share * len(ordered)) - 1] for name, share in (("median", 0.5), ("p95", 0.95))}


def _kbps(count: int, duration_ms: float) -> float:
    return 8 * count / duration_ms if duration_ms > 0 else 0.0
