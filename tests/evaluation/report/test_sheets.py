"""Sheets of strips."""

import numpy as np
import pytest

from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.report.sheets import GAP, contact_sheet


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)


def test_strips_are_put_one_above_the_other() -> None:
    sheet = contact_sheet([picture(64, 32 * 8), picture(64, 32 * 3)], cell=16)
    assert sheet.shape == (32 + GAP + 32, 16 * 8, 3)
    assert (sheet[32 : 32 + GAP] == 255).all() and (sheet[32 + GAP :, 16 * 3 :] == 255).all()
    with pytest.raises(ConfigError, match="at least one strip"):
        contact_sheet([], cell=16)
