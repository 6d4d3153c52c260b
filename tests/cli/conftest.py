"""Running `bcd` inside the test process."""

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bcdcodec.cli.main import main


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str


Bcd = Callable[..., Outcome]


@pytest.fixture
def bcd(capsys: pytest.CaptureFixture[str], weights_folder: Path) -> Bcd:
    """bcd("info", path): exit code, standard output and error. Usage errors come as their exit code too."""

    def run(*arguments: object) -> Outcome:
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as stopped:
            code = int(stopped.code or 0)
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture
def pipes(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], io.BytesIO]:
    """pipes(data) puts bytes on standard input, as a pipe, and returns what standard output will get."""

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    def connect(data: bytes) -> io.BytesIO:
        out = io.BytesIO()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(Pipe(data)))
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out, write_through=True))
        return out

    return connect
