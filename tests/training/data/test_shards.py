"""Arrays in pieces read as one; a shard is there whole or not at all."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bcdcodec.errors import ConfigError
from bcdcodec.training.data import shards
from bcdcodec.training.data.shards import ShardedArray, ShardWriter, find_shards, read_rows, shard_path

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
    for name, shape, message in (("b.i16", (2,), "b.i16 is missing"), ("a.i16", (5,), "12 bytes, .* no whole rows")):
        with pytest.raises(ConfigError, match=message):
            ShardedArray(find_shards(tmp_path), name, np.int16, shape)


def test_what_changes_or_cannot_be_opened_is_said(
    tmp_path: Path, numbers: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = ShardedArray(find_shards(tmp_path), "a.i16", np.int16, (2,))
    (shard_path(tmp_path, 1) / "a.i16").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"shard-00001/a\.i16 changed while it was in use"):
        found[3]
    (shard_path(tmp_path, 1) / "a.i16").unlink()
    with pytest.raises(ConfigError, match=r"shard-00001/a\.i16 is missing"):
        found[3]

    def exhausted(*arguments: object, **options: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(np, "memmap", exhausted)
    with pytest.raises(ConfigError, match=r"shard-00002/a\.i16 cannot be opened, too many files are"):
        found[4]


def test_few_shards_are_open_at_a_time(tmp_path: Path, numbers: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    opened, memmap = [], np.memmap
    monkeypatch.setattr(shards, "MAX_OPEN_SHARDS", 2)
    monkeypatch.setattr(
        np, "memmap", lambda path, *args, **kwargs: opened.append(path) or memmap(path, *args, **kwargs)
    )
    found = ShardedArray(find_shards(tmp_path), "a.i16", np.int16, (2,))
    assert not opened
    for row in (0, 3, 0, 4, 0, 3):  # shards 0 1 0 2 0 1: the second is closed for the third
        assert np.array_equal(found[row], numbers[row])
    assert [path.parent.name for path in opened] == [f"shard-0000{shard}" for shard in (0, 1, 2, 1)]


#: Reads two arrays of 1500 shards with handles for 200 files.
MANY = """
import resource, sys
from pathlib import Path
import numpy as np
from bcdcodec.training.data.shards import ShardedArray, find_shards

resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))
shards = find_shards(Path(sys.argv[1]))
arrays = [ShardedArray(shards, f"{name}.i16", np.int16, (2,)) for name in "ab"]
for number, array in enumerate(arrays):
    assert array.shape == (1500, 2)
    assert (array[:] == np.arange(1500)[:, None] + number).all()
    assert (array[[1499, 0, 700]][:, 1] == np.array([1499, 0, 700]) + number).all()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of open files are those of POSIX")
def test_many_shards_need_few_handles(tmp_path: Path) -> None:
    for index in range(1500):
        folder = shard_path(tmp_path, index)
        folder.mkdir()
        for number, name in enumerate("ab"):
            (folder / f"{name}.i16").write_bytes(np.full(2, index + number, np.int16).tobytes())
    done = subprocess.run([sys.executable, "-c", MANY, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
