"""The split of the literature, clips without loss, labels that say what is shown."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from bcdcodec.errors import ConfigError
from bcdcodec.sprites.clips import ClipSet
from bcdcodec.sprites.dataset import read_labels, split
from bcdcodec.sprites.sheets import POSES, Sheets
from bcdcodec.training.data.cache import read_manifest
from bcdcodec.video.reader import VideoReader


def test_the_split() -> None:
    parts = split()
    assert {name: len(found) for name, found in parts.items()} == {"train": 1000, "test": 296}
    assert sorted(parts["train"] + parts["test"]) == list(range(1296))
    assert parts["train"][:3] == [1116, 1135, 17] and parts["test"][:3] == [884, 1285, 252]


def test_clips_are_the_cells(sprites_folder: Path, sheets_folder: Path) -> None:
    rows = read_labels(sprites_folder / "test")
    assert len(rows) == 27 and [row.action for row in rows[:9]] == list(range(9))
    assert read_manifest(sprites_folder / "test")[0] == (rows[0].clip, f"{rows[0].character:04d}")
    row = rows[13]
    with VideoReader(sprites_folder / "test" / row.clip, Fraction(25)) as reader:
        shown = np.stack([frame.pixels for frame in reader])
    assert np.array_equal(shown, Sheets(sheets_folder).character(row.character)[list(row.poses)])
    clips = ClipSet(sprites_folder / "test")
    assert len(clips) == 27 and clips.labels[13].tolist() == [row.action, *row.attributes]
    assert np.array_equal(clips.clips(np.array([13]))[0], shown)
    assert clips.poses.max() == len(POSES) - 1


def test_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="bcd data sprites"):
        read_labels(tmp_path)
    (tmp_path / "clips.csv").write_text("clip,person\na.mp4,b\n")
    with pytest.raises(ConfigError, match="bcd data sprites"):
        read_labels(tmp_path)
