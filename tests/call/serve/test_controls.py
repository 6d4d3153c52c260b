"""What a page may ask for."""

import pytest

from bcdcodec.call.impair import Impairment
from bcdcodec.call.serve.controls import LIMITS, Controls, parse_request
from bcdcodec.errors import ConfigError


def test_controls_become_a_network() -> None:
    controls = Controls(loss_percent=20, burst=4, jitter_ms=60)
    assert controls.impairment == Impairment(loss=0.2, burst=4, jitter_ms=60)
    assert controls.changed({"burst": 1}).impairment == Impairment(loss=0.2, burst=None, jitter_ms=60)
    assert controls.changed({}) == controls


def test_all_values_within_the_limits_are_networks() -> None:
    for loss in (0, 17, LIMITS["loss_percent"][1]):
        for burst in (1, 1.5, 2, LIMITS["burst"][1]):
            assert Controls(loss_percent=loss, burst=burst).impairment.loss == loss / 100


@pytest.mark.parametrize(
    "values",
    [
        {"loss_percent": 51},
        {"loss_percent": -1},
        {"loss_percent": float("nan")},
        {"burst": 0},
        {"jitter_ms": "60"},
        {"bitrate_kbps": True},
        {"bitrate_kbps": None},
        {"bitrate_kbps": 10**400},
        {"delay": 1},
        ["burst"],
        None,
    ],
)
def test_other_values_are_refused(values: object) -> None:
    with pytest.raises(ConfigError):
        Controls().changed(values)


def test_requests_are_read() -> None:
    assert parse_request('{"camera": true}') == {"camera": True}
    assert parse_request('{"controls": {"burst": 2}}') == {"controls": {"burst": 2}}


@pytest.mark.parametrize(
    "text", ["", "[]", "1", "{}", '{"camera": 1}', '{"camera": true, "controls": {}}', '{"x": 1}', "[" * 100_000]
)
def test_other_requests_are_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_request(text)
