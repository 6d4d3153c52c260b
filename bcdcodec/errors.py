"""The one error tree of the package. In: nothing. Out: the exceptions every other file raises.

Each class has two parents where a builtin says the same thing, so that callers may catch either.
"""


class BcdError(Exception):
    """Base of every error that bcdcodec raises on purpose; the message says what was found and what is allowed."""


class BitstreamError(BcdError, ValueError):
    """The bytes are not a valid `.bcd` stream (bitstream_spec.md)."""


class TruncatedError(BitstreamError, EOFError):
    """The stream ends before the record it started is complete."""


class DamagedError(BitstreamError):
    """The checksum of a packet is not that of its bytes; the next packet can still be read.

    kind: what the packet says that it carries, which may be wrong as well.
    """

    def __init__(self, message: str, *, kind: int) -> None:
        super().__init__(message)
        self.kind = kind


class ConfigError(BcdError, ValueError):
    """An option or a configuration value is outside its range."""


class WeightsError(BcdError, LookupError):
    """The weights that a stream names are missing, damaged or of another kind."""


class VideoError(BcdError, OSError):
    """A media file cannot be opened, decoded or written."""


class FaceError(BcdError, ValueError):
    """No face can be found where one is needed."""


class RateError(BcdError, ValueError):
    """The bitrate asked for cannot be met; the message names the smallest possible one."""


class MissingExtraError(BcdError, ImportError):
    """An optional dependency is not installed; the message names the extra that carries it."""
