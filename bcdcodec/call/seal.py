"""Seal of datagrams with a key that both ends have: encrypted, authenticated, and taken once (extra `call`).

ChaCha20-Poly1305 (RFC 8439). The nonce is direction, session and sequence, so a key must not see a session again:
sessions are drawn at random from 2^32, and a key is meant for one call. The head is not secret, and authenticated.
"""

import secrets
from pathlib import Path

from bcdcodec.call.datagram import DatagramKind, kind_of
from bcdcodec.call.window import SequenceWindow
from bcdcodec.errors import BitstreamError, ConfigError, MissingExtraError, VideoError, install_command

KEY_BYTES = 32
#: Where session and sequence stand in the head of a datagram.
_NUMBERS = slice(1, 8)
_SESSION, _SEQUENCE = slice(1, 5), slice(5, 8)


class Seal:
    """Envelope of one session at one end. ConfigError for a key of another size."""

    end_bytes = 16

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ConfigError(f"key has {len(key)} bytes, needs {KEY_BYTES}")
        try:
            from cryptography.exceptions import InvalidTag
            from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
        except ImportError as error:
            raise MissingExtraError(f"sealed calls need cryptography: {install_command('call')}") from error
        self._cipher, self._invalid = ChaCha20Poly1305(key), InvalidTag
        self._seen: dict[bytes, SequenceWindow] = {}

    def close(self, head: bytes, body: bytes) -> bytes:
        return self._cipher.encrypt(_nonce(head), body, head)

    def open(self, head: bytes, body: bytes) -> bytes:
        try:
            opened = self._cipher.decrypt(_nonce(head), body, head)
        except self._invalid:
            raise BitstreamError("datagram is damaged or sealed with another key") from None
        # Only what the key made gets here, so that nobody else can move the window.
        place, sequence = _direction(head) + head[_SESSION], int.from_bytes(head[_SEQUENCE], "big")
        if not self._seen.setdefault(place, SequenceWindow()).add(sequence):
            raise BitstreamError(f"datagram {sequence} came before, or is too old to know")
        return opened


def make_key() -> bytes:
    """A new key, for one call."""
    return secrets.token_bytes(KEY_BYTES)


def read_key(path: Path) -> bytes:
    """The key in a file: KEY_BYTES bytes, or as many in hexadecimal. Raises ConfigError, VideoError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise VideoError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) == KEY_BYTES:
        return data
    try:
        key = bytes.fromhex(data.decode("ascii"))
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigError(
            f"{path} is no key: it has {len(data)} bytes, needed are {KEY_BYTES}, or {2 * KEY_BYTES} hexadecimal digits"
        )
    return key


def _direction(head: bytes) -> bytes:
    return bytes([kind_of(head) == DatagramKind.REPORT])


def _nonce(head: bytes) -> bytes:
    return _direction(head) + bytes(4) + head[_NUMBERS]
