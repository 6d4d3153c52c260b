"""Exceptions of the package; each also derives from the builtin exception of the same meaning."""

from functools import partial
from typing import Any


class BcdError(Exception):
    """Base of all exceptions of the package; messages name the value found and the values allowed."""


class BitstreamError(BcdError, ValueError):
    """The bytes are not a valid `.bcd` stream (bitstream_spec.md)."""


class TruncatedError(BitstreamError, EOFError):
    """The stream ends before the record it started is complete."""


class DamagedError(BitstreamError):
    """A packet has a wrong checksum; the next packet can still be read.

    kind: the packet's kind as read, which may be damaged too.
    """

    def __init__(self, message: str, *, kind: int) -> None:
        super().__init__(message)
        self.kind = kind

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions are pickled by their positional arguments, and `kind` is none.
        return partial(DamagedError, kind=self.kind), self.args


class ConfigError(BcdError, ValueError):
    """An option or a configuration value is outside its range."""


class WeightsError(BcdError, LookupError):
    """Weights are missing, damaged or of another kind."""


class VideoError(BcdError, OSError):
    """A media file cannot be opened, decoded or written."""


class FaceError(BcdError, ValueError):
    """No face is found where one is needed."""


class RateError(BcdError, ValueError):
    """The requested bitrate cannot be met; the message names the smallest possible one."""


class MissingExtraError(BcdError, ImportError):
    """An optional dependency is not installed; the message ends with the command that installs it."""


def install_command(extra: str) -> str:
    """The command that installs an extra; the package is installed from a clone."""
    return f"pip install '.[{extra}]' in a clone of bcdcodec"
