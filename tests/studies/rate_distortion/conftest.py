"""Made-up results for tests of comparisons."""

from collections.abc import Callable

import numpy as np
import pytest

from bcdcodec.studies.rate_distortion.scores import RDResult, Results

Make = Callable[..., RDResult]


@pytest.fixture
def result() -> Make:
    """(series, clip, point, kbps, metrics with _ for -) -> one cell of 8 seconds."""

    def make(series: str, clip: str, point: int, kbps: float, **metrics: float | None) -> RDResult:
        size = round(kbps * 1000)
        named = {name.replace("_", "-"): value for name, value in metrics.items()}
        return RDResult(
            clip=clip, series=series, operating_point=point, seconds=8.0, frames=100, file_bytes=size + 500,
            payload_bytes=size,
            encode_s=1.0, decode_s=2.0, encode_cpu_s=0.5, decode_cpu_s=1.5, on="a machine", metrics=named, missing={},
        )  # fmt: skip

    return make


@pytest.fixture
def swept(result: Make) -> Callable[..., list[RDResult]]:
    """A clip at 1 to 32 kbps times a factor. PSNR is 20 + 10 log10(rate) + gain; LPIPS falls by 0.1 an octave."""

    def make(
        series: str, clip: str, *, factor: float = 1.0, gain: float = 0.0, lost: tuple[float, ...] = (0.0,) * 6
    ) -> list[RDResult]:
        return [
            result(
                series, clip, k + 1, 2.0**k * factor, psnr=20 + 10 * np.log10(2.0**k) + gain,
                lpips_alex=0.9 - 0.1 * k - gain / 10, csim=k / 6 + gain / 10, faces_lost=lost[k],
            )
            for k in range(6)
        ]  # fmt: skip

    return make


@pytest.fixture
def results() -> Callable[[list[RDResult]], Results]:
    """The person of a clip is its first letter."""
    return lambda cells: Results(cells, {cell.clip: cell.clip[0] for cell in cells})
