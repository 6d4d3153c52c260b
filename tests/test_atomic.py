"""Files are opened, and written whole or not at all."""

import hashlib
import io
import os
import threading
from pathlib import Path

import pytest

from bcdcodec.atomic import check_run_manifest, file_hash, new_folder, open_input, open_output, write_bytes, write_with
from bcdcodec.errors import ConfigError, VideoError


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


def test_a_file_appears_whole_in_a_folder_that_was_missing(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.json"
    write_bytes(path, b"first")
    write_bytes(path, b"second")
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
        write_with(path, fail)
    assert path.read_bytes() == b"old"
    assert [*tmp_path.iterdir()] == [path]


def test_a_run_goes_on_only_with_the_settings_it_began_with(tmp_path: Path) -> None:
    manifest = tmp_path / "new" / "run.json"
    check_run_manifest(manifest, {"steps": 10, "seed": 0})
    check_run_manifest(manifest, {"steps": 10, "seed": 0})
    with pytest.raises(ConfigError, match=r"new began with other seed;"):
        check_run_manifest(manifest, {"steps": 10, "seed": 1})


def test_a_folder_appears_complete_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / ".part.a").mkdir()
    (tmp_path / ".part.a" / "left").write_bytes(b"by a killed process")
    with new_folder(tmp_path / "a") as partial:
        (partial / "x").write_bytes(b"1")
        assert not (tmp_path / "a").exists()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["x"]
    with pytest.raises(KeyboardInterrupt), new_folder(tmp_path / "b") as partial:
        (partial / "x").write_bytes(b"1")
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_link_stays_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    with open_output(tmp_path / "link") as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_bytes() == b"new"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a FIFO is a kind of file of POSIX")
def test_devices_and_fifos_are_written_to(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append(fifo.read_bytes()))
    reader.start()
    with open_output(fifo) as file:
        file.write(b"all of it")
    reader.join(10)
    assert found == [b"all of it"] and fifo.is_fifo() and [*tmp_path.iterdir()] == [fifo]
    with open_output(os.devnull) as file:
        file.write(b"gone")
    assert Path(os.devnull).is_char_device()


def test_the_longest_names_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / f"{'a' * 251}.bcd"
    write_bytes(path, b"x")
    assert path.read_bytes() == b"x"
