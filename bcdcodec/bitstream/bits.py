"""Numbers, checksums and bounded reads (spec section 1).

Every record of a stream is read through `ByteReader`, so that the checks against hostile input are in one place.
"""

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, Self

from bcdcodec.errors import BitstreamError, ConfigError, TruncatedError

#: Largest value of a uvarint, and its length in bytes (spec section 1.2).
MAX_UVARINT = 0xFFFF_FFFF
MAX_UVARINT_BYTES = 5
CRC_BYTES = 4


class Readable(Protocol):
    """Source of a stream: a file, a pipe or a socket's file object. `read` may return fewer bytes than requested."""

    def read(self, size: int, /) -> bytes | None: ...


def crc32(data: bytes, start: int = 0) -> int:
    """CRC-32 of zlib and PNG (spec section 1.3), continued from `start`."""
    return zlib.crc32(data, start)


def pack_crc(data: bytes) -> bytes:
    """`data` followed by its CRC."""
    return data + crc32(data).to_bytes(CRC_BYTES, "big")


def pack_uint(value: int, size: int, *, name: str) -> bytes:
    """A big-endian unsigned number of `size` bytes."""
    if not 0 <= value < 1 << 8 * size:
        raise BitstreamError(f"{name} is {value}, allowed are 0 to {(1 << 8 * size) - 1}")
    return value.to_bytes(size, "big")


def pack_uvarint(value: int, *, name: str = "number") -> bytes:
    """Seven bits a byte, low bits first, high bit set on all but the last byte (spec section 1.2)."""
    if not 0 <= value <= MAX_UVARINT:
        raise BitstreamError(f"{name} is {value}, allowed are 0 to {MAX_UVARINT}")
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


@contextmanager
def checked_bytes(*, name: str) -> Iterator[None]:
    """Raise BitstreamError for TruncatedError: with length and CRC right, a record that ends early is malformed."""
    try:
        yield
    except TruncatedError as error:
        raise BitstreamError(f"{name} is malformed: {error}") from error


class ByteReader:
    """Exact reads from a file or from bytes, with the offset and a running CRC.

    Reads never return fewer bytes than requested: a source that ends too early raises TruncatedError.
    """

    def __init__(self, source: Readable, *, offset: int = 0) -> None:
        if not hasattr(source, "read"):
            raise ConfigError(f"a stream is {type(source).__name__}, needs a file that was opened to read bytes")
        self._source = source
        self.offset = offset
        self._crc = 0

    @classmethod
    def over(cls, data: bytes) -> Self:
        """A reader of bytes in memory."""
        return cls(io.BytesIO(data))

    def take(self, size: int, *, name: str) -> bytes:
        """Read exactly `size` bytes; the caller has bounded `size`."""
        parts: list[bytes] = []
        missing = size
        while missing:
            part = self._source.read(missing)
            if not part:
                raise TruncatedError(f"{name} needs {size} bytes at offset {self.offset}, found {size - missing}")
            parts.append(part)
            missing -= len(part)
        data = b"".join(parts)
        self.offset += size
        self._crc = crc32(data, self._crc)
        return data

    def uint(self, size: int, *, name: str) -> int:
        """A big-endian unsigned number of `size` bytes."""
        return int.from_bytes(self.take(size, name=name), "big")

    def int16(self, *, name: str) -> int:
        """A big-endian two's complement number of two bytes."""
        value: int = struct.unpack(">h", self.take(2, name=name))[0]
        return value

    def uvarint(self, *, name: str, limit: int = MAX_UVARINT) -> int:
        """A number of at most 32 bits in its shortest form; BitstreamError for other forms and above `limit`."""
        value = 0
        for index in range(MAX_UVARINT_BYTES):
            byte = self.uint(1, name=name)
            value |= (byte & 0x7F) << 7 * index
            if byte < 0x80:
                break
        else:
            raise BitstreamError(f"{name} is longer than {MAX_UVARINT_BYTES} bytes")
        if index and byte == 0:
            raise BitstreamError(f"{name} is written in {index + 1} bytes, fewer are enough")
        if value > limit:
            raise BitstreamError(f"{name} is {value}, limit {limit}")
        return value

    def start_crc(self) -> None:
        """Restart the running CRC: the next byte is the first that `check_crc` covers."""
        self._crc = 0

    def check_crc(self, *, name: str) -> None:
        """Read a stored CRC and compare it with that of all bytes read since `start_crc`."""
        computed = self._crc
        stored = self.uint(CRC_BYTES, name=f"CRC of {name}")
        if stored != computed:
            raise BitstreamError(f"{name} is damaged: CRC {stored:08x}, its bytes give {computed:08x}")

    def rest(self) -> bytes:
        """Read to the end; only for sources whose size is already bounded."""
        data = self._source.read(-1) or b""
        self.offset += len(data)
        return data

    def finish(self, *, name: str) -> None:
        """Check that the source has ended; BitstreamError for bytes after the end of a record."""
        if self._source.read(1):
            raise BitstreamError(f"{name} has bytes after its end at offset {self.offset}")
