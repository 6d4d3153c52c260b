"""Context coding of motion codes (spec sections 5.2.3, 6.5): round trips, exact arithmetic, hostile bytes."""

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.numpy import save_file

from bcdcodec.bitstream.records import CodingMode
from bcdcodec.entropy.context import context_bits, context_counts, decode_context, encode_context
from bcdcodec.entropy.motion import MotionCoder, coder_modes, smallest_coder
from bcdcodec.entropy.predictor import MAX_HIDDEN, MAX_HIDDEN_VALUE, PARALLEL_GROUPS, TENSORS, Predictor
from bcdcodec.entropy.softmax import softmax_counts
from bcdcodec.entropy.tables import TOTAL, fit_rows
from bcdcodec.errors import BitstreamError, WeightsError


def random_predictor(groups: int, entries: int, hidden: int, seed: int = 0, weight: int = 128) -> Predictor:
    """Any integers that the tensors may hold; smaller ones for probabilities that are not all extreme."""
    source = np.random.default_rng(seed)
    shapes = {
        "current": (groups, entries, hidden),
        "previous": (groups, entries + 1, hidden),
        "lag1": (groups, entries + 1, entries),
        "lag2": (groups, entries + 1, entries),
        "output": (groups, hidden, entries),
    }
    tensors = {
        name: source.integers(-weight * (1 if kind is np.int8 else 32), weight * (1 if kind is np.int8 else 32), shape)
        for (name, shape), (_, kind) in zip(shapes.items(), TENSORS.values(), strict=True)
    }
    return Predictor(**{name: values.astype(TENSORS[name][1]) for name, values in tensors.items()})


def random_codes(frames: int, groups: int, entries: int, seed: int = 0) -> NDArray[np.int64]:
    return np.random.default_rng(seed).integers(0, entries, (frames, groups))


