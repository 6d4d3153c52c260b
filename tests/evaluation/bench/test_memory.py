"""The mark of the most memory rises with what is held, and can be taken back."""

import numpy as np
import pytest

from bcdcodec.evaluation.bench.memory import peak_mib, reset_peak


def test_the_mark_rises_and_is_reset() -> None:
    reset_peak()
    before = peak_mib()
    if before is None:
        pytest.skip("only Linux keeps a mark")
    held = np.ones(200 * 2**17)  # 200 MiB
    high = peak_mib()
    assert high is not None
    assert high > before + 150
    del held
    reset_peak()
    after = peak_mib()
    assert after is not None
    assert after < high - 100
