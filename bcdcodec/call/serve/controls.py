"""What a page may ask for: the network and the bitrate of the call, within bounds."""

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, Self

from bcdcodec.call.impair import Impairment
from bcdcodec.errors import ConfigError

#: Least and greatest value of each control.
LIMITS = {"loss_percent": (0, 50), "burst": (1, 10), "jitter_ms": (0, 400), "bitrate_kbps": (2, 24)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """Controls of a running call. Raises ConfigError for values outside of LIMITS.

    burst: mean number of datagrams that are lost in a row, 1 for losses that do not depend on each other.
    """

    loss_percent: float = 0.0
    burst: float = 1.0
    jitter_ms: float = 0.0
    bitrate_kbps: float = 4.0

    def __post_init__(self) -> None:
        for name, (least, most) in LIMITS.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
                raise ConfigError(f"{name} is {str(value)[:20]}, allowed are numbers from {least} to {most}")

    @property
    def impairment(self) -> Impairment:
        """The network, both ways."""
        burst = None if self.burst == 1 else self.burst
        return Impairment(loss=self.loss_percent / 100, burst=burst, jitter_ms=self.jitter_ms)

    def changed(self, values: object) -> Self:
        """These with others in place of some. ConfigError for names that there are none of."""
        if not isinstance(values, dict) or not {*values} <= {*LIMITS}:
            raise ConfigError(f"controls are {str(values)[:80]}, allowed are {', '.join(LIMITS)}")
        return dataclasses.replace(self, **values)


def parse_request(text: str) -> dict[str, Any]:
    """A request of the page: one of `controls` and `camera`. Raises ConfigError."""
    try:
        request = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"request of {len(text)} characters is no JSON") from error
    if not isinstance(request, dict) or [*request] not in (["controls"], ["camera"]):
        raise ConfigError("request is none of `controls` and `camera`")
    if "camera" in request and not isinstance(request["camera"], bool):
        raise ConfigError("camera is neither true nor false")
    return request
