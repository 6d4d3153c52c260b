"""Loops around UDP sockets: the ends of a call at the pace of this machine's clock. No threads."""

import select
import socket
import time
from collections.abc import Callable
from typing import Any

from bcdcodec.call.datagram import MAX_DATAGRAM_BYTES
from bcdcodec.call.feed import Feed
from bcdcodec.call.impair import Impairment, Network
from bcdcodec.call.playback import Playback
from bcdcodec.call.receiver import Receiver
from bcdcodec.call.sender import Sender
from bcdcodec.call.statistics import ReceiverMeter, SenderMeter
from bcdcodec.errors import ConfigError, VideoError

#: How long a loop waits for a datagram before it looks at the clock again, and how many it takes in a row.
WAIT_S, MOST_IN_A_ROW = 0.005, 64
Address = tuple[str, int]


def parse_address(text: str) -> Address:
    """Read `HOST:PORT`, an IPv6 address in brackets. Raises ConfigError."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise ConfigError(f"address is {text!r}, needs HOST:PORT")
    return host.strip("[]"), int(port)


def open_socket(peer: Address | None = None, *, port: int = 0) -> socket.socket:
    """A UDP socket that does not block: to a peer, or at a port of this machine. Raises VideoError."""
    try:
        if peer is None:
            opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            opened.bind(("", port))
        else:
            family, kind, _, _, address = socket.getaddrinfo(*peer, type=socket.SOCK_DGRAM)[0]
            opened = socket.socket(family, kind)
            opened.connect(address)
    except OSError as error:
        where = f"port {port}" if peer is None else f"{peer[0]}:{peer[1]}"
        raise VideoError(f"{where} cannot be opened: {error.strerror or error}") from error
    opened.setblocking(False)
    return opened


def send_call(
    link: socket.socket,
    sender: Sender,
    feed: Feed,
    *,
    network: Network | None = None,
    report: Callable[[str], object] = lambda line: None,
) -> dict[str, Any]:
    """Send a file or a camera as a call, at the pace of the clock; returns its numbers.

    network: what becomes of the datagrams before they leave this machine, None for nothing. report: takes a line each
    second.
    """
    network = network or Network(Impairment())
    meter, second, start_s = SenderMeter(sender), 1, time.monotonic()
    while not feed.is_over:
        now_ms = 1000 * (time.monotonic() - start_s)
        out = sender.push_sound(feed.sound(now_ms), now_ms)
        for frame in feed.frames(now_ms):
            out += sender.push_frame(frame, 1000 * (time.monotonic() - start_s))
        _send(link, _passed(network, [*out, *sender.poll(now_ms)], 1000 * (time.monotonic() - start_s)))
        for data, _ in _received(link):
            sender.receive(data, now_ms)
        if now_ms >= 1000 * second:
            report(meter.line(now_ms))
            second = int(now_ms / 1000) + 1
    end_ms = now_ms = 1000 * (time.monotonic() - start_s)
    _send(link, _passed(network, sender.finish(now_ms), now_ms))
    while not sender.is_over:
        for data, _ in _received(link):
            sender.receive(data, now_ms)
        now_ms = 1000 * (time.monotonic() - start_s)
        _send(link, _passed(network, sender.poll(now_ms), now_ms))
    return meter.summary(end_ms)


def receive_call(
    link: socket.socket,
    receiver: Receiver,
    *,
    show: Callable[[Playback], object],
    report: Callable[[str], object] = lambda line: None,
    silence_s: float,
    is_stopped: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Receive one call until it ends, or until nothing came for some time since it began; returns its numbers.

    is_stopped: whether whoever sees it has had enough.
    """
    meter, second, start_s = ReceiverMeter(receiver), 1, time.monotonic()
    heard_s: float | None = None
    peer: Address | None = None
    while not receiver.is_over and not is_stopped():
        now_ms = 1000 * (time.monotonic() - start_s)
        for data, address in _received(link):
            before = receiver.arrivals.received
            receiver.receive(data, now_ms)
            if receiver.arrivals.received > before:  # only whoever sends the media gets reports
                heard_s, peer = time.monotonic(), address
        show(receiver.poll(now_ms))
        if peer is not None:
            for data in receiver.reports(now_ms):
                _send(link, [data], peer)
        if heard_s is not None and time.monotonic() - heard_s > silence_s:
            break
        if now_ms >= 1000 * second:
            if heard_s is not None:
                report(f"{now_ms / 1000:5.0f} s  {meter.line(now_ms)}")
            second = int(now_ms / 1000) + 1
    return meter.summary()


def _received(link: socket.socket) -> list[tuple[bytes, Address]]:
    """Datagrams that are there, after a short wait for the first."""
    found: list[tuple[bytes, Address]] = []
    if not select.select([link], [], [], WAIT_S)[0]:
        return found
    while len(found) < MOST_IN_A_ROW:
        try:
            found.append(link.recvfrom(MAX_DATAGRAM_BYTES + 1))
        except BlockingIOError:
            break
        except OSError:  # what became of a datagram before: nobody listens there yet
            continue
    return found


def _passed(network: Network, datagrams: list[bytes], now_ms: float) -> list[bytes]:
    """Give a network datagrams; those that come out of it now."""
    for data in datagrams:
        network.send(data, now_ms)
    return network.receive(now_ms)


def _send(link: socket.socket, datagrams: list[bytes], peer: Address | None = None) -> None:
    """Send datagrams; those that the machine cannot send now are lost, as on the way."""
    for data in datagrams:
        try:
            if peer is None:
                link.send(data)
            else:
                link.sendto(data, peer)
        except OSError:
            continue
