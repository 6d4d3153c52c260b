"""Loops around sockets, on the machine itself."""

import threading
from pathlib import Path
from typing import Any

import pytest

from bcdcodec.call.feed import FileFeed
from bcdcodec.call.playback import Playback
from bcdcodec.call.receiver import Receiver
from bcdcodec.call.seal import Seal
from bcdcodec.call.sender import Sender
from bcdcodec.call.sockets import _received, _send, open_socket, parse_address, receive_call, send_call
from bcdcodec.codec.decode.concealment import HoldConcealer
from bcdcodec.codec.decode.settings import DecodeSettings
from bcdcodec.codec.encode.encoder import Encoder
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.config import SamplingConfig
from bcdcodec.errors import ConfigError, VideoError

KEY = bytes(range(32))


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


def test_a_call_over_udp(tiny_weights: Path, talking_clip: Path) -> None:
    model = CodecModel.load(tiny_weights, device="cpu")
    settings = DecodeSettings(concealer=HoldConcealer(), sampling=SamplingConfig(steps=0, guidance=1.0))
    encoder, shown, numbers = (
        Encoder(model, EncodeSettings.live(bitrate=20_000)),
        list[Playback](),
        list[dict[str, Any]](),
    )
    receiver = Receiver(model, settings, envelope=Seal(KEY))
    sender = Sender(encoder, bitrate=20_000, envelope=Seal(KEY))
    with open_socket() as server, open_socket(("127.0.0.1", server.getsockname()[1])) as client:

        def receive() -> None:
            numbers.append(receive_call(server, receiver, show=shown.append, silence_s=60))

        thread = threading.Thread(target=receive)
        thread.start()
        with FileFeed(talking_clip, encoder.frame_rate, sound_bitrate=None, frame_ms=60) as feed:
            sent = send_call(client, sender, feed)
        thread.join()
    indices = [frame.index for playback in shown for frame in playback.frames]
    assert indices == sorted(set(indices))  # a machine that is slow leaves some out
    assert indices[-1] == 24
    assert receiver.is_over
    assert numbers[0]["loss"] == 0
    assert sent["datagrams"] == receiver.arrivals.received
    assert sender.report is not None
