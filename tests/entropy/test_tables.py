"""Integer probability tables (spec sections 6.1 and 8)."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from bcdcodec.entropy.tables import TOTAL, Tables, check_rows, fit_rows
from bcdcodec.errors import WeightsError

ROWS = np.array([[32768, 16384, 8192, 8192], [1, 65533, 1, 1]], np.int32)


def test_from_file_reads_two_tensors_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file({"tables.motion": ROWS, "tables.content": ROWS[:1], "net.weight": np.zeros(3, np.float32)}, path)
    tables = Tables.from_file(path)
    assert tables.motion.dtype == np.uint32 and (tables.motion == ROWS).all()
    assert (tables.content == ROWS[:1]).all()
    with pytest.raises(ValueError, match="read-only"):
        tables.motion[0, 0] = 1


@pytest.mark.parametrize(
    "tensors",
    [
        {"tables.motion": ROWS},
        {"tables.motion": ROWS, "tables.content": ROWS.astype(np.int64)},
        {"tables.motion": ROWS, "tables.content": ROWS.astype(np.float32)},
        {"tables.motion": ROWS, "tables.content": ROWS - 1},
        {"tables.motion": ROWS[0], "tables.content": ROWS},
        {"tables.motion": np.full((1, 1), TOTAL, np.int32), "tables.content": ROWS},
        {"tables.motion": np.array([[-1, TOTAL + 1]], np.int32), "tables.content": ROWS},
        {"tables.motion": np.zeros((0, 4), np.int32), "tables.content": ROWS},
    ],
)
def test_other_tensors_are_refused(tmp_path: Path, tensors: dict[str, Any]) -> None:
    path = tmp_path / "weights.safetensors"
    save_file({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, path)
    with pytest.raises(WeightsError):
        Tables.from_file(path)


@pytest.mark.parametrize("data", [b"", b"\xff" * 8, b"not a weights file at all", (1 << 40).to_bytes(8, "little")])
def test_other_files_are_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(data)
    with pytest.raises(WeightsError):
        Tables.from_file(path)
    with pytest.raises(WeightsError):
        Tables.from_file(tmp_path / "missing.safetensors")


def test_sum_is_named() -> None:
    with pytest.raises(WeightsError, match="row 1 sums to 65535"):
        check_rows(ROWS - np.array([[0] * 4, [0, 1, 0, 0]]), name="rows")


def test_fit_is_frozen() -> None:
    fitted = fit_rows(np.array([[0, 0, 0], [1, 2, 6], [10**9, 0, 0]]))
    assert fitted.tolist() == [[21846, 21845, 21845], [10923, 16384, 38229], [65534, 1, 1]]


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=300))
def test_fitted_rows_are_tables_in_the_order_of_their_counts(counts: list[int]) -> None:
    row = fit_rows(np.array([counts]))[0]
    assert row.sum() == TOTAL and row.min() >= 1
    order = np.argsort(counts, kind="stable")
    assert (np.diff(row[order].astype(np.int64)) >= -1).all()


@pytest.mark.parametrize(
    "counts", [np.zeros(3, np.int64), np.array([[1.0, 2.0]]), np.array([[-1, 2]]), np.array([[5]])]
)
def test_other_histograms_are_refused(counts: Any) -> None:
    with pytest.raises(WeightsError):
        fit_rows(counts)
