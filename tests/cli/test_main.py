"""Manners of the command: help, errors in one line, exit codes, nothing left behind."""

import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bcdcodec.cli import info
from bcdcodec.cli.main import INTERRUPTED, PIPE_CLOSED, REFUSED, SIGNALED, parse
from bcdcodec.errors import BcdError, ConfigError

COMMANDS = (
    *("encode", "decode", "play", "compare", "still", "info", "verify", "transcode", "transfer", "generate"),
    *("train", "data"),
)
IN_GROUPS = (
    *(("train", name) for name in ("codec", "vae", "context", "export", "motion", "judge")),
    ("data", "prepare"),
    ("data", "sprites"),
)
GROUPS = ("train", "data")
Bcd = Callable[..., Any]


@pytest.mark.parametrize("command", [*((name,) for name in COMMANDS if name not in GROUPS), *IN_GROUPS])
def test_help_of_every_command_has_examples(command: tuple[str, ...], bcd: Bcd) -> None:
    done = bcd(*command, "--help")
    assert done.code == 0
    assert f"usage: bcd {' '.join(command)}" in done.out
    assert "examples:\n  bcd " in done.out


@pytest.mark.parametrize("group", GROUPS)
def test_the_help_of_a_group_names_its_commands(group: str, bcd: Bcd) -> None:
    done = bcd(group, "--help")
    assert done.code == 0 and f"usage: bcd {group}" in done.out
    assert all(re.search(rf"^ +{name}\b", done.out, re.MULTILINE) for found, name in IN_GROUPS if found == group)
    assert bcd(group).code == REFUSED


def test_files_may_stand_among_the_options() -> None:
    assert parse(["encode", "a.mp4", "--bitrate", "2k", "b.bcd"]).paths == ["a.mp4", "b.bcd"]
    assert parse(["encode", "-", "-q", "-"]).paths == ["-", "-"]


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_shells_complete_commands_and_options(shell: str, bcd: Bcd) -> None:
    done = bcd("--print-completion", shell)
    assert done.code == 0 and all(command in done.out for command in COMMANDS)
    assert "--audio-bitrate" in done.out


def test_wrong_usage_shows_that_of_its_own_command(bcd: Bcd) -> None:
    done = bcd("info", "a.bcd", "--nothing")
    assert done.code == REFUSED and done.err.startswith("usage: bcd info ") and "--nothing" in done.err.splitlines()[-1]
    assert "bcd encode" not in done.err


def test_damage_names_the_file_and_what_helps(bcd: Bcd, stream_file: Path) -> None:
    stream_file.write_bytes(stream_file.read_bytes()[:-40])
    done = bcd("decode", stream_file)
    assert done.code == REFUSED and str(stream_file) in done.err and "--salvage keeps what comes before" in done.err
    assert bcd("verify", stream_file).code == bcd("info", stream_file).code == REFUSED
    assert f"{stream_file.name}: " in bcd("info", stream_file).err


def test_the_overview_names_every_command(bcd: Bcd) -> None:
    done = bcd("--help")
    assert done.code == 0
    assert all(re.search(rf"^ +{command}\b", done.out, re.MULTILINE) for command in COMMANDS)


@pytest.mark.parametrize("arguments", [(), ("paint",), ("encode",), ("encode", "a", "b", "--nothing")])
def test_wrong_usage_is_exit_code_2(arguments: tuple[str, ...], bcd: Bcd) -> None:
    done = bcd(*arguments)
    assert done.code == REFUSED
    assert "error:" in done.err


@pytest.mark.parametrize(
    "option",
    [
        ("--fps", "0"),
        ("--fps", "fast"),
        ("--fps", "1000"),
        ("--fps", "1/0"),
        ("--bitrate", "0"),
        ("--bitrate", "4m"),
        ("--bitrate", "nan"),
        ("--seed", "-1"),
        ("--seed", "4294967296"),
        ("--seed", "x"),
        ("--meta", "novalue"),
        ("--mode", "zip"),
    ],
)
def test_values_outside_their_range_are_wrong_usage(option: tuple[str, str], bcd: Bcd, tmp_path: Path) -> None:
    done = bcd("encode", "in.mp4", tmp_path / "out.bcd", *option)
    assert done.code == REFUSED
    assert option[0] in done.err.splitlines()[-1]


