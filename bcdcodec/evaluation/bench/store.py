"""Finished cells on disk, so that a benchmark goes on where it stopped. In: cells. Out: their results, or None.

WORK/cells/KEY.json and KEY.png; the key names everything that the numbers depend on but the code, which VERSION is for:
what the clip holds, not where it lies, and the releases of the packages that bring encoders.
"""

import dataclasses
import hashlib
import io
import json
from fractions import Fraction
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bcdcodec.atomic import file_hash, write_bytes
from bcdcodec.config import SamplingConfig
from bcdcodec.evaluation.bench.cell import Cell, CellResult, Measured
from bcdcodec.evaluation.bench.plan import Plan
from bcdcodec.evaluation.bench.rivals import RIVALS
from bcdcodec.evaluation.bench.series import HELD, OWN
from bcdcodec.evaluation.metrics.fid import SHA256 as INCEPTION
from bcdcodec.video.png import pack_png
from bcdcodec.video.reader import VideoReader

#: Counts up when the same cell measures something else.
VERSION = 2
#: The same for a changed encoder or decoder of our own; cells of other codecs stay.
OWN_VERSION = 3
#: PyAV and the FFmpeg binary: they encode, decode and scale.
_PACKAGES = ("av", "imageio-ffmpeg")


class Store:
    """Results of one plan, weights and sampler in a folder."""

    def __init__(self, work: Path, plan: Plan, *, model_id: str, sampling: SamplingConfig) -> None:
        self.cells, self.clips = work / "cells", work / "clips"
        for folder in (self.cells, self.clips):
            folder.mkdir(parents=True, exist_ok=True)
        self._metrics: list[object] = [
            {name: plan.every_nth.get(name, 1) for name in sorted(plan.metrics)},
            plan.sets_every_nth,
        ]
        if plan.inception is not None:
            self._metrics.append(INCEPTION)
        self._own = [OWN_VERSION, model_id, dataclasses.asdict(sampling)]
        self._releases = {name: _release(name) for name in _PACKAGES}
        self._seconds = plan.seconds
        self._hash_of: dict[Path, str] = {}

    def path(self, cell: Cell, suffix: str) -> Path:
        """A file of one cell."""
        series = cell.series
        how: object = None
        if series.codec == OWN:
            how = self._own
        elif series.codec != HELD:
            how = RIVALS[series.codec].options(series.profile, cell.point)
        parts = [VERSION, self._releases, cell.content, self._seconds, series.name, cell.point, how, self._metrics]
        return self._named(parts, suffix)

    def pair_path(self, contents: tuple[str, str], seconds: float) -> Path:
        """The scores of a transfer. contents: hashes of the files of the clips."""
        return self._named([VERSION, "transfer", self._releases, *contents, seconds, self._own], ".json")

    def clip_path(self, content: str, rate: Fraction, seconds: float) -> Path:
        """The start of a clip as every codec gets it. content: hash of its file."""
        return self.clips / f"{content[:24]}-{float(rate):g}-{seconds:g}.mkv"

    def content(self, path: Path) -> str:
        """Hash of a file; it is read once."""
        if path not in self._hash_of:
            self._hash_of[path] = file_hash(path)
        return self._hash_of[path]

    def load(self, cell: Cell) -> CellResult | None:
        """None where the cell has to be run."""
        try:
            found = CellResult.from_json(json.loads(self.path(cell, ".json").read_text(encoding="utf-8")))
            return dataclasses.replace(found, clip=cell.clip)  # it may have been another name of the same clip
        except (OSError, ValueError, TypeError):
            return None

    def save(self, cell: Cell, found: Measured) -> None:
        """The result last: where there is one, there is all."""
        write_bytes(self.path(cell, ".png"), pack_png(found.picture))
        if found.features is not None:
            file = io.BytesIO()
            np.save(file, found.features.astype(np.float32), allow_pickle=False)
            write_bytes(self.path(cell, ".npy"), file.getvalue())
        write_bytes(self.path(cell, ".json"), json.dumps(found.result.to_json()).encode())

    def load_pair(self, path: Path) -> dict[str, dict[str, float | None]] | None:
        """What lies at a `pair_path`; None where the transfer has to be run."""
        try:
            found: dict[str, dict[str, float | None]] = json.loads(path.read_text(encoding="utf-8"))
            return found
        except (OSError, ValueError):
            return None

    def save_pair(self, path: Path, values: dict[str, dict[str, float | None]]) -> None:
        write_bytes(path, json.dumps(values).encode())

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


def _release(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"
