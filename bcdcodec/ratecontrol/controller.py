"""How many bits the next packet may have. In: bitrate, plan, what was sent when. Out: allowances for codec/encode/packetizer.py.

Two limits hold at once: the whole stream's (budget.py) and, where there is a bucket, that of every stretch of time
(bucket.py). What the controller does about a packet is one of four states:

| state   | meaning                                            | left for                                             |
|---------|----------------------------------------------------|------------------------------------------------------|
| START   | the header is not written                          | CODE, by `open`                                      |
| CODE    | the nearest codes fit                              | SQUEEZE, HOLD                                        |
| SQUEEZE | codes are chosen that cost less                    | CODE once the nearest fit, HOLD                      |
| HOLD    | nothing fits, or a content is still on its way:    | CODE or SQUEEZE with the first packet that fits      |
|         | the frames pass, the last picture stays            |                                                      |

HOLD sends nothing, so that whatever comes in, no limit is ever broken.
"""

import math
from dataclasses import dataclass
from enum import Enum

from bcdcodec.errors import ConfigError, RateError
from bcdcodec.ratecontrol.bucket import LeakyBucket
from bcdcodec.ratecontrol.budget import MIN_REFERENCE_BITS, Budget
from bcdcodec.ratecontrol.plan import FilePlan

#: A bucket takes at least a small part of a picture and its packet.
MIN_BUCKET_BITS = 400
#: A live shot's picture may keep it waiting for about so long.
CONTENT_WAIT_S = 1.0


class State(Enum):
    """See the table above."""

    START = "start"
    CODE = "code"
    RATE_LIMITED = "squeeze"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class PacketBudget:
    """bits: fair share of the next packet; max_bits: what it may take at most."""

    bits: float
    max_bits: float


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
        plan: FilePlan | None = None,
    ) -> None:
        self.state = State.START
        self.bitrate, self.bucket_s = bitrate, bucket_s
        self._budget = Budget(bitrate, duration_s=duration_s)
        self._bucket = None if bucket_s is None else LeakyBucket(bitrate, bucket_s)
        if self._bucket is not None and self._bucket.size_bits < MIN_BUCKET_BITS:
            raise ConfigError(
                f"bucket of {bucket_s:g} s holds {self._bucket.size_bits:.0f} bits at {bitrate:g} bit/s, "
                f"needs at least {MIN_BUCKET_BITS}"
            )
        self._plan = plan
        self._motion_until_s = 0.0  # motion before this is sent; a plan's contents are made ahead of it
        #: Bits of contents that are to be sent yet: those that the plan has, and those that are on their way.
        self._reserved_bits = 0.0 if plan is None else float(sum(content.bits for content in plan.contents[1:]))

    def open(self, header_bits: float) -> None:
        """The header with the first content is written; it is sent before time 0 and not in the bucket.

        RateError where it is more than the stream may hold at all for now.
        """
        left, left_s = self._budget.left(0.0)
        if header_bits > left:
            least = math.ceil((header_bits + self._budget.bitrate * left_s - left) / left_s)
            raise RateError(
                f"header and first content take {header_bits:g} bits, {self._budget.bitrate:g} bit/s cannot hold them; "
                f"about {least} bit/s is the least"
            )
        self._budget.spend(header_bits)
        self.state = State.CODE

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
        """What may be sent at this time at most."""
        left = self._budget.left(at_s)[0]
        return left if self._bucket is None else min(left, self._bucket.room_bits(at_s))

    @property
    def unused_bits(self) -> float:
        """What the whole of a file may take beyond what was sent and reserved."""
        return self._budget.left(0.0)[0]

    def motion(self, start_s: float, end_s: float) -> PacketBudget:
        """For a packet of the frames from `start_s` to `end_s`, sent at `start_s`."""
        room = self.room_bits(start_s)
        if self._plan is None:
            share = self._budget.share(start_s, end_s, promised_bits=self._reserved_bits)
        else:
            left = self._budget.left(start_s)[0] - self._reserved_bits
            share = self._plan.motion_bits(start_s, end_s, left_bits=left)
        self._motion_until_s = end_s
        return PacketBudget(bits=min(share, room), max_bits=room)

    def refusal(self, needed_bits: float, start_s: float, end_s: float) -> RateError | None:
        """Why a file cannot go on whose cheapest packet is more than all that is left; None where waiting helps."""
        if not self._budget.of_file or needed_bits <= self._budget.left(start_s)[0]:
            return None
        return self._budget.refuse(needed_bits, start_s, end_s)

    def picture_bits(self, wished: int, at_s: float, *, cheapest_bps: float) -> int:
        """What the picture of a content from `at_s` on may take. cheapest_bps: of motion, in bit/s.

        Files: as planned, with a share of what the contents before left over. Else the model's wish, less where the
        bitrate is low or shots are many.
        """
        if self._plan is not None:
            return self._plan.picture_bits(
                at_s,
                left_bits=self._budget.left(at_s)[0] - self._reserved_bits,
                motion_from_s=self._motion_until_s,
            )
        bits = self._budget.picture_bits(wished, at_s, cheapest_bps=cheapest_bps)
        if self._bucket is None or self.state is State.START:
            return bits
        waiting = self._bucket.room_bits(at_s) + CONTENT_WAIT_S * self._bucket.bitrate
        return max(min(bits, int(waiting)), MIN_REFERENCE_BITS)

    def reserve_content(self, bits: float, *, at_s: float) -> None:
        """A content of so many bits is on its way; it was planned for `at_s`."""
        planned = 0.0 if self._plan is None else self._plan.planned_bits(at_s)
        self._reserved_bits += bits - planned

    def settle_content(self, bits: float) -> None:
        """So many of those bits are sent (or never will be, with the rest of a content that another one replaced)."""
        self._reserved_bits -= bits
