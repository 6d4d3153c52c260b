"""Window of the sequence numbers that came: duplicates and very old ones are told apart from new ones."""

#: Numbers below the highest one that are remembered.
WINDOW = 1024


class SequenceWindow:
    """The highest number so far, and which of the WINDOW numbers up to it came."""

    def __init__(self) -> None:
        self._mask = 0  # bit i: highest - i came
        #: The highest number that came, -1 before the first.
        self.highest = -1

    def is_new(self, sequence: int) -> bool:
        """Whether a number neither came before nor is too old to know."""
        back = self.highest - sequence
        return back < 0 or (back < WINDOW and not self._mask >> back & 1)

    def add(self, sequence: int) -> bool:
        """Take a number; False, and nothing is changed, where it is not new."""
        if not self.is_new(sequence):
            return False
        if sequence > self.highest:
            step = sequence - self.highest
            self._mask = 0 if step >= WINDOW else self._mask << step & ((1 << WINDOW) - 1)
            self.highest = sequence
        self._mask |= 1 << (self.highest - sequence)
        return True

    def mask(self, bits: int) -> int:
        """The last numbers as bits: bit i is set where `highest - i` came, for i below `bits`."""
        return self._mask & ((1 << bits) - 1)
