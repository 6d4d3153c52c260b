"""Statistics of a call: a line for each second, and a summary."""

from typing import Any

from bcdcodec.call.receiver import Receiver, Shown
from bcdcodec.call.sender import Sender

_MS = 1000.0


class SenderMeter:
    """Numbers of a sender, once a second."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._then_ms, self._wire = 0.0, 0

    def line(self, now_ms: float) -> str:
        """The line of the time since the last one."""
        traffic, adaptation = self._sender.traffic, self._sender.adaptation
        kbps = _kbps(traffic.wire_bytes - self._wire, now_ms - self._then_ms)
        self._then_ms, self._wire = now_ms, traffic.wire_bytes
        return (
            f"{now_ms / _MS:5.0f} s  sent {kbps:5.1f} kbps  loss {100 * adaptation.loss:3.0f} %  "
            f"rtt {adaptation.rtt_ms:4.0f} ms  redundancy {adaptation.level}  bitrate {adaptation.bitrate:.0f}"
        )

    def summary(self, duration_ms: float) -> dict[str, Any]:
        """Numbers of the whole call. Wire: with the headers of IP and UDP."""
        traffic, adaptation = self._sender.traffic, self._sender.adaptation
        return {
            "duration_s": duration_ms / _MS,
            "wire_kbps": _kbps(traffic.wire_bytes, duration_ms),
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


def _kbps(count: int, duration_ms: float) -> float:
    return 8 * count / duration_ms if duration_ms > 0 else 0.0
