"""Rate of a call that is encoded frame by frame: what may leave now, and how large a picture may be.

Times are those of emission, in seconds since the first frame: a packet counts when it leaves, not by its timestamp.

motion   -> what the bucket has room for
pictures -> the same, less what the next motion needs, and no more than the bitrate brought so far; the header, which
            goes ahead of everything, is paid off over the first seconds
"""

from bcdcodec.errors import RateError
from bcdcodec.ratecontrol.bucket import LeakyBucket
from bcdcodec.ratecontrol.budget import GRACE_S
from bcdcodec.ratecontrol.controller import PacketBudget, check_limits
from bcdcodec.ratecontrol.tuning import RateTuning

#: Time over which the rate of motion is averaged.
AVERAGE_S = 2.0
#: What the next motion packet is expected to take at most, as a multiple of the last one.
RESERVED = 1.5


class LiveController:
    """Limits of one call. ConfigError for a bitrate or a bucket out of range."""

    def __init__(self, bitrate: float, *, bucket_s: float, tuning: RateTuning) -> None:
        check_limits(bitrate, bucket_s, tuning)
        self.tuning, self._bucket_s = tuning, bucket_s
        self._bucket = LeakyBucket(bitrate, bucket_s)
        self._header_bits = self._spent_bits = 0.0
        self._earned_bits = self._earned_s = 0.0  # up to the last change of the bitrate
        self._motion_bps = 0.0  # average of the last seconds
        self._motion_bits = 0.0  # of the last packet

    @property
    def bitrate(self) -> float:
        """Bits a second of everything but the header and audio."""
        return self._bucket.bitrate

    @property
    def bucket_bits(self) -> float:
        """Bits that the bucket holds."""
        return self._bucket.size_bits

    def set_bitrate(self, bitrate: float, at_s: float) -> None:
        """Go on at another bitrate. ConfigError for one out of range."""
        check_limits(bitrate, self._bucket_s, self.tuning)
        self._earned_bits, self._earned_s = self._earned(at_s), at_s
        self._bucket.drain(at_s)
        self._bucket.set_bitrate(bitrate)

    def open(self, header_bits: float) -> None:
        """Account for the header with the first picture, which leaves before time 0 and is not in the bucket."""
        self._header_bits = header_bits

    def room_bits(self, at_s: float) -> float:
        """Most bits that may leave at this time."""
        return self._bucket.room_bits(at_s)

    def picture_room_bits(self, at_s: float, *, motion_in_s: float) -> float:
        """Most bits of a picture that may leave at this time. motion_in_s: until the next motion packet, for which
        room is left.
        """
        reserved = max(0.0, RESERVED * self._motion_bits - self.bitrate * motion_in_s)
        paid = self._header_bits * min(1.0, at_s / GRACE_S)
        return min(self.room_bits(at_s) - reserved, self._earned(at_s) - paid - self._spent_bits)

    def send_motion(self, at_s: float, bits: float, duration_s: float) -> None:
        """Bits of a motion packet of this duration that leaves now. RateError if there was no room for them."""
        self._motion_bits = bits
        self._observe_motion(bits, duration_s)
        self.send(at_s, bits)

    def skip_motion(self, duration_s: float) -> None:
        """Frames that are left out."""
        self._observe_motion(0.0, duration_s)

    def send(self, at_s: float, bits: float) -> None:
        """Bits that leave now. RateError if there was no room for them."""
        if bits > self.room_bits(at_s):
            raise RateError(f"{bits:g} bits at {at_s:g} s, allowed are {self.room_bits(at_s):.0f}")
        self._spent_bits += bits
        self._bucket.drain(at_s)
        self._bucket.add(bits)

    def motion_budget(self, at_s: float, duration_s: float, *, is_shared: bool) -> PacketBudget:
        """Budget of the motion packet that leaves now. is_shared: a picture was asked for and needs its part."""
        room = self.room_bits(at_s)
        share = self.tuning.live_motion_share * self.bitrate * duration_s
        return PacketBudget(target_bits=min(share, room) if is_shared else room, max_bits=room)

    def first_picture_bits(self, target_bits: int) -> int:
        """Largest size of the picture in the header: at most half of the time over which it is paid off."""
        return max(self.tuning.min_reference_bits, min(target_bits, int(self.bitrate * GRACE_S / 2)))

    def picture_bits(self, target_bits: int, at_s: float, *, within_s: float, is_alone: bool = False) -> int:
        """Largest size of a picture that leaves beside the motion within this time; at least `min_reference_bits`.

        is_alone: without motion beside it.
        """
        return max(self.tuning.min_reference_bits, min(target_bits, self._spare_bits(at_s, within_s, is_alone)))

    def idle_picture_bits(self, target_bits: int, at_s: float, *, used_bits: int, age_s: float) -> int | None:
        """Size of a picture that is worth its bits though nobody asked for it; None where none is.

        used_bits, age_s: of the one in use. The older that is, the smaller a new one may be.
        """
        within_s = self.tuning.live_idle_s
        bits = min(target_bits, self._spare_bits(at_s, within_s, False))
        needed = max(self.tuning.min_reference_bits, used_bits * within_s / age_s if age_s else float("inf"))
        return bits if bits >= needed else None

    def _spare_bits(self, at_s: float, within_s: float, is_alone: bool) -> int:
        motion_bps = 0.0 if is_alone else self._motion_bps
        header_bps = self._header_bits / GRACE_S if at_s < GRACE_S else 0.0
        return int(within_s * (self.bitrate - motion_bps - header_bps))

    def _observe_motion(self, bits: float, duration_s: float) -> None:
        weight = min(1.0, duration_s / AVERAGE_S)
        self._motion_bps += weight * (bits / duration_s - self._motion_bps)

    def _earned(self, at_s: float) -> float:
        return self._earned_bits + self.bitrate * (at_s - self._earned_s)
