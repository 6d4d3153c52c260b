"""The made-up network: exact for a seed, and as bad as it was asked to be."""

import itertools

import pytest

from bcdcodec.call.impair import REORDER_MS, Impairment, Network
from bcdcodec.errors import ConfigError

COUNT = 20_000


def test_a_text_is_read() -> None:
    text = "loss=20%,burst=4,delay=50ms,jitter=60ms,reorder=2%,duplicate=1%,rate=8k"
    assert Impairment.parse(text) == Impairment(
        loss=0.2, burst=4, delay_ms=50, jitter_ms=60, reorder=0.02, duplicate=0.01, rate_bps=8000
    )
    assert Impairment.parse("") == Impairment()
    assert Impairment.parse("rate=8000") == Impairment(rate_bps=8000)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("los=2%", "impairment is 'los=2%', allowed are loss, burst"),
        ("loss", "loss is '', needs a number such as 20%"),
        ("loss=2ms", "loss is '2ms'"),
        ("loss=2", "loss is '2'"),
        ("loss=-1%", "loss is '-1%'"),
        ("loss=nan%", "loss is 'nan%'"),
        ("loss=100%", "loss is 100 %, allowed are 0 to less than 100 %"),
        ("loss=1%,loss=2%", "loss is given twice"),
        ("burst=0", "burst is 0 datagrams"),
        ("loss=60%,burst=1", "bursts of 1 allow at most 50 %"),
        ("jitter=99999ms", "jitter_ms is 99999"),
        ("rate=10", "rate is 10 bit/s, allowed are 1000 and more"),
    ],
)
def test_other_texts_are_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Impairment.parse(text)


def fates(impairment: Impairment, *, seed: int = 0, step_ms: float = 20.0) -> list[list[int]]:
    """Numbers of the datagrams that arrive in each step."""
    network, arrived = Network(impairment, seed=seed), []
    for index in range(COUNT):
        network.send(index.to_bytes(4, "big"), index * step_ms)
        arrived.append([int.from_bytes(data, "big") for data in network.receive(index * step_ms)])
    arrived.append([int.from_bytes(data, "big") for data in network.receive(float("inf"))])
    return arrived


def test_a_perfect_network_delivers_at_once() -> None:
    assert fates(Impairment())[:-1] == [[index] for index in range(COUNT)]


def test_a_seed_decides_all() -> None:
    bad = Impairment.parse("loss=20%,jitter=90ms,reorder=5%,duplicate=5%")
    assert fates(bad, seed=3) == fates(bad, seed=3)
    assert fates(bad, seed=3) != fates(bad, seed=4)


@pytest.mark.parametrize(("burst", "mean"), [(None, 1 / 0.8), (1, 1.0), (4, 4.0), (8, 8.0)])
def test_losses_have_their_share_and_their_length(burst: float | None, mean: float) -> None:
    came = {number for step in fates(Impairment(loss=0.2, burst=burst)) for number in step}
    runs = [len(list(run)) for is_lost, run in itertools.groupby(range(COUNT), lambda n: n not in came) if is_lost]
    assert sum(runs) / COUNT == pytest.approx(0.2, abs=0.02)
    assert sum(runs) / len(runs) == pytest.approx(mean, rel=0.1)


def test_jitter_keeps_the_order_and_reordering_does_not() -> None:
    jitter = [number for step in fates(Impairment(jitter_ms=100)) for number in step]
    assert jitter == sorted(jitter)
    mixed = [number for step in fates(Impairment(reorder=0.1)) for number in step]
    late = sum(number < max(mixed[:place], default=0) for place, number in enumerate(mixed[:2000]))
    assert late / 2000 == pytest.approx(0.1, abs=0.03)
    assert REORDER_MS > 20


def test_a_link_is_as_fast_as_its_rate_and_drops_what_waits_too_long() -> None:
    network = Network(Impairment(rate_bps=8000))
    for _ in range(10):
        network.send(bytes(72), 0.0)  # with 28 bytes of headers: 100 ms each
    assert [len(network.receive(100.0 * count)) for count in range(8)] == [0, 1, 1, 1, 1, 1, 1, 0]
    assert (network.sent, network.dropped) == (10, 4)


def test_a_network_may_change_while_datagrams_are_on_their_way() -> None:
    network = Network(Impairment(delay_ms=100))
    network.send(b"slow", 0.0)
    network.impairment = Impairment(loss=0.5, burst=10)
    for _ in range(200):
        network.send(b"lost", 0.0)
    assert 20 < network.dropped < 180
    network.impairment = Impairment()
    dropped = network.dropped
    for _ in range(200):
        network.send(b"fast", 200.0)
    assert network.dropped == dropped
    assert network.receive(100.0).count(b"slow") == 1
    assert network.receive(200.0).count(b"fast") == 200


def test_duplicates_come_twice() -> None:
    arrived = [number for step in fates(Impairment(duplicate=0.1)) for number in step]
    assert len(arrived) / COUNT == pytest.approx(1.1, abs=0.01)
