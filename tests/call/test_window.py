"""The window of sequence numbers."""

from hypothesis import given
from hypothesis import strategies as st

from bcdcodec.call.window import WINDOW, SequenceWindow


@given(st.lists(st.integers(0, 3 * WINDOW), max_size=200))
def test_each_number_is_taken_once(numbers: list[int]) -> None:
    window, taken = SequenceWindow(), set[int]()
    for number in numbers:
        is_new = number not in taken and number > max(taken, default=-1) - WINDOW
        assert window.is_new(number) == is_new
        assert window.add(number) == is_new
        taken |= {number} if is_new else set()
        assert window.highest == max(taken)
        assert window.mask(64) == sum(1 << back for back in range(64) if window.highest - back in taken)


def test_nothing_came_yet() -> None:
    assert (SequenceWindow().highest, SequenceWindow().mask(64)) == (-1, 0)
