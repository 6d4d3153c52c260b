"""Budget of the wire: what a call may send in all, headers of IP and UDP included, and who gets it.

plan:   wire bitrate -> frames a packet, sound, what is left for the encoder (motion and pictures)
second: media leave at once; copies and pieces of pictures leave where the last second has room for them
"""

import math
from collections import deque
from dataclasses import dataclass

from bcdcodec.call.datagram import HEAD_BYTES, IP_UDP_BYTES
from bcdcodec.call.jitter import COPY_WAIT_MS
from bcdcodec.call.traffic import Kind, Traffic
from bcdcodec.errors import ConfigError, RateError

#: Sound of Opus in narrow band is worse and hardly smaller below this.
LEAST_SOUND_BPS = 4500
#: Bits a second of the encoder that make a number of frames a packet worth it: motion, and its copies where these come
#: soon enough. With the most frames that is the least of all.
WORTH_BPS = {1: 5000, 2: 2800, 3: 1400, 4: 1000}
LEAST_VIDEO_BPS = WORTH_BPS[4]
#: Of the heads of chunks, in each datagram: of motion, of its copy, and of sound beside its frames.
MOTION_BYTES, COPY_BYTES, SOUND_BYTES = 7, 2, 6
#: Opus frames are as long; each has a byte of length, and one that is the same in all stands once.
SOUND_FRAME_MS = 60
#: Frames a packet where neither the caller nor a bitrate of the wire says how many.
PACKET_FRAMES = 2
#: Share of the wire that is left to what nobody knows ahead: sound above its bitrate, pieces that are sent again.
SPARE = 0.04
#: Weight of the last second in the mean of what is left to the encoder.
LEARNED = 0.2
#: The rate holds over windows of whole packets that are at least this long.
WINDOW_MS = 1000.0
#: Room that the first window has beside its own, for the first picture, in ms of the bitrate.
START_MS = 1000.0
#: A piece of a picture takes at most this share of a window, so that one fits beside the media soon.
PIECE_SHARE, LEAST_PIECE_BYTES, MOST_PIECE_BYTES = 0.16, 64, 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class WirePlan:
    """How a wire bitrate is divided. wire_bitrate, sound_bitrate, video_bitrate: bit/s; sound 0 for none; packet_ms:
    from one packet of motion to the next.
    """

    wire_bitrate: float
    packet_frames: int
    packet_ms: float
    sound_bitrate: int
    video_bitrate: float

    @classmethod
    def of(
        cls,
        wire_bitrate: float,
        *,
        tick_ms: float,
        sound_bitrate: int | None,
        packet_frames: int | None = None,
        end_bytes: int = 2,
    ) -> "WirePlan":
        """The plan with the fewest frames a packet that are worth it.

        tick_ms: of a frame. sound_bitrate: the most for sound; less is taken where that leaves too little.
        packet_frames: None for those that suit. end_bytes: of a datagram's envelope. Raises RateError, naming the least
        wire bitrate.
        """
        if not (wire_bitrate > 0 and math.isfinite(wire_bitrate)):
            raise ConfigError(f"wire bitrate is {wire_bitrate:g} bit/s, needs a number above 0")
        sounds = [0] if sound_bitrate is None else sorted({sound_bitrate, min(sound_bitrate, LEAST_SOUND_BPS)})[::-1]
        counts = sorted(WORTH_BPS) if packet_frames is None else [packet_frames]
        for frames in counts:
            packet_ms = frames * tick_ms
            around = {sound: _around_bps(packet_ms, sound, end_bytes) for sound in sounds}
            worth_bps = WORTH_BPS[frames] if packet_frames is None else WORTH_BPS[max(WORTH_BPS)]
            for sound in sounds:
                video_bps = (1 - SPARE) * wire_bitrate - around[sound]
                if video_bps >= worth_bps:
                    return cls(
                        wire_bitrate=wire_bitrate,
                        packet_frames=frames,
                        packet_ms=packet_ms,
                        sound_bitrate=sound,
                        video_bitrate=video_bps,
                    )
        least = math.ceil((WORTH_BPS[max(WORTH_BPS)] + around[sounds[-1]]) / (1 - SPARE))
        beside = f"sound of {sounds[-1]} bit/s and " if sounds[-1] else ""
        raise RateError(
            f"wire bitrate is {wire_bitrate:g} bit/s, needs at least {least} for {beside}motion in packets of {frames}"
        )

    @property
    def piece_bytes(self) -> int:
        """Size of the pieces of pictures."""
        bytes_a_window = self.wire_bitrate * WINDOW_MS / 8000
        return int(min(MOST_PIECE_BYTES, max(LEAST_PIECE_BYTES, PIECE_SHARE * bytes_a_window)))


class WireBudget:
    """Counts what was sent against a plan. Times in ms never go back. after: the budget before it, in a call."""

    def __init__(self, plan: WirePlan, after: "WireBudget | None" = None) -> None:
        self.plan = plan
        self._sent: deque[tuple[float, int]] = deque() if after is None else after._sent
        self._start_ms: float | None = None if after is None else after._start_ms
        self._before: tuple[float, int, int] | None = None
        #: Bit/s that are left to the encoder.
        self.video_bitrate = plan.video_bitrate

    @property
    def window_ms(self) -> float:
        """Length of the windows over which the rate holds."""
        return self.plan.packet_ms * math.ceil(WINDOW_MS / self.plan.packet_ms)

    def spend(self, size_bytes: int, now_ms: float) -> None:
        """Count a datagram that is sent now. size_bytes: headers of IP and UDP included."""
        self._start_ms = now_ms if self._start_ms is None else self._start_ms
        self._sent.append((now_ms, size_bytes))

    def room_bytes(self, now_ms: float) -> int:
        """What may be sent now beside media; below 0 where these took more than there was."""
        while self._sent and now_ms - self._sent[0][0] >= self.window_ms:
            self._sent.popleft()
        is_start = self._start_ms is None or now_ms - self._start_ms < self.window_ms
        allowed_ms = self.window_ms + (START_MS if is_start else 0.0)
        return int((1 - SPARE) * self.plan.wire_bitrate * allowed_ms / 8000) - sum(size for _, size in self._sent)

    def balance(self, traffic: Traffic, now_ms: float) -> None:
        """Learn what the encoder may take from what all but it took since the last time."""
        # The encoder counts its motion and its pictures once; what is sent again is not its own.
        motion = traffic.of(Kind.MOTION, Kind.REFERENCES)
        before, self._before = self._before, (now_ms, traffic.wire_bytes, motion)
        if before is None:
            return
        taken = traffic.wire_bytes - before[1] - (motion - before[2])
        left_bps = (1 - SPARE) * self.plan.wire_bitrate - 8000 * taken / (now_ms - before[0])
        self.video_bitrate += LEARNED * (left_bps - self.video_bitrate)


def _around_bps(packet_ms: float, sound_bitrate: int, end_bytes: int) -> float:
    """All but what the encoder counts, which is motion with some framing of its own."""
    a_packet = IP_UDP_BYTES + HEAD_BYTES + end_bytes + MOTION_BYTES
    a_packet += COPY_BYTES if packet_ms <= COPY_WAIT_MS else 0
    a_packet += SOUND_BYTES if sound_bitrate else 0
    return 8000 * a_packet / packet_ms + sound_bitrate
