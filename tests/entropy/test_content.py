"""Lossless coding of content levels (spec section 7.1)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bcdcodec.entropy.content import CONTEXTS_PER_CHANNEL, decode_levels, encode_levels, fit_content_table
from bcdcodec.entropy.tables import Rows
from bcdcodec.errors import BitstreamError

FLAT: Rows = np.full((CONTEXTS_PER_CHANNEL, 5), 13107, np.uint32)
FLAT[:, 0] += 1


def smooth(shape: tuple[int, int, int], max_level: int, seed: int) -> NDArray[np.int32]:
    """Levels that vary slowly, with some noise and clipped peaks."""
    noise = np.random.default_rng(seed).normal(size=shape)
    walk = np.cumsum(np.cumsum(noise, axis=1), axis=2) / 3 + np.random.default_rng(seed + 1).normal(size=shape)
    return np.clip(np.round(walk), -max_level, max_level).astype(np.int32)


def test_bytes() -> None:
    levels = np.array([[[0, 1], [-1, 2]]])
    assert encode_levels(levels, FLAT, max_level=2).hex() == "1341"
    assert decode_levels(bytes.fromhex("1341"), (1, 2, 2), table=FLAT, max_level=2).tolist() == levels.tolist()


@settings(max_examples=60)
@given(
    st.integers(1, 3),
    st.integers(1, 7),
    st.integers(1, 7),
    st.sampled_from([1, 2, 7, 30]),
    st.booleans(),
    st.integers(0, 2**20),
)
def test_round_trip(channels: int, height: int, width: int, max_level: int, rough: bool, seed: int) -> None:
    shape = (channels, height, width)
    levels = smooth(shape, max_level, seed)
    if rough:
        levels = np.random.default_rng(seed).integers(-max_level, max_level + 1, shape).astype(np.int32)
    table = fit_content_table([smooth(shape, max_level, 9)], max_level=max_level)
    found = decode_levels(encode_levels(levels, table, max_level=max_level), shape, table=table, max_level=max_level)
    assert found.dtype == np.int32 and (found == levels).all()


@pytest.mark.parametrize("shape", [(4, 32, 32), (3, 64, 64)])
def test_real_shapes_and_extreme_levels(shape: tuple[int, int, int]) -> None:
    table = fit_content_table([smooth(shape, 15, 1)], max_level=15)
    rough = np.random.default_rng(1).choice([-15, 15], shape)
    for levels in (smooth(shape, 15, 5), rough, np.zeros(shape, np.int32)):
        found = decode_levels(encode_levels(levels, table, max_level=15), shape, table=table, max_level=15)
        assert (found == levels).all()


def test_prediction_and_contexts_pay() -> None:
    shape = (4, 32, 32)
    samples = [smooth(shape, 15, seed) for seed in range(0, 40, 2)]
    table = fit_content_table(samples[2:], max_level=15)
    coded = sum(8 * len(encode_levels(levels, table, max_level=15)) for levels in samples[:2]) / 2
    counts = np.bincount(np.concatenate([levels.reshape(-1) for levels in samples]) + 15)
    shares = counts[counts > 0] / counts.sum()
    assert coded < 0.8 * 4096 * -(shares * np.log2(shares)).sum()


def test_rough_levels_cost_little_more_than_their_histogram() -> None:
    shape = (4, 32, 32)
    source = np.random.default_rng(2)
    samples = [np.clip(np.round(source.normal(size=shape) * 3), -15, 15).astype(np.int32) for _ in range(24)]
    table = fit_content_table(samples[2:], max_level=15)
    coded = sum(8 * len(encode_levels(levels, table, max_level=15)) for levels in samples[:2]) / 2
    counts = np.bincount(np.concatenate([levels.reshape(-1) for levels in samples]) + 15)
    shares = counts[counts > 0] / counts.sum()
    assert coded < 1.03 * 4096 * -(shares * np.log2(shares)).sum()


@pytest.mark.parametrize("tail", [b"\0", b"\x01", b"\0\0\0\0"])
def test_trailing_bytes_are_refused(tail: bytes) -> None:
    levels = smooth((1, 8, 8), 2, 0)
    data = encode_levels(levels, FLAT, max_level=2)
    with pytest.raises(BitstreamError, match="is not what the encoder writes"):
        decode_levels(data + tail, (1, 8, 8), table=FLAT, max_level=2)


def test_altered_bytes_give_other_levels_or_an_error() -> None:
    levels = smooth((1, 6, 6), 2, 0)
    data = encode_levels(levels, FLAT, max_level=2)
    altered = [data[:cut] for cut in range(len(data))]
    altered += [(int.from_bytes(data, "big") ^ 1 << bit).to_bytes(len(data), "big") for bit in range(8 * len(data))]
    for wrong in altered:
        try:
            assert (decode_levels(wrong, (1, 6, 6), table=FLAT, max_level=2) != levels).any()
        except BitstreamError:
            continue


def test_fit_is_frozen() -> None:
    table = fit_content_table([np.array([[[0, 1], [1, 2]]])], max_level=2)
    assert table.shape == (CONTEXTS_PER_CHANNEL, 5)
    assert (table.sum(axis=1) == 65536).all()
    assert table[4 * 7].tolist() == [24930, 24930, 5226, 5225, 5225]


@pytest.mark.parametrize(
    ("levels", "max_level"),
    [
        (np.array([[[3]]]), 2),
        (np.array([[[-3]]]), 2),
        (np.array([[[0.5]]]), 2),
        (np.array([[0]]), 2),
        (np.array([[[0]]]), 3),
        (np.array([[[0]], [[0]]]), 2),
        (np.zeros((1, 0, 1), np.int32), 2),
        (np.array([[[0]]]), 0),
    ],
)
def test_other_levels_are_refused(levels: NDArray[np.int32], max_level: int) -> None:
    with pytest.raises(BitstreamError):
        encode_levels(levels, FLAT, max_level=max_level)


@pytest.mark.parametrize("shape", [(0, 1, 1), (17, 1, 1), (1, 257, 1), (1, 1, 0), (2, 1, 1)])
def test_other_shapes_are_refused(shape: tuple[int, int, int]) -> None:
    with pytest.raises(BitstreamError):
        decode_levels(b"", shape, table=FLAT, max_level=2)


def test_fit_needs_samples() -> None:
    with pytest.raises(BitstreamError, match="at least one"):
        fit_content_table([], max_level=2)
