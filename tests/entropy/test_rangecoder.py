"""The range coder against an independent one in plain integers, written from spec section 6."""

import itertools
import random

import numpy as np
import pytest

from bcdcodec.entropy.rangecoder import RangeReader, RangeWriter, row_model, row_probabilities
from bcdcodec.entropy.tables import fit_rows
from bcdcodec.errors import BitstreamError

MASK = (1 << 64) - 1


def lefts(row: list[int]) -> list[int]:
    """Section 6.2."""
    below = itertools.accumulate(row[:-1], initial=0)
    return [(total * ((1 << 24) - len(row)) >> 16) + symbol for symbol, total in enumerate(below)] + [1 << 24]


def spec_encode(symbols: list[int], rows: list[list[int]]) -> bytes:
    """Sections 6.3 and 6.4, encoder side."""
    low, width, output, words = 0, MASK, 0, 0
    for symbol, row in zip(symbols, rows, strict=True):
        ends, step = lefts(row), width >> 24
        low += step * ends[symbol]
        output, low = output + (low >> 64), low & MASK
        width = step * (ends[symbol + 1] - ends[symbol])
        if width < 1 << 32:
            output, words = (output << 32) + (low >> 32), words + 1
            low, width = low << 32 & MASK, width << 32
    for size in range(8, -1, -1):
        unit = 1 << 8 * size
        point = (low + unit - 1) // unit * unit
        if point < low + width:
            break
    return ((output << 64) + point).to_bytes(4 * words + 8, "big").rstrip(b"\0")


def spec_decode(data: bytes, rows: list[list[int]]) -> list[int]:
    """Section 6.3, decoder side."""
    padded = data + bytes(8 + 4 * len(rows))
    point, at, low, width, symbols = int.from_bytes(padded[:8], "big"), 8, 0, MASK, []
    for row in rows:
        ends, step = lefts(row), width >> 24
        quantile = (point - low & MASK) // step
        symbol = max(index for index in range(len(row)) if ends[index] <= quantile)
        symbols.append(symbol)
        low, width = low + step * ends[symbol] & MASK, step * (ends[symbol + 1] - ends[symbol])
        if width < 1 << 32:
            low, width = low << 32 & MASK, width << 32
            point, at = (point << 32 & MASK) + int.from_bytes(padded[at : at + 4], "big"), at + 4
    return symbols


def draw(source: random.Random) -> tuple[list[int], list[list[int]]]:
    """Symbols and rows of odd shapes; likely symbols, unlikely ones, and long runs that carry."""
    entries, length = source.choice([2, 3, 32, 63, 400]), source.choice([0, 1, 2, 3, 8, 64, 200])
    kinds = [[int(10**6 * source.random() ** source.choice([1, 8, 30])) for _ in range(entries)] for _ in range(3)]
    tables = fit_rows(np.array(kinds)).tolist()
    rows = [tables[index % 3] for index in range(length)]
    style = source.randrange(4)
    if style == 0:
        return [source.randrange(entries) for _ in rows], rows
    if style == 1:
        return [entries - 1 for _ in rows], rows
    if style == 2:
        return [0 for _ in rows], rows
    return [source.choices(range(entries), weights=row)[0] for row in rows], rows


@pytest.mark.parametrize("seed", range(8))
def test_library_and_spec_write_and_read_the_same_bytes(seed: int) -> None:
    source = random.Random(seed)
    for _ in range(40):
        symbols, rows = draw(source)
        probabilities = row_probabilities(np.array(rows, np.uint32).reshape(len(rows), len(rows[0]) if rows else 2))
        writer = RangeWriter()
        writer.put(np.array(symbols, np.int32), probabilities)
        data = writer.finish()
        assert data == spec_encode(symbols, rows)
        assert spec_decode(data, rows) == symbols
        assert RangeReader(data).take(probabilities).tolist() == symbols
        one_by_one = RangeReader(data)
        assert [one_by_one.take_one(row_model(np.array(row, np.uint32))) for row in rows] == symbols


def test_smallest_and_largest_counts() -> None:
    for row in ([1, 65535], [65535, 1], [1] * 4095 + [65536 - 4095]):
        rows = [row] * 50
        for symbol in (0, len(row) - 1, len(row) // 2):
            writer = RangeWriter()
            writer.put(np.full(50, symbol, np.int32), row_probabilities(np.array(rows, np.uint32)))
            data = writer.finish()
            assert data == spec_encode([symbol] * 50, rows)
            assert spec_decode(data, rows) == [symbol] * 50


def test_code_is_within_a_byte_of_ideal_on_average() -> None:
    source = random.Random(3)
    row = fit_rows(np.array([[50, 30, 10, 5, 4, 1]])).astype(np.int64)[0].tolist()
    spent = ideal = 0.0
    for _ in range(300):
        symbols = source.choices(range(6), weights=row, k=source.randrange(1, 60))
        writer = RangeWriter()
        writer.put(np.array(symbols, np.int32), row_probabilities(np.array([row] * len(symbols), np.uint32)))
        spent += len(writer.finish())
        ideal += sum(np.log2(65536 / row[symbol]) for symbol in symbols) / 8
    assert ideal < spent < ideal + 300


def test_any_bytes_decode_to_something_or_are_refused() -> None:
    source = random.Random(4)
    probabilities = row_probabilities(np.array([[1, 65534, 1]] * 30, np.uint32))
    for _ in range(300):
        reader = RangeReader(source.choice([b"", b"\xff" * 40, source.randbytes(source.randrange(40))]))
        try:
            assert set(reader.take(probabilities).tolist()) <= {0, 1, 2}
        except BitstreamError:
            continue
