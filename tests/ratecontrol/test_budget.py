"""The budget's arithmetic and the choice of codes."""

import numpy as np
import pytest

from bcdcodec.errors import ConfigError, RateError
from bcdcodec.ratecontrol.budget import END_RESERVE_BITS, GRACE_S, Budget
from bcdcodec.ratecontrol.rdo import rdo_quantize
from bcdcodec.ratecontrol.tuning import RateTuning


@pytest.mark.parametrize("bitrate", [0, 499, 64_001])
def test_bitrate_range(bitrate: float) -> None:
    with pytest.raises(ConfigError, match="500 to 64000"):
        Budget(bitrate, RateTuning())


def test_a_file_spreads_what_is_left_evenly() -> None:
    budget = Budget(4000, RateTuning(), duration_s=20.0)
    budget.spend(12_000)
    assert budget.share(0.0, 1.0) == pytest.approx((80_000 - END_RESERVE_BITS - 12_000) / 20)
    assert budget.share(0.0, 1.0, reserved_bits=8000) == pytest.approx((80_000 - END_RESERVE_BITS - 20_000) / 20)
    assert budget.left(5.0) == pytest.approx((80_000 - END_RESERVE_BITS - 12_000, 15.0))


def test_a_short_clip_may_use_the_grace() -> None:
    budget = Budget(4000, RateTuning(), duration_s=2.0)
    assert budget.left(0.0)[0] == pytest.approx(4000 * GRACE_S - END_RESERVE_BITS)


def test_live_the_rate_holds_up_to_every_packet() -> None:
    budget = Budget(4000, RateTuning())
    for second in range(60):
        budget.spend(budget.share(second, second + 1))
        assert budget.spent_bits <= 4000 * max(GRACE_S, second + 1)


def test_spending_shares_never_overruns() -> None:
    budget = Budget(3000, RateTuning(), duration_s=30.0)
    for second in range(30):
        budget.spend(budget.share(second, second + 1))
    assert budget.spent_bits + END_RESERVE_BITS == pytest.approx(3000 * 30)


def test_codes_trade_distance_for_bits() -> None:
    rng = np.random.default_rng(0)
    distances = rng.random((20, 4, 8)).astype(np.float32)
    price = rng.uniform(1, 6, (4, 8))

    def size(codes: np.ndarray) -> int:
        return int(np.ceil(price[np.arange(4), codes].sum()))

    nearest = distances.argmin(-1)
    cheapest = np.broadcast_to(price.argmin(-1), (20, 4))
    assert np.array_equal(rdo_quantize(distances, price, budget_bits=1e9, size_bits=size), nearest)
    middle = (size(nearest) + size(cheapest)) // 2
    chosen = rdo_quantize(distances, price, budget_bits=middle, size_bits=size)
    assert 0.95 * middle <= size(chosen) <= middle
    gathered = [np.take_along_axis(distances, c[..., None], -1).sum() for c in (nearest, chosen, cheapest)]
    assert gathered[0] < gathered[1] < gathered[2]
    with pytest.raises(RateError, match="cheapest codes take"):
        rdo_quantize(distances, price, budget_bits=size(cheapest) - 1, size_bits=size)
