"""Integer softmax (spec section 6.5)."""

from decimal import Decimal, getcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bcdcodec.entropy.softmax import SCORES_PER_BIT, SCORES_PER_STEP, STEPS_PER_BIT, WEIGHTS, softmax_counts
from bcdcodec.entropy.tables import TOTAL


def test_weights_are_the_integer_parts_of_the_powers() -> None:
    getcontext().prec = 60
    assert WEIGHTS[:4].tolist() == [16777216, 16417714, 16065917, 15721657]
    for step, weight in enumerate(WEIGHTS[:-1].tolist()):
        assert weight == int(Decimal(2) ** (Decimal(24) - Decimal(step) / 32))
    assert WEIGHTS[768:].tolist() == [1, 0] and SCORES_PER_STEP * STEPS_PER_BIT == SCORES_PER_BIT


@given(st.lists(st.integers(-(2**30), 2**30 - 1), min_size=2, max_size=256))
def test_counts_are_a_table_in_the_order_of_their_scores(scores: list[int]) -> None:
    counts = softmax_counts(np.array(scores))
    assert counts.sum() == TOTAL and counts.min() >= 1
    assert (np.diff(counts[np.argsort(scores, kind="stable")]) >= -len(scores)).all()
    assert (softmax_counts(np.array([scores, scores], np.int32)) == counts).all()


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([0, 0], [32768, 32768]),
        ([0, -1024], [43691, 21845]),
        ([-31, 0, 0], [21846, 21845, 21845]),  # within a step of the best: the first of the best takes what is left
        ([0, -(10**9)], [65535, 1]),
        ([-32, 0, -64], [21841, 22322, 21373]),
    ],
)
def test_frozen_counts(scores: list[int], expected: list[int]) -> None:
    assert softmax_counts(np.array(scores)).tolist() == expected


def test_counts_are_close_to_the_softmax() -> None:
    scores = np.random.default_rng(0).integers(-8 * SCORES_PER_BIT, 0, (200, 32))
    exact = np.exp2(scores / SCORES_PER_BIT)
    exact /= exact.sum(-1, keepdims=True)
    found = softmax_counts(scores) / TOTAL
    lost_bits = (exact * np.log2(exact / found)).sum(-1)
    assert lost_bits.max() < 0.002
