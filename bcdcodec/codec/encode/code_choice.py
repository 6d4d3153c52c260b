"""Choice of the codes of a motion packet: of least distortion within its budget.

min-distortion codes -> cheaper ones by the rates of their contexts, or by the table -> the cheapest -> none
"""

import itertools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bcdcodec.bitstream.records import CodingMode
from bcdcodec.codec.encode.units import MotionUnit
from bcdcodec.entropy.motion import MotionCoder
from bcdcodec.entropy.static import code_cost_bits
from bcdcodec.errors import RateError
from bcdcodec.ratecontrol.controller import PacketBudget
from bcdcodec.ratecontrol.rdo import rdo_quantize
from bcdcodec.ratecontrol.tuning import RateTuning


class CodeChoice:
    """Chooses the codes of packets that a coder writes."""

    def __init__(self, coder: MotionCoder, tuning: RateTuning) -> None:
        self._coder, self._tuning = coder, tuning
        self._table_bits = code_cost_bits(coder.table)
        self._is_packed = coder.mode is CodingMode.PACKED  # all codes cost the same

    def choose(
        self, motion: MotionUnit, budget: PacketBudget, *, size_bits: Callable[[NDArray[np.int64]], int]
    ) -> NDArray[np.int64] | None:
        """Codes within the target or, where that is too little, within the limit; None where not even min-rate codes
        fit. size_bits: what a packet of codes takes.
        """
        rates = [self._table_bits]
        if self._coder.mode is CodingMode.CONTEXT:  # the table stays second: min-rate codes are cheapest by it
            rates.insert(0, self._coder.rate_bits(motion.codes))
        if not self._tuning.rdo:
            rates = [np.zeros_like(self._table_bits)]
        more_bits = min(self._tuning.max_share_multiple * budget.target_bits, budget.max_bits)
        for limit_bits, rate_bits in itertools.product(
            (budget.target_bits, more_bits), [] if self._is_packed else rates
        ):
            try:
                return rdo_quantize(motion.distances, rate_bits, budget_bits=limit_bits, size_bits=size_bits)
            except RateError:
                continue
        cheapest = self.cheapest(motion)
        return cheapest if size_bits(cheapest) <= budget.max_bits else None

    def cheapest(self, motion: MotionUnit) -> NDArray[np.int64]:
        """Codes of least rate."""
        if self._is_packed:
            return motion.codes
        return np.broadcast_to(self._table_bits.argmin(-1), motion.codes.shape)
