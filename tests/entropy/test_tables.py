"""Integer probability tables (spec sections 6.1 and 8)."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from landmark_kit import synthetic_tables
from safetensors.numpy import save_file

from bcdcodec.entropy.tables import LANDMARKS, TOTAL, LandmarkTables, Tables, check_rows, fit_rows
from bcdcodec.errors import WeightsError

ROWS = np.array([[32768, 16384, 8192, 8192], [1, 65533, 1, 1]], np.int32)


def test_from_file_reads_two_tensors_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file({"tables.motion": ROWS, "tables.content": ROWS[:1], "net.weight": np.zeros(3, np.float32)}, path)
    tables = Tables.from_file(path)
    assert tables.motion.dtype == np.uint32 and (tables.motion == ROWS).all()
    assert (tables.content == ROWS[:1]).all() and tables.landmarks is None
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


def test_from_file_reads_the_landmarks_whole_or_not_at_all(tmp_path: Path) -> None:
    path, own = tmp_path / "weights.safetensors", synthetic_tables()
    tensors = {f"tables.{name}": tensor for name, tensor in own.tensors().items()}
    assert sorted(tensors) == ["tables.landmark_basis", "tables.landmark_mean", "tables.landmark_rows"]
    coded = {"tables.motion": ROWS, "tables.content": ROWS}
    save_file({**coded, **tensors}, path)
    found = Tables.from_file(path).landmarks
    assert found is not None and found.max_level == own.max_level
    for part in ("mean", "basis", "rows"):
        assert (getattr(found, part) == getattr(own, part)).all()
        with pytest.raises(ValueError, match="read-only"):
            getattr(found, part)[0] = 0
    for name in tensors:
        save_file({**coded, **{other: tensors[other] for other in tensors if other != name}}, path)
        with pytest.raises(WeightsError, match=f"no tensor {name}"):
            Tables.from_file(path)


def test_the_share_of_the_pose_may_be_missing_or_there(tmp_path: Path) -> None:
    path, share = tmp_path / "weights.safetensors", np.arange(36, dtype=np.int32).reshape(6, 6)
    plain = synthetic_tables()
    own = LandmarkTables(mean=plain.mean, basis=plain.basis, rows=plain.rows, pose_share=share)
    save_file(
        {"tables.motion": ROWS, "tables.content": ROWS} | {f"tables.{k}": v for k, v in own.tensors().items()}, path
    )
    found = Tables.from_file(path).landmarks
    assert plain.pose_share is None and found is not None and found.pose_share is not None
    assert (found.pose_share == share).all() and not found.pose_share.flags.writeable


MEAN, BASIS = np.zeros((LANDMARKS, 2), np.int32), np.ones((2, LANDMARKS, 2), np.int32)
THIRDS = fit_rows(np.ones((2, 3), np.int64))


@pytest.mark.parametrize(
    "changes",
    [
        {"mean": MEAN[:-1]},
        {"mean": MEAN.astype(np.int64)},
        {"mean": MEAN.astype(np.float32)},
        {"mean": MEAN - (1 << 28)},  # a level of 1 of two components is beyond the bound
        {"mean": np.full_like(MEAN, -(1 << 31))},
        {"basis": BASIS[:1]},
        {"basis": BASIS[:, :, :1]},
        {"basis": BASIS.astype(np.int16)},
        {"basis": np.full_like(BASIS, -(1 << 31))},
        {"pose_share": np.zeros((3, 3), np.int32)},
        {"pose_share": np.zeros((2, 2))},
        {"rows": THIRDS[:1]},
        {"rows": THIRDS - 1},
        {"rows": fit_rows(np.ones((2, 4), np.int64))},
        {"rows": np.tile(THIRDS[:1], (257, 1)), "basis": np.ones((257, LANDMARKS, 2), np.int32)},
    ],
)
def test_other_landmark_tables_are_refused(changes: dict[str, Any]) -> None:
    LandmarkTables(mean=MEAN - ((1 << 28) - 2), basis=BASIS, rows=THIRDS)
    with pytest.raises(WeightsError):
        LandmarkTables(**{"mean": MEAN, "basis": BASIS, "rows": THIRDS, **changes})


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
