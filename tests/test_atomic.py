"""Files are opened, and written whole or not at all."""

import io
from pathlib import Path

import pytest

from bcdcodec.atomic import open_input, open_output
from bcdcodec.errors import VideoError


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    with open_output(tmp_path / "x") as file:
        file.write(b"all of it")
        assert not (tmp_path / "x").exists()
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"all of it"]


def test_what_failed_leaves_nothing_and_the_old_file_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), open_output(tmp_path / "x") as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_open_files_are_used_as_they_are() -> None:
    both = io.BytesIO(b"bytes")
    with open_input(both) as file, open_output(both) as out:
        assert file is out is both
    assert not both.closed


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="cannot read"), open_input(tmp_path / "missing"):
        pass
    with pytest.raises(VideoError, match="cannot write"), open_output(tmp_path / "no" / "folder"):
        pass
