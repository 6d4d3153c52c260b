"""One part of the Sprites data set in memory.

A character shows 63 poses in its 72 frames, so poses are kept and clips are put together from them: 0.8 GB for the
thousand characters of the training part.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bcdcodec.errors import ConfigError
from bcdcodec.sprites.dataset import RATE, read_labels
from bcdcodec.sprites.sheets import CELL, POSES
from bcdcodec.video.reader import VideoReader


class ClipSet:
    """Clips of a part. labels: int64 [N, 5], action, skin, pants, top, hair. poses: int64 [N, 8], of each frame."""

    def __init__(self, folder: Path) -> None:
        rows = read_labels(folder)
        if not rows:
            raise ConfigError(f"{folder} lists no clips")
        self.names = [row.clip for row in rows]
        self.labels = np.array([(row.action, *row.attributes) for row in rows], np.int64)
        self.poses = np.array([row.poses for row in rows], np.int64)
        people = {person: i for i, person in enumerate(dict.fromkeys(row.character for row in rows))}
        self._person = np.array([people[row.character] for row in rows])
        self._pictures = np.zeros((len(people), len(POSES), CELL, CELL, 3), np.uint8)
        for row in rows:
            with VideoReader(folder / row.clip, RATE) as reader:
                for pose, frame in zip(row.poses, reader, strict=True):
                    self._pictures[people[row.character], pose] = frame.pixels

    def __len__(self) -> int:
        return len(self.names)

    def clips(self, indices: NDArray[np.intp]) -> NDArray[np.uint8]:
        """RGB of the clips of these indices, [n, 8, 64, 64, 3]."""
        found: NDArray[np.uint8] = self._pictures[self._person[indices][:, None], self.poses[indices]]
        return found

    def of_characters(self, indices: NDArray[np.intp], motion: NDArray[np.intp]) -> NDArray[np.uint8]:
        """The character of each clip of `indices` with the poses of its partner of `motion`: [n, 8, 64, 64, 3]."""
        found: NDArray[np.uint8] = self._pictures[self._person[indices][:, None], self.poses[motion]]
        return found
