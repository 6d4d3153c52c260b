"""Finished cells on disk, so that a benchmark goes on where it stopped. In: cells. Out: their results, or None.

WORK/cells/KEY.json and KEY.png; the key names everything that the numbers depend on but the code, which VERSION is for.
"""

import dataclasses
import hashlib
import io
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bcdcodec.config import SamplingConfig
from bcdcodec.evaluation.bench.cell import Cell, CellResult, Measured
from bcdcodec.evaluation.bench.plan import OWN, Plan
from bcdcodec.evaluation.bench.rivals import RIVALS
from bcdcodec.evaluation.files import file_hash, write_whole
from bcdcodec.evaluation.sheet import pack_png
from bcdcodec.video.reader import VideoReader

#: Counts up when the same cell measures something else.
VERSION = 1


class Store:
    """Results of one plan, weights and sampler in a folder."""

    def __init__(self, work: Path, plan: Plan, *, model_id: str, sampling: SamplingConfig) -> None:
        self.cells, self.clips = work / "cells", work / "clips"
        for folder in (self.cells, self.clips):
            folder.mkdir(parents=True, exist_ok=True)
        self._metrics = [{name: plan.every_nth.get(name, 1) for name in sorted(plan.metrics)}, plan.sets_every_nth]
        self._own = [model_id, dataclasses.asdict(sampling)]
        self._hash_of: dict[Path, str] = {}

    def path(self, cell: Cell, suffix: str) -> Path:
        """A file of one cell."""
        series = cell.series
        how = self._own if series.codec == OWN else [RIVALS[series.codec].options(series.profile, cell.point)]
        parts = [VERSION, self._hash(cell.source), series.name, cell.point, how, self._metrics]
        return self._named(parts, suffix)

    def pair_path(self, sources: tuple[Path, Path]) -> Path:
        """The scores of a transfer."""
        return self._named([VERSION, "transfer", *map(self._hash, sources), self._own], ".json")

    def load(self, cell: Cell) -> CellResult | None:
        """None where the cell has to be run."""
        try:
            return CellResult.from_json(json.loads(self.path(cell, ".json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def save(self, cell: Cell, found: Measured) -> None:
        """The result last: where there is one, there is all."""
        write_whole(self.path(cell, ".png"), pack_png(found.picture))
        if found.features is not None:
            file = io.BytesIO()
            np.save(file, found.features.astype(np.float32), allow_pickle=False)
            write_whole(self.path(cell, ".npy"), file.getvalue())
        write_whole(self.path(cell, ".json"), json.dumps(found.result.to_json()).encode())

    def load_pair(self, sources: tuple[Path, Path]) -> dict[str, dict[str, float | None]] | None:
        """None where the transfer has to be run."""
        try:
            found: dict[str, dict[str, float | None]] = json.loads(self.pair_path(sources).read_text(encoding="utf-8"))
            return found
        except (OSError, ValueError):
            return None

    def save_pair(self, sources: tuple[Path, Path], values: dict[str, dict[str, float | None]]) -> None:
        write_whole(self.pair_path(sources), json.dumps(values).encode())

    def _hash(self, path: Path) -> str:
        if path not in self._hash_of:
            self._hash_of[path] = file_hash(path)
        return self._hash_of[path]

    def _named(self, parts: list[object], suffix: str) -> Path:
        return self.cells / (hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24] + suffix)

    def features(self, cell: Cell) -> NDArray[np.float64]:
        """What `save` was given: [2, n, D]."""
        found: NDArray[np.float64] = np.load(self.path(cell, ".npy"), allow_pickle=False).astype(np.float64)
        return found

    def picture(self, cell: Cell) -> NDArray[np.uint8]:
        """What `save` was given."""
        with VideoReader(self.path(cell, ".png"), Fraction(1)) as reader:
            return next(iter(reader)).pixels
