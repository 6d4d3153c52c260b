"""Rate controller: the bit budget of the next packet, from the bitrate, the plan and what was sent.

Two limits hold at once: the whole stream's (budget.py) and, where there is a bucket, that of every stretch of time
(bucket.py). What happens to a motion packet is one of four states:

| state        | meaning                                           | left for                                          |
|--------------|---------------------------------------------------|---------------------------------------------------|
| START        | the header is not written                         | CODE, by `open`                                   |
| CODE         | the min-distortion codes fit                      | RATE_LIMITED, SKIP                                |
| RATE_LIMITED | codes are chosen that cost less                   | CODE once the min-distortion codes fit, SKIP      |
| SKIP         | nothing fits, or a reference is still on its way: | CODE or RATE_LIMITED with the first packet that   |
|              | the frames are skipped, the last picture stays    | fits                                              |

SKIP sends nothing, so that whatever comes in, no limit is ever broken.
"""

import math
from dataclasses import dataclass
from enum import Enum

from bcdcodec.errors import ConfigError, RateError
from bcdcodec.ratecontrol.bucket import LeakyBucket
from bcdcodec.ratecontrol.budget import Budget
from bcdcodec.ratecontrol.plan import RatePlan
from bcdcodec.ratecontrol.tuning import RateTuning


class State(Enum):
    """Outcome of the last motion packet; see the table above."""

    START = "start"
    CODE = "code"
    RATE_LIMITED = "rate limited"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class PacketBudget:
    """target_bits: fair share of the next packet; max_bits: what it may take at most."""

    target_bits: float
    max_bits: float


def check_limits(bitrate: float, bucket_s: float | None, tuning: RateTuning) -> None:
    """Refuse a bitrate or a bucket out of range with ConfigError; bucket_s: None for no bucket."""
    Budget(bitrate, tuning)
    make_bucket(bitrate, bucket_s, tuning)


def make_bucket(bitrate: float, bucket_s: float | None, tuning: RateTuning) -> LeakyBucket | None:
    """Make the bucket of a stream, None for none; ConfigError for one that is too small."""
    if bucket_s is None:
        return None
    bucket = LeakyBucket(bitrate, bucket_s)
    if bucket.size_bits < tuning.min_bucket_bits:
        raise ConfigError(
            f"bucket of {bucket_s:g} s holds {bucket.size_bits:.0f} bits at {bitrate:g} bit/s, "
            f"needs at least {tuning.min_bucket_bits}"
        )
    return bucket


