"""Names from the command line become files, pipes or refusals."""

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bcdcodec.cli.decode import look_ahead
from bcdcodec.cli.streams import STANDARD, check_target, open_stream, size_of, source_path
from bcdcodec.errors import ConfigError, VideoError


def test_a_terminal_gets_no_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with pytest.raises(ConfigError, match="standard output is a terminal"):
        check_target(STANDARD, sources=(), force=False)


def test_a_link_to_the_source_is_the_source(tmp_path: Path) -> None:
    source, link = tmp_path / "a", tmp_path / "b"
    source.write_bytes(b"mine")
    link.symlink_to(source)
    with pytest.raises(ConfigError, match="input and output at once"):
        check_target(str(link), sources=(str(source),), force=True)


def test_standard_input_is_kept_only_while_it_is_read(pipes: Callable[[bytes], io.BytesIO]) -> None:
    pipes(b"video")
    with source_path(STANDARD) as path:
        assert path.read_bytes() == b"video"
    assert not path.parent.exists()


def test_sizes() -> None:
    file = io.BytesIO(b"12345")
    file.seek(2)
    assert (size_of(file), file.tell()) == (5, 2)


def test_a_missing_stream(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="cannot read"), open_stream(str(tmp_path / "x.bcd")):
        pass


def test_looking_ahead_comes_back_to_where_it_started(stream_bytes: bytes) -> None:
    file = io.BytesIO(b"before" + stream_bytes)
    file.seek(6)
    header, again, frames = look_ahead(file)
    assert (header.coding.groups, again.tell(), frames) == (32, 6, None)
    assert look_ahead(io.BytesIO(stream_bytes))[2] == 25


def test_a_link_to_nothing_is_not_written_without_force(tmp_path: Path) -> None:
    link = tmp_path / "link.bcd"
    link.symlink_to("missing.bcd")
    with pytest.raises(ConfigError, match=r"is a link to .*missing.bcd, which does not exist"):
        check_target(str(link), sources=(), force=False)
    assert check_target(str(link), sources=(), force=True) == link


def test_devices_need_no_force() -> None:
    assert check_target(os.devnull, sources=(), force=False) == Path(os.devnull)


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root writes into every folder")
def test_a_folder_that_cannot_be_written_into_is_refused_before_the_work(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match="cannot be written into"):
        check_target(str(tmp_path / "a.bcd"), sources=(), force=False)
    tmp_path.chmod(0o700)
