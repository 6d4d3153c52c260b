"""The Sprites data set as folders of clips, DIR/train and DIR/test, as `bcd train --data` reads them.

Every character of each part does all nine motions: 9,000 and 2,664 clips of 8 frames, 64x64 RGB at 25 fps without
loss. The columns of clips.csv: clip, person (the character), frames, seconds, source, license, license_class, action
(0..8, sheets.MOTIONS), skin, pants, top, hair (0..5) and poses (the true pose of each frame, an index of
sheets.POSES, separated by spaces).
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from bcdcodec.errors import ConfigError
from bcdcodec.sprites.sheets import ATTRIBUTE_NAMES, CHARACTERS, MOTIONS, POSES, Sheets, attributes
from bcdcodec.video.lossless import write_lossless

SPLIT_SEED, TRAIN_CHARACTERS = 423, 1000
RATE = Fraction(25)
FRAMES = 8
PARTS = ("train", "test")
MANIFEST = "clips.csv"
SOURCE, LICENSE = "YingzhenLi/Sprites (Liberated Pixel Cup)", "CC-BY-SA-3.0 or GPL-3.0"


@dataclass(frozen=True, slots=True)
class SpriteClip:
    """One row of a manifest: labels and the true poses of its frames."""

    clip: str
    character: int
    action: int
    attributes: tuple[int, ...]
    poses: tuple[int, ...]


def split() -> dict[str, list[int]]:
    """Characters of both parts, in the order of the permutation that all papers on this set use."""
    order = np.random.RandomState(SPLIT_SEED).permutation(CHARACTERS).tolist()
    return {"train": order[:TRAIN_CHARACTERS], "test": order[TRAIN_CHARACTERS:]}


def build(
    sheets: Path, out: Path, *, characters: int | None = None, progress: Callable[[int, int], None] = lambda d, t: None
) -> dict[str, int]:
    """Write both parts; returns the number of clips of each.

    characters: limit for each part. progress: (characters done, characters in all). ConfigError if the sheets are
    missing.
    """
    drawn = Sheets(sheets)
    chosen = {part: found[:characters] for part, found in split().items()}
    total, done = sum(len(found) for found in chosen.values()), 0
    for part, found in chosen.items():
        folder = out / part
        folder.mkdir(parents=True, exist_ok=True)
        # The list is written last: a folder that has one is complete.
        (folder / MANIFEST).unlink(missing_ok=True)
        rows = []
        for character in found:
            cells = drawn.character(character)
            for action, motion in enumerate(MOTIONS):
                poses = tuple(POSES.index(cell) for cell in motion.cells)
                clip = SpriteClip(f"{character:04d}-{motion.name}.mkv", character, action, attributes(character), poses)
                write_lossless(folder / clip.clip, cells[list(poses)], rate=RATE)
                rows.append(clip)
            done += 1
            progress(done, total)
        _write_manifest(folder / MANIFEST, rows)
    return {part: len(found) * len(MOTIONS) for part, found in chosen.items()}


def _write_manifest(path: Path, clips: list[SpriteClip]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        facts = ["frames", "seconds", "source", "license", "license_class"]
        writer.writerow(["clip", "person", *facts, "action", *ATTRIBUTE_NAMES, "poses"])
        for clip in clips:
            same = [FRAMES, float(FRAMES / RATE), SOURCE, LICENSE, "sharealike"]
            poses = " ".join(str(pose) for pose in clip.poses)
            writer.writerow([clip.clip, f"{clip.character:04d}", *same, clip.action, *clip.attributes, poses])


def read_labels(folder: Path) -> list[SpriteClip]:
    """Rows of the manifest that `build` wrote; ConfigError for any other folder."""
    path = folder / MANIFEST
    try:
        with path.open(newline="") as file:
            return [
                SpriteClip(
                    row["clip"],
                    int(row["person"]),
                    int(row["action"]),
                    tuple(int(row[name]) for name in ATTRIBUTE_NAMES),
                    tuple(int(pose) for pose in row["poses"].split()),
                )
                for row in csv.DictReader(file)
            ]
    except (OSError, KeyError, ValueError) as error:
        raise ConfigError(f"{path} is no list of sprites; make it with `bcd data sprites`") from error


def is_sprites(folder: Path) -> bool:
    """Whether a folder of clips is a part that `build` wrote."""
    try:
        read_labels(folder)
    except ConfigError:
        return False
    return True
