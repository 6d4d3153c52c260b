"""Files of results: whole or not there."""

import hashlib
from pathlib import Path

import pytest

from bcdcodec.evaluation.files import file_hash, kept_json, write_whole, write_whole_by


def test_a_file_appears_whole_in_a_folder_that_was_missing(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.json"
    write_whole(path, b"first")
    write_whole(path, b"second")
    assert path.read_bytes() == b"second"
    assert [*path.parent.iterdir()] == [path]
    assert file_hash(path) == hashlib.sha256(b"second").hexdigest()


def test_a_writer_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"old")

    def fail(partial: Path) -> None:
        assert partial.suffix == ".png"
        partial.write_bytes(b"half")
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        write_whole_by(path, fail)
    assert path.read_bytes() == b"old"
    assert [*tmp_path.iterdir()] == [path]


def test_what_is_kept_is_not_made_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "kept.json"
    assert kept_json(path, lambda: {"a": [1, None]}) == {"a": [1, None]}
    assert kept_json(path, lambda: pytest.fail("made again")) == {"a": [1, None]}