class Controller:
    """The limits of one stream as it is made; times are seconds of the stream, never going back.

    bucket_s: None for no bucket. plan: of a file; its duration is then known. ConfigError for numbers out of range.
    """

    def __init__(
        self,
        bitrate: float,
        *,
        duration_s: float | None = None,
        bucket_s: float | None = None,
        plan: RatePlan | None = None,
        tuning: RateTuning | None = None,
    ) -> None:
        self.tuning = tuning or RateTuning()
        self.bitrate, self.bucket_s = bitrate, bucket_s
        self._state = State.START
        self._budget = Budget(bitrate, self.tuning, duration_s=duration_s)
        self._bucket = make_bucket(bitrate, bucket_s, self.tuning)
        self._plan = plan
        self._motion_until_s = 0.0  # motion before this is sent; a plan's references are made ahead of it
        #: Bits of references still to be sent: those that the plan has, and those that are on their way.
        self._reserved_bits = 0.0 if plan is None else float(sum(item.bits for item in plan.references[1:]))

    @property
    def state(self) -> State:
        """Outcome of the last motion packet."""
        return self._state

    def open(self, header_bits: float) -> None:
        """Account for the header and the first reference, which are sent before time 0 and are not in the bucket.

        RateError where they are more than the stream may hold at all for now.
        """
        left, left_s = self._budget.left(0.0)
        if header_bits > left:
            least = math.ceil((header_bits + self._budget.bitrate * left_s - left) / left_s)
            raise RateError(
                f"header and first content take {header_bits:g} bits, {self._budget.bitrate:g} bit/s cannot hold them; "
                f"about {least} bit/s is the least"
            )
        self._budget.spend(header_bits)
        self._state = State.CODE

    def code(self, *, limited: bool) -> None:
        """A motion packet fits. limited: only with other than the min-distortion codes."""
        self._state = State.RATE_LIMITED if limited else State.CODE

    def skip(self) -> None:
        """A motion packet is left out."""
        self._state = State.SKIP

    def reserve(self, bits: float) -> None:
        """Bits that the END packet will take, which is not in the bucket either."""
        self._budget.spend(bits)

    def send(self, at_s: float, bits: float) -> None:
        """Bits that are written at this time. RateError if there was no room for them."""
        if bits > self.room_bits(at_s):
            raise RateError(f"{bits:g} bits at {at_s:g} s, allowed are {self.room_bits(at_s):.0f}")
        self._budget.spend(bits)
        if self._bucket is not None:
            self._bucket.drain(at_s)
            self._bucket.add(bits)

    def room_bits(self, at_s: float) -> float:
        """Most bits that may be sent at this time."""
        left = self._budget.left(at_s)[0]
        return left if self._bucket is None else min(left, self._bucket.room_bits(at_s))

    @property
    def unused_bits(self) -> float:
        """Bits that a whole file may take beyond those sent and reserved."""
        return self._budget.left(0.0)[0]

    def motion_budget(self, start_s: float, end_s: float) -> PacketBudget:
        """Budget of a packet of the frames from `start_s` to `end_s`, sent at `start_s`."""
        room = self.room_bits(start_s)
        if self._plan is None:
            share = self._budget.share(start_s, end_s, reserved_bits=self._reserved_bits)
        else:
            left = self._budget.left(start_s)[0] - self._reserved_bits
            share = self._plan.motion_bits(start_s, end_s, left_bits=left)
        self._motion_until_s = end_s
        return PacketBudget(target_bits=min(share, room), max_bits=room)

    def refusal(self, needed_bits: float, start_s: float, end_s: float) -> RateError | None:
        """The error of a file whose min-rate packet exceeds all that is left; None where waiting helps."""
        if not self._budget.of_file or needed_bits <= self._budget.left(start_s)[0]:
            return None
        return self._budget.refuse(needed_bits, start_s, end_s)

    def picture_bits(self, target_bits: int, at_s: float, *, min_rate_bps: float, is_added: bool = False) -> int:
        """Largest size of the reference picture from `at_s` on. min_rate_bps: of motion, in bit/s.

        Files: as planned, with a share of what the references before left over. Else the model's target, less where the
        bitrate is low or shots are many. is_added: motion does not wait for it.
        """
        if self._plan is not None:
            return self._plan.picture_bits(
                at_s,
                left_bits=self._budget.left(at_s)[0] - self._reserved_bits,
                motion_from_s=self._motion_until_s,
            )
        bits = self._budget.picture_bits(target_bits, at_s, min_rate_bps=min_rate_bps)
        if self._bucket is None or self._state is State.START:
            return bits
        wait_s = self.tuning.max_added_wait_s if is_added else self.tuning.max_reference_wait_s
        waiting = self._bucket.room_bits(at_s) + wait_s * self._bucket.bitrate
        return max(min(bits, int(waiting)), self.tuning.min_reference_bits)

    def reserve_content(self, bits: float, *, at_s: float) -> None:
        """A reference of `bits` is on its way; it was planned for `at_s`."""
        planned = 0.0 if self._plan is None else self._plan.planned_bits(at_s)
        self._reserved_bits += bits - planned

    def settle_content(self, bits: float) -> None:
        """Release reserved bits that are sent, or never will be because another reference replaces theirs."""
        self._reserved_bits -= bits
