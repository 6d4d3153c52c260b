"""Characters are put together as the data set's authors did, and the facts of the set hold."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from bcdcodec.errors import ConfigError
from bcdcodec.sprites.sheets import CHARACTERS, MOTIONS, POSES, Sheets, attributes


def test_the_set_has_63_poses_of_5_92_bits() -> None:
    assert CHARACTERS == 1296 and len(MOTIONS) == 9 and len(POSES) == 63
    shown = np.array([cell for motion in MOTIONS for cell in motion.cells])
    assert len(shown) == 72
    share = np.unique(shown, return_counts=True)[1] / 72
    assert -(share * np.log2(share)).sum() == pytest.approx(5.92, abs=0.005)
    assert MOTIONS[0].name == "walk-front" and MOTIONS[0].cells == (138, 131, 132, 133, 134, 135, 136, 137)
    assert MOTIONS[5].name == "spellcard-right" and MOTIONS[5].cells == (39, 40, 41, 42, 43, 44, 43, 45)
    assert MOTIONS[7].name == "slash-left" and MOTIONS[7].cells == (169, 170, 171, 172, 173, 174, 173, 169)


def test_attributes_count_like_digits() -> None:
    assert attributes(0) == (0, 0, 0, 0) and attributes(1) == (0, 0, 0, 1) and attributes(1295) == (5, 5, 5, 5)
    assert len({attributes(i) for i in range(CHARACTERS)}) == CHARACTERS


def test_layers_lie_over_one_another(sheets_folder: Path) -> None:
    pictures = Sheets(sheets_folder).character(6**3 * 2 + 6 * 4)  # body 2, top 4
    assert pictures.shape == (63, 64, 64, 3) and pictures.dtype == np.uint8
    place = POSES.index(131)  # row 10, column 1
    body, top = pictures[place, 10, 8 + 2 - 1], pictures[place, 30, 8 + 2 - 1]
    assert body.tolist() == [110, 175, 110] and top.tolist() == [190, 95, 110]
    # Five layers of one colour at 128/255 over black.
    value = 0
    for _ in range(5):
        value = (200 * 128 + value * 127 + 127) // 255
    assert pictures[place, 4, 0, 0] == value
    assert not pictures[place, 0].any()


def test_a_missing_sheet_says_where_sheets_are_had(sheets_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "sheets"
    shutil.copytree(sheets_folder, folder)
    (folder / "hair/3.png").unlink()
    with pytest.raises(ConfigError, match="YingzhenLi/Sprites"):
        Sheets(folder)
    shutil.copy(folder / "hair/2.png", folder / "hair/3.png")
    (folder / "hair/3.png").write_bytes((folder / "hair/2.png").read_bytes()[:200])
    with pytest.raises(Exception, match=r"hair/3.png"):
        Sheets(folder)
