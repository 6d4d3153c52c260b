"""Coding of motion codes in any of the three coding modes (spec section 5.2), and the choice of the smallest one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bcdcodec.bitstream.records import CodingInfo, CodingMode
from bcdcodec.entropy.context import context_bits, decode_context, encode_context
from bcdcodec.entropy.packed import pack_codes, unpack_codes
from bcdcodec.entropy.predictor import Predictor
from bcdcodec.entropy.static import code_cost_bits, decode_codes, encode_codes
from bcdcodec.entropy.tables import Rows, Tables
from bcdcodec.errors import BitstreamError
from bcdcodec.weightfile import WeightsFile


@dataclass(frozen=True, slots=True, eq=False)
class MotionCoder:
    """Coder of the motion codes of one stream.

    table: static table uint32 [groups, entries]; predictor: context model, None where the weights have none, which
    mode CONTEXT refuses with BitstreamError.
    """

    mode: CodingMode
    table: Rows
    predictor: Predictor | None

    def __post_init__(self) -> None:
        if self.mode is CodingMode.CONTEXT and self.predictor is None:
            raise BitstreamError("codes in mode context need weights with a context model, these have none")

    def first(self, groups: int) -> "MotionCoder":
        """The coder restricted to the first `groups` codebooks."""
        if groups == self.groups:
            return self
        # Tables are per group, and contexts never look at later groups, so the first rows are a coder of their own.
        predictor = None if self.predictor is None else self.predictor.first(groups)
        return MotionCoder(self.mode, self.table[:groups], predictor)

    @property
    def groups(self) -> int:
        return int(self.table.shape[0])

    def encode(self, codes: NDArray[Any]) -> bytes:
        """Encode the codes int [n, groups] of one packet."""
        if self.mode is CodingMode.PACKED:
            return pack_codes(codes, self._bits)
        if self.mode is CodingMode.CODED:
            return encode_codes(codes, self.table)
        assert self.predictor is not None, "checked in __post_init__"
        return encode_context(codes, self.predictor)

    def decode(self, data: bytes, frames: int) -> NDArray[np.int32]:
        """Inverse of `encode`: int32 [frames, groups]. BitstreamError for bytes that it would not have written."""
        if self.mode is CodingMode.PACKED:
            return unpack_codes(data, frames, groups=self.groups, bits=self._bits)
        if self.mode is CodingMode.CODED:
            return decode_codes(data, frames, table=self.table)
        assert self.predictor is not None, "checked in __post_init__"
        return decode_context(data, frames, predictor=self.predictor)

    def rate_bits(self, codes: NDArray[Any]) -> NDArray[np.float64]:
        """Cost in bits of every possible code: [groups, entries], or [n, groups, entries] in mode CONTEXT, where it
        depends on the codes [n, groups] before.
        """
        if self.mode is CodingMode.CONTEXT and self.predictor is not None:
            return context_bits(codes, self.predictor)
        return code_cost_bits(self.table)

    def group_bits(self, codes: NDArray[Any]) -> list[float]:
        """Bits that the codes [n, groups] of one packet take in each group, without the rounding of the range coder."""
        if self.mode is CodingMode.PACKED:
            return [float(self._bits * len(codes))] * codes.shape[1]
        # Static costs are the same in every frame; in mode CONTEXT this changes nothing.
        rate_bits = np.broadcast_to(self.rate_bits(codes), (*codes.shape, self.table.shape[1]))
        bits: list[float] = np.take_along_axis(rate_bits, codes[..., None].astype(np.intp), -1).sum((0, 2)).tolist()
        return bits

    @property
    def _bits(self) -> int:
        return (int(self.table.shape[1]) - 1).bit_length()


def coder_modes(predictor: Predictor | None) -> list[CodingMode]:
    """The entropy-coded modes that weights allow, the one that is usually smaller first."""
    return [CodingMode.CODED] if predictor is None else [CodingMode.CONTEXT, CodingMode.CODED]


def smallest_coder(packets: Sequence[NDArray[Any]], coders: Sequence[MotionCoder]) -> MotionCoder:
    """The coder that makes packets of codes [n, groups] smallest in total."""
    if len(coders) == 1:
        return coders[0]  # saves an encoding
    return min(coders, key=lambda coder: sum(len(coder.encode(codes)) for codes in packets))


def coders_of_stream(coding: CodingInfo, weights: WeightsFile) -> dict[CodingMode, MotionCoder]:
    """Coders of all modes that the weights of a stream allow, for the stream's number of groups.

    BitstreamError where the stream's codes are not those of the weights, WeightsError where the file has no tables.
    """
    table = Tables.from_file(weights.path).motion
    predictor = Predictor.of_table(weights.path, table)
    # StreamHeader.check_model compares with the configuration; this guards the tables, which are stored apart from it.
    counts, entries = weights.config.group_counts, 1 << coding.bits_per_code
    if coding.groups not in counts or entries != table.shape[1]:
        raise BitstreamError(
            f"stream has (groups, entries) {(coding.groups, entries)}, its model needs {_spelled(counts, table)}"
        )
    modes = [CodingMode.PACKED, *reversed(coder_modes(predictor))]
    if coding.mode not in modes:
        raise BitstreamError("codes in mode context need weights with a context model, these have none")
    return {mode: MotionCoder(mode, table, predictor).first(coding.groups) for mode in modes}


def _spelled(counts: tuple[int, ...], table: Rows) -> str:
    return " or ".join(str((count, table.shape[1])) for count in counts)
