"""References of a call: a rule with hysteresis, since nothing is known ahead.

frames of a packet -> expected LPIPS from every picture that was sent -> the picture that they are warped from
                   -> and from a new one, packet after packet         -> a new picture
"""

from collections.abc import Callable

from bcdcodec.bitstream.records import MAX_REFERENCE_NUMBER
from bcdcodec.codec.encode.backend import EncodingModel
from bcdcodec.codec.encode.expected_loss import WarpComparison, coding_loss
from bcdcodec.codec.motion_reference import FrameReference
from bcdcodec.codec.reference import Reference
from bcdcodec.codec.window import Window

#: Pictures that the frames of a packet are compared with, the first of the shot and those used last, and every which
#: frame of a window: a call has little time.
COMPARED, COMPARED_STEP = 4, 8
#: Share of the expected LPIPS by which another picture must be better: a switch is seen.
MIN_GAIN = 0.06
#: A new picture is due after so many packets that it would better by so much each.
MIN_NEW_GAIN, NEW_AFTER_PACKETS = 0.02, 2


class LiveReferences:
    """Pictures of the current shot of a call.

    most: pictures kept at most. is_sent: whether the decoder has the picture of a number.
    """

    def __init__(self, model: EncodingModel, most: int, *, is_sent: Callable[[int], bool]) -> None:
        self._model, self._most, self._is_sent = model, most, is_sent
        self._kept: dict[int, Reference] = {}  # by number, those used last at the end
        self._used = self._next = self._far_packets = 0

    def add(self, number: int, reference: Reference, *, drops: int = 0) -> None:
        """A picture is on its way, in place of another one or of none (0); number 0 begins a shot."""
        if not number:
            self._kept, self._used = {}, 0
        if drops:
            del self._kept[drops]
        self._kept[number] = reference
        self._next, self._far_packets = number + 1, 0

    def choose(self, packet: Window, *, new_bits: int) -> int:
        """Number of the picture that the frames of the next packet are warped from.

        new_bits: what a new picture may take.
        """
        comparison = WarpComparison(self._model, packet, step=COMPARED_STEP)
        losses = dict[int, float]()
        for number in self._compared():
            losses[number] = float(comparison.losses(self._kept[number]).mean())
        best = min(losses, key=losses.__getitem__)
        if losses[best] < (1 - MIN_GAIN) * losses[self._used]:
            self._used = best
        self._kept[self._used] = self._kept.pop(self._used)
        is_far = self._gain(packet, comparison, losses[best], new_bits) >= MIN_NEW_GAIN
        self._far_packets = self._far_packets + 1 if is_far else 0
        return self._used

    def due(self) -> tuple[int, int] | None:
        """Number of a picture that should be sent, and of the one that it drops or 0; None where none is due."""
        if self._far_packets < NEW_AFTER_PACKETS or self._next > MAX_REFERENCE_NUMBER:
            return None
        if not all(map(self._is_sent, self._kept)):
            return None  # one at a time
        if len(self._kept) < self._most:
            return self._next, 0
        unused = (number for number in self._kept if number not in (0, self._used))
        drops = next(unused, None)
        return None if drops is None else (self._next, drops)

    def _compared(self) -> list[int]:
        """Numbers of the pictures that frames may be warped from, the one in use among them."""
        # The first one may still be on its way: then the frames wait for it.
        sent = [number for number in self._kept if not number or self._is_sent(number)]
        return [number for number in sent if not number or number in sent[-(COMPARED - 1) :]]

    def _gain(self, packet: Window, comparison: WarpComparison, loss: float, new_bits: int) -> float:
        """Expected LPIPS that a new picture would take from this loss; rough where it is hardly anything."""
        most = loss - coding_loss(new_bits)
        if most < MIN_NEW_GAIN:
            return most
        new = FrameReference.of_shot(self._model, packet, new_frame(packet))
        return most - float(comparison.losses(new).mean())


def new_frame(packet: Window) -> int:
    """Index of the frame of a packet that becomes a picture."""
    return len(packet.pixels) // 2
