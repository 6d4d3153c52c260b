"""Loops around sockets, on the machine itself."""

import pytest

from bcdcodec.call.sockets import _received, _send, open_socket, parse_address
from bcdcodec.errors import ConfigError, VideoError


def test_addresses_are_read() -> None:
    assert parse_address("192.0.2.7:5004") == ("192.0.2.7", 5004)
    assert parse_address("[2001:db8::7]:5004") == ("2001:db8::7", 5004)


@pytest.mark.parametrize("text", ["", "host", "host:", ":5004", "host:0", "host:65536", "host:-1", "host:x"])
def test_other_addresses_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="needs HOST:PORT"):
        parse_address(text)


def test_datagrams_go_there_and_back() -> None:
    with open_socket() as server:
        with open_socket(("127.0.0.1", server.getsockname()[1])) as client:
            _send(client, [b"one", b"two"])
            found = [*_received(server), *_received(server)]
            assert [data for data, _ in found] == [b"one", b"two"]
            _send(server, [b"three"], found[0][1])
            assert [data for data, _ in _received(client)] == [b"three"]
        assert _received(server) == []


def test_a_peer_that_is_not_there_raises_nothing() -> None:
    with open_socket() as gone:
        port = gone.getsockname()[1]
    with open_socket(("127.0.0.1", port)) as client:
        for _ in range(3):
            _send(client, [b"one"])
            assert _received(client) == []


def test_a_taken_port_is_an_error_with_its_number() -> None:
    with open_socket() as server:
        port = server.getsockname()[1]
        with pytest.raises(VideoError, match=f"port {port} cannot be opened"):
            open_socket(port=port)
