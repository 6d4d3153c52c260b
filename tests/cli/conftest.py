"""Fixtures of commands: `bcd` inside the test process, and pipes."""

import io
import sys
from collections.abc import Callable

import pytest
from bcd_kit import bcd

__all__ = ["bcd", "pipes"]


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