def test_values_are_understood() -> None:
    line = ["encode", "a", "b", "--fps", "30000/1001", "--bitrate", "2.5k", "--audio-bitrate", "8k", "--meta", "k=v=w"]
    options = parse(line)
    assert (float(options.frame_rate), options.bitrate, options.audio_bitrate) == (30000 / 1001, 2500, 8000)
    assert options.meta == [("k", "v=w")]
    assert parse(["encode", "a", "b", "--bitrate", "none"]).bitrate is None
    assert parse(["encode", "a", "b", "--no-audio"]).audio_bitrate is None
    assert parse(["encode", "a", "b", "--crop"]).crop
    assert not parse(["encode", "a", "b", "--no-crop"]).crop
    assert parse(["encode", "a", "b", "--background"]).background
    assert not parse(["encode", "a", "b", "--no-background"]).background


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ConfigError("found 3,\nallowed is 2"), REFUSED, "bcd: error: found 3, allowed is 2\n"),
        (OSError(28, "No space left on device"), REFUSED, "bcd: error: [Errno 28] No space left on device\n"),
        (KeyboardInterrupt(), INTERRUPTED, ""),
    ],
)
def test_errors_become_one_line(
    error: BaseException, code: int, line: str, bcd: Bcd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(info, "summarize", _raiser(error))
    done = bcd("info", "x.bcd")
    assert (done.code, done.out, done.err) == (code, "", line)


@pytest.mark.parametrize("line", [["info", "{}"], ["decode", "{}", "-"], ["transcode", "{}", "-"]])
def test_a_closed_pipe_is_silent(line: list[str], stream_file: Path) -> None:
    command = [sys.executable, "-m", "bcdcodec", *(word.format(stream_file) for word in line)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == PIPE_CLOSED


@pytest.mark.skipif(os.name == "nt", reason="names are bytes on POSIX alone")
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
@pytest.mark.parametrize("stem", [b"caf\xc3\xa9", b"bad\xff", "\u8a9e".encode()])
def test_any_name_is_printed_in_any_encoding(stream_file: Path, tmp_path: Path, encoding: str, stem: bytes) -> None:
    """Names outside the terminal's encoding, or that are no text at all, end no command that has done its work."""
    source = tmp_path / os.fsdecode(stem + b".bcd")
    stream_file.rename(source)
    for line in (["info", source], ["transcode", source, tmp_path / os.fsdecode(stem + b"2.bcd")]):
        command = [sys.executable, "-m", "bcdcodec", *map(os.fsencode, map(str, line))]
        done = subprocess.run(
            command, capture_output=True, env=os.environ | {"PYTHONIOENCODING": encoding}, check=False
        )
        assert done.returncode == 0 and b"Traceback" not in done.stderr
        assert b".bcd" in done.stdout
    assert (tmp_path / os.fsdecode(stem + b"2.bcd")).stat().st_size > 0


@pytest.mark.skipif(os.name == "nt", reason="shells close streams on POSIX alone")
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_end_no_command(stream_file: Path, tmp_path: Path, closed: str) -> None:
    """Nor is what would have been printed written into the output, which gets the first free descriptor."""
    written, same = tmp_path / "a.bcd", tmp_path / "b.bcd"
    command = f'"{sys.executable}" -m bcdcodec transcode "{stream_file}"'
    assert subprocess.run(f'{command} "{same}"', shell=True, capture_output=True, check=False).returncode == 0
    done = subprocess.run(f'{command} "{written}" {closed}', shell=True, capture_output=True, check=False)
    assert done.returncode == 0 and done.stderr == b""
    assert written.read_bytes() == same.read_bytes()


@pytest.mark.skipif(os.name == "nt", reason="shells close streams on POSIX alone")
def test_a_closed_input_is_empty() -> None:
    line = f'"{sys.executable}" -m bcdcodec info - <&-'
    done = subprocess.run(line, shell=True, capture_output=True, check=False)
    assert done.returncode == REFUSED and done.stderr.startswith(b"bcd: error: ")


def test_a_bug_is_a_traceback(bcd: Bcd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(info, "summarize", _raiser(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        bcd("info", "x.bcd")


def test_warnings_reach_stderr_only_while_a_command_runs(bcd: Bcd, monkeypatch: pytest.MonkeyPatch) -> None:
    def warn(name: str, **asked: bool) -> None:
        logging.getLogger("bcdcodec.video.shots").warning("two faces")
        raise BcdError("end")

    monkeypatch.setattr(info, "summarize", warn)
    assert bcd("info", "x.bcd").err == "bcd: two faces\nbcd: error: end\n"
    assert logging.getLogger("bcdcodec").handlers == []


def _raiser(error: BaseException) -> Callable[..., None]:
    def fail(*arguments: object, **options: object) -> None:
        raise error

    return fail


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)])
def test_a_signal_leaves_nothing_behind(number: int, tmp_path: Path) -> None:
    script = f"""
import signal, sys, time
from bcdcodec.atomic import open_output
from bcdcodec.cli import info, main
def wait(*_, **__):
    with open_output({str(tmp_path / "a.bcd")!r}) as file:
        file.write(b"half")
        print("ready", flush=True)
        time.sleep(60)
info.summarize = wait
signal.signal({int(number)}, signal.SIG_DFL)  # whatever started the tests may ignore it
sys.exit(main.main(["info", "x.bcd"]))
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        assert process.stderr.read() == b""
    assert process.returncode == SIGNALED + number
    assert [*tmp_path.iterdir()] == []


def test_handlers_of_a_caller_come_back(bcd: Bcd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(info, "summarize", _raiser(BcdError("end")))
    before = signal.getsignal(signal.SIGTERM)
    bcd("info", "x.bcd")
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no such signal")
def test_what_ignores_a_signal_goes_on_ignoring_it(bcd: Bcd, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def summarize(*_: Any, **__: Any) -> None:
        seen.append(signal.getsignal(signal.SIGHUP))
        raise BcdError("end")

    monkeypatch.setattr(info, "summarize", summarize)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        assert bcd("info", "x.bcd").code == REFUSED
        assert seen == [signal.SIG_IGN] and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
