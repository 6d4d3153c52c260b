"""Arrays in pieces read as one; a shard is there whole or not at all."""

from pathlib import Path

import numpy as np
import pytest

from bcdcodec.errors import ConfigError
from bcdcodec.training.data.shards import ShardedArray, ShardWriter, find_shards, read_rows

SIZES = (3, 1, 4)


@pytest.fixture
def numbers(tmp_path: Path) -> np.ndarray:
    """[8, 2], in three shards of `tmp_path`."""
    rows = np.arange(2 * sum(SIZES), dtype=np.int16).reshape(-1, 2)
    at = 0
    for number, size in enumerate(SIZES):
        with ShardWriter(tmp_path, number, names=("a.i16",), columns=("clip", "frames")) as shard:
            for row in rows[at : at + size]:
                shard.append({"a.i16": row[None]}, (f"c{row[0]}", 1))
        at += size
    return rows


def test_pieces_read_as_one(tmp_path: Path, numbers: np.ndarray) -> None:
    found = ShardedArray(find_shards(tmp_path), "a.i16", np.int16, (2,))
    assert len(found) == 8 and found.shape == (8, 2)
    assert np.array_equal(np.array(found), numbers) and np.array_equal(found[::3], numbers[::3])
    for rows in (5, range(2, 6), [7, 0, 3, 3], np.array([[0, 4], [2, 7]]), slice(1, 5), []):
        wanted = numbers[np.asarray(rows, int) if not isinstance(rows, slice) else rows]
        assert np.array_equal(found[rows], wanted) and found[rows].dtype == np.int16
    for rows in (8, -1, [0, 9]):
        with pytest.raises(IndexError, match="of 8"):
            found[rows]
    clips = [row["clip"] for shard in find_shards(tmp_path) for row in read_rows(shard)]
    assert clips == [f"c{row[0]}" for row in numbers]


def test_a_shard_that_is_cut_off_is_not_there(tmp_path: Path, numbers: np.ndarray) -> None:
    with pytest.raises(RuntimeError), ShardWriter(tmp_path, 3, names=("a.i16",), columns=("clip",)) as shard:
        shard.append({"a.i16": numbers[:1]}, ("x",))
        raise RuntimeError
    assert len(find_shards(tmp_path)) == 3 and not list(tmp_path.glob(".*"))


def test_what_is_no_array_is_refused(tmp_path: Path, numbers: np.ndarray) -> None:
    for name, shape in (("b.i16", (2,)), ("a.i16", (5,))):
        with pytest.raises(ConfigError, match=f"{name} is not an array of"):
            ShardedArray(find_shards(tmp_path), name, np.int16, shape)
