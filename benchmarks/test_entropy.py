"""Speed of the entropy coders: 1,000 frames of 64 codes in packets of 16 frames, and one content token."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bcdcodec.entropy.content import decode_levels, encode_levels, fit_content_table
from bcdcodec.entropy.context import context_bits, decode_context, encode_context
from bcdcodec.entropy.packed import pack_codes, unpack_codes
from bcdcodec.entropy.predictor import Predictor
from bcdcodec.entropy.static import code_cost_bits, decode_codes, encode_codes
from bcdcodec.entropy.tables import Rows, fit_rows

#: The fixture of conftest.py.
Timed = Callable[[int, Callable[[], Any]], Any]
FRAMES, GROUPS, ENTRIES, BITS, PACKET_FRAMES = 1000, 64, 32, 5, 16
SHAPE, MAX_LEVEL = (4, 32, 32), 15
#: Of the context model of the `face` preset.
HIDDEN = 128


@pytest.fixture(scope="module")
def table() -> Rows:
    """About 2.5 bits a code, the entropy that training aims at."""
    counts = np.round(10_000 * 0.73 ** np.arange(ENTRIES)).astype(np.int64)
    return fit_rows(np.tile(counts, (GROUPS, 1)))


@pytest.fixture(scope="module")
def packets(table: Rows) -> list[NDArray[np.int64]]:
    """Codes drawn from the table, cut into packets."""
    source = np.random.default_rng(0)
    rows = [source.choice(ENTRIES, FRAMES, p=row / row.sum()) for row in table.astype(np.float64)]
    codes = np.stack(rows, axis=1)
    return [codes[start : start + PACKET_FRAMES] for start in range(0, FRAMES, PACKET_FRAMES)]


def test_encode_coded(timed: Timed, table: Rows, packets: list[NDArray[np.int64]]) -> None:
    coded = timed(FRAMES, lambda: [encode_codes(codes, table) for codes in packets])
    ideal = sum(float(np.take_along_axis(code_cost_bits(table), codes.T, axis=1).sum()) for codes in packets)
    assert 8 * sum(map(len, coded)) < 1.01 * ideal


def test_decode_coded(timed: Timed, table: Rows, packets: list[NDArray[np.int64]]) -> None:
    coded = [(encode_codes(codes, table), len(codes)) for codes in packets]
    found = timed(FRAMES, lambda: [decode_codes(data, frames, table=table) for data, frames in coded])
    assert (np.concatenate(found) == np.concatenate(packets)).all()


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    """Random integers: the work is the same whatever they are."""
    source = np.random.default_rng(0)
    return Predictor(
        current=source.integers(-20, 21, (GROUPS, ENTRIES, HIDDEN), np.int8),
        previous=source.integers(-20, 21, (GROUPS, ENTRIES + 1, HIDDEN), np.int8),
        lag1=source.integers(-3000, 3000, (GROUPS, ENTRIES + 1, ENTRIES), np.int16),
        lag2=source.integers(-300, 300, (GROUPS, ENTRIES + 1, ENTRIES), np.int16),
        output=source.integers(-10, 11, (GROUPS, HIDDEN, ENTRIES), np.int8),
    )


def test_encode_context(timed: Timed, predictor: Predictor, packets: list[NDArray[np.int64]]) -> None:
    coded = timed(FRAMES, lambda: [encode_context(codes, predictor) for codes in packets])
    ideal = sum(
        float(np.take_along_axis(context_bits(codes, predictor), codes[..., None], axis=-1).sum()) for codes in packets
    )
    assert 8 * sum(map(len, coded)) < 1.01 * ideal


def test_decode_context(timed: Timed, predictor: Predictor, packets: list[NDArray[np.int64]]) -> None:
    coded = [(encode_context(codes, predictor), len(codes)) for codes in packets]
    found = timed(FRAMES, lambda: [decode_context(data, frames, predictor=predictor) for data, frames in coded])
    assert (np.concatenate(found) == np.concatenate(packets)).all()


def test_encode_packed(timed: Timed, packets: list[NDArray[np.int64]]) -> None:
    packed = timed(FRAMES, lambda: [pack_codes(codes, BITS) for codes in packets])
    assert 8 * sum(map(len, packed)) == FRAMES * GROUPS * BITS


def test_decode_packed(timed: Timed, packets: list[NDArray[np.int64]]) -> None:
    packed = [(pack_codes(codes, BITS), len(codes)) for codes in packets]
    found = timed(FRAMES, lambda: [unpack_codes(data, n, groups=GROUPS, bits=BITS) for data, n in packed])
    assert (np.concatenate(found) == np.concatenate(packets)).all()


@pytest.mark.parametrize("direction", ["encode", "decode"])
def test_content(benchmark: Any, direction: str) -> None:
    walk = np.cumsum(np.random.default_rng(0).normal(size=SHAPE), axis=2)
    levels = np.clip(np.rint(walk), -MAX_LEVEL, MAX_LEVEL).astype(np.int32)
    table = fit_content_table([levels], max_level=MAX_LEVEL)
    data = encode_levels(levels, table, max_level=MAX_LEVEL)
    if direction == "encode":
        assert benchmark(encode_levels, levels, table, max_level=MAX_LEVEL) == data
    else:
        assert (benchmark(decode_levels, data, SHAPE, table=table, max_level=MAX_LEVEL) == levels).all()
