"""Running `bcd` inside the test process, for tests of commands and of studies."""

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