def counts_one_by_one(codes: NDArray[np.int64], predictor: Predictor, kind: Any) -> NDArray[np.int64]:
    """Section 6.5 read aloud, code by code, sums and products of numbers of one kind."""
    groups, entries = codes.shape[1], predictor.entries
    current, previous, lag1, lag2, output = (getattr(predictor, name).astype(kind) for name in TENSORS)
    padded = np.concatenate([np.full((2, groups), entries), codes])
    rows = []
    for t in range(2, len(padded)):
        for g in range(groups):
            total = np.zeros(current.shape[2], kind)
            for k in reversed(range(groups)):  # another order than the library's
                total += previous[k, padded[t - 1, k]]
            for k in range(g // PARALLEL_GROUPS * PARALLEL_GROUPS):
                total += current[k, padded[t, k]]
            hidden = np.clip(total.astype(np.int64) >> 1, 0, MAX_HIDDEN_VALUE).astype(kind)
            own = np.zeros(entries, kind)
            for h in reversed(range(len(hidden))):
                own += hidden[h] * output[g, h]
            scores = lag1[g, padded[t - 1, g]] + lag2[g, padded[t - 2, g]] + own
            rows.append(softmax_counts(scores.astype(np.int64)))
    return np.array(rows).reshape(*codes.shape, entries)


@given(st.integers(0, 20), st.integers(1, 11), st.sampled_from([2, 5, 32]), st.integers(1, 20), st.integers(0, 2**32))
@settings(max_examples=40)
def test_round_trip(frames: int, groups: int, entries: int, hidden: int, seed: int) -> None:
    predictor, codes = random_predictor(groups, entries, hidden, seed), random_codes(frames, groups, entries, seed)
    found = decode_context(encode_context(codes, predictor), frames, predictor=predictor)
    assert found.dtype == np.int32 and found.shape == codes.shape and (found == codes).all()


def test_largest_packet() -> None:
    predictor, codes = random_predictor(64, 32, 32, weight=8), random_codes(255, 64, 32)
    assert (decode_context(encode_context(codes, predictor), 255, predictor=predictor) == codes).all()


def test_bytes_are_frozen() -> None:
    predictor, codes = random_predictor(6, 8, 16, weight=30), random_codes(5, 6, 8)
    assert encode_context(codes, predictor).hex() == FROZEN
    assert encode_context(codes[:0], predictor) == b""


@pytest.mark.parametrize("kind", [np.int64, np.float32, np.float64])
@pytest.mark.parametrize(("groups", "hidden", "weight"), [(5, 7, 128), (8, 64, 20), (3, MAX_HIDDEN, 128)])
def test_floats_and_integers_in_any_order_give_the_same_counts(
    kind: Any, groups: int, hidden: int, weight: int
) -> None:
    predictor, codes = random_predictor(groups, 16, hidden, weight=weight), random_codes(4, groups, 16)
    found = np.concatenate(list(context_counts(codes, predictor)))
    assert (found == counts_one_by_one(codes, predictor, kind)).all()


def test_the_largest_numbers_are_exact() -> None:
    """Every product at its extreme: the sums reach what float32 can still hold, and not one more."""
    ones = random_predictor(4, 2, MAX_HIDDEN)
    full = {name: np.full_like(getattr(ones, name), np.iinfo(kind).max) for name, (_, kind) in TENSORS.items()}
    full["output"][:, :, 1], full["lag1"][:, :, 1], full["lag2"][:, :, 1] = -128, -32768, -32768
    predictor = Predictor(**full)
    assert 128 * MAX_HIDDEN_VALUE * MAX_HIDDEN < 1 << 24
    codes = random_codes(3, 4, 2)
    found = np.concatenate(list(context_counts(codes, predictor)))
    assert (found == counts_one_by_one(codes, predictor, np.int64)).all()


@pytest.mark.parametrize("block", [1, 2, 7, 100])
def test_frames_computed_together_do_not_matter(block: int) -> None:
    predictor, codes = random_predictor(9, 32, 48, weight=20), random_codes(40, 9, 32)
    whole = np.concatenate(list(context_counts(codes, predictor)))
    assert (np.concatenate(list(context_counts(codes, predictor, block=block))) == whole).all()
    assert (whole.sum(-1) == TOTAL).all() and whole.min() >= 1
    assert np.allclose(context_bits(codes, predictor), np.log2(TOTAL / whole))


def test_codes_know_what_came_before_and_nothing_else() -> None:
    predictor, codes = random_predictor(7, 8, 16, weight=20), random_codes(6, 7, 8)
    before = np.concatenate(list(context_counts(codes, predictor)))
    for t, g in [(0, 0), (2, 3), (4, 6)]:
        other = codes.copy()
        other[t, g] = (other[t, g] + 1) % 8
        changed = np.concatenate(list(context_counts(other, predictor))) != before
        first_dependent = g // PARALLEL_GROUPS * PARALLEL_GROUPS + PARALLEL_GROUPS
        assert not changed[:t].any() and not changed[t, :first_dependent].any()
        assert not changed[t + 3 :].any(), "two frames back is all that is known"
        assert changed[t, first_dependent:].any() or first_dependent >= 7


FROZEN = "cffe7d70ac34bf8fafff92e9"

THREADS_CODE = """
import hashlib, sys
import numpy as np
from safetensors.numpy import load_file
from bcdcodec.entropy.context import decode_context, encode_context
from bcdcodec.entropy.predictor import Predictor
predictor = Predictor.from_file(sys.argv[1])
codes = load_file(sys.argv[2])["codes"]
data = encode_context(codes, predictor)
assert (decode_context(data, len(codes), predictor=predictor) == codes).all()
print(hashlib.sha256(data).hexdigest())
"""


@pytest.mark.parametrize(
    "environment",
    [
        {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
        {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"},
        {"OPENBLAS_CORETYPE": "Prescott"},
        {"NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3"},
    ],
)
def test_threads_and_processors_give_the_same_bytes(tmp_path: Path, environment: dict[str, str]) -> None:
    predictor, codes = random_predictor(64, 32, 128, weight=20), random_codes(64, 64, 32)
    save_file(predictor.tensors(), tmp_path / "context.safetensors")
    save_file({"codes": codes}, tmp_path / "codes.safetensors")
    command = [sys.executable, "-W", "ignore", "-c", THREADS_CODE, "context.safetensors", "codes.safetensors"]
    root = Path(__file__).parents[2]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(root), **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == hashlib.sha256(encode_context(codes, predictor)).hexdigest()


def test_every_other_string_of_bytes_is_refused() -> None:
    predictor, codes = random_predictor(8, 16, 16, weight=20), random_codes(2, 8, 16)
    data = encode_context(codes, predictor)
    flipped = [bytes(byte ^ (1 << bit % 8) * (i == bit // 8) for i, byte in enumerate(data)) for bit in range(64)]
    for wrong in (*flipped, data + b"\0", data + b"\x01", b"\0" + data, *(data[:cut] for cut in range(len(data)))):
        try:
            assert (decode_context(wrong, 2, predictor=predictor) != codes).any()
        except BitstreamError:
            continue


@given(st.binary(max_size=200), st.integers(1, 6))
@settings(max_examples=40)
def test_any_bytes_decode_or_raise(data: bytes, frames: int) -> None:
    predictor = random_predictor(5, 8, 8, weight=20)
    try:
        codes = decode_context(data, frames, predictor=predictor)
    except BitstreamError:
        return
    assert encode_context(codes, predictor) == data


@pytest.mark.parametrize("codes", [[[0, 4]], [[-1, 0]], [[0]], [[0, 0, 0]], [[0.5, 0.5]], [0, 0]])
def test_other_codes_are_refused(codes: list[object]) -> None:
    with pytest.raises(BitstreamError):
        encode_context(np.array(codes), random_predictor(2, 4, 4))


def test_weights_files(tmp_path: Path) -> None:
    predictor, path = random_predictor(3, 4, 5), tmp_path / "weights.safetensors"
    save_file({**predictor.tensors(), "net": np.zeros(3, np.float32)}, path)
    found = Predictor.from_file(path)
    assert found is not None
    assert all((getattr(found, name) == getattr(predictor, name)).all() for name in TENSORS)
    save_file({"net": np.zeros(3, np.float32)}, path)
    assert Predictor.from_file(path) is None
    with pytest.raises(WeightsError):
        Predictor.from_file(tmp_path / "missing.safetensors")
    save_file(predictor.tensors(), path)
    with pytest.raises(WeightsError, match="is for 3x4"):
        Predictor.of_table(path, fit_rows(np.ones((2, 4), np.int64)))


@pytest.mark.parametrize("name", [name for name, _ in TENSORS.values()])
def test_other_tensors_are_refused(tmp_path: Path, name: str) -> None:
    predictor, path = random_predictor(3, 4, 5), tmp_path / "weights.safetensors"
    right = predictor.tensors()[f"context.{name}"]
    for wrong in (right[0], right[:, :-1], right.astype(np.int32), right[..., :0], None):
        others = {key: value for key, value in predictor.tensors().items() if key != f"context.{name}"}
        changed = {} if wrong is None else {f"context.{name}": np.ascontiguousarray(wrong)}
        save_file(others | changed, path)
        with pytest.raises(WeightsError):
            Predictor.from_file(path)


def test_the_coder_of_a_mode() -> None:
    table, predictor = fit_rows(np.ones((6, 8), np.int64)), random_predictor(6, 8, 8, weight=20)
    codes = random_codes(9, 6, 8)
    for mode in CodingMode:
        coder = MotionCoder(mode, table, predictor)
        assert (coder.decode(coder.encode(codes), 9) == codes).all()
        assert coder.rate_bits(codes).shape == ((9, 6, 8) if mode is CodingMode.CONTEXT else (6, 8))
    with pytest.raises(BitstreamError, match="context model"):
        MotionCoder(CodingMode.CONTEXT, table, None)


def test_the_first_groups_have_a_coder_of_their_own() -> None:
    """It is that of a model with so few groups: nothing is taken from those that are not there."""
    table, predictor = fit_rows(np.arange(48).reshape(6, 8)), random_predictor(6, 8, 8, weight=20)
    few = Predictor(**{name: getattr(predictor, name)[:3] for name in TENSORS})
    codes = random_codes(9, 3, 8)
    for mode in CodingMode:
        first, own = MotionCoder(mode, table, predictor).first(3), MotionCoder(mode, table[:3], few)
        assert first.groups == 3 and first.encode(codes) == own.encode(codes)
        assert (first.decode(first.encode(codes), 9) == codes).all()
    assert MotionCoder(CodingMode.PACKED, table, None).first(3).predictor is None


def test_the_smaller_mode_is_taken() -> None:
    table, predictor = fit_rows(np.ones((6, 8), np.int64)), random_predictor(6, 8, 8)
    random = random_codes(16, 6, 8)
    # What a wild predictor finds likely, it codes in fewer bits; of everything else it is badly surprised.
    likely = decode_likely(16, predictor)
    coders = [MotionCoder(mode, table, predictor) for mode in coder_modes(predictor)]
    assert smallest_coder([random], coders).mode is CodingMode.CODED
    assert smallest_coder([likely], coders).mode is CodingMode.CONTEXT
    assert coder_modes(None) == [CodingMode.CODED]


def decode_likely(frames: int, predictor: Predictor) -> NDArray[np.int32]:
    """The most probable code, again and again."""
    codes = np.zeros((frames, predictor.groups), np.int32)
    for t in range(frames):
        for g in range(predictor.groups):
            codes[t, g] = np.concatenate(list(context_counts(codes, predictor)))[t, g].argmax()
    return codes
