"""Files of measured RD points: WORK/points/KEY.json, KEY.png and KEY.npy.

The key names everything that the numbers depend on but the code, which VERSION stands for: the content of the clip,
not its name, and the releases of the packages that bring encoders.
"""

import dataclasses
import io
from fractions import Fraction
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bcdcodec.atomic import write_bytes
from bcdcodec.config import SamplingConfig
from bcdcodec.evaluation.harness.experiment import record_path
from bcdcodec.evaluation.metrics.fid import SHA256 as INCEPTION
from bcdcodec.studies.rate_distortion.baselines import BASELINES
from bcdcodec.studies.rate_distortion.plan import FREEZE_FRAME, OWN, Plan
from bcdcodec.studies.rate_distortion.rd_point import Measured, RDPoint
from bcdcodec.video.lossless import pack_png
from bcdcodec.video.reader import VideoReader

#: Counts up when the same point measures something else.
VERSION = 2
#: Counts up when the encoder or decoder of bcdcodec changes; points of other codecs stay valid.
OWN_VERSION = 3
#: PyAV and the FFmpeg binary: they encode, decode and scale.
_PACKAGES = ("av", "imageio-ffmpeg")


class PointStore:
    """Files of one plan, weights and sampler in a folder."""

    def __init__(self, work: Path, plan: Plan, *, model_id: str, sampling: SamplingConfig) -> None:
        self.folder = work / "points"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._metrics: list[object] = [
            {name: plan.every_nth.get(name, 1) for name in sorted(plan.metrics)},
            plan.distribution_every_nth,
        ]
        if plan.inception is not None:
            self._metrics.append(INCEPTION)
        self._own = [OWN_VERSION, model_id, dataclasses.asdict(sampling)]
        self._releases = {name: _release(name) for name in _PACKAGES}
        self._seconds = plan.seconds

    def path(self, rd_point: RDPoint, suffix: str = ".json") -> Path:
        """A file of one point; `.json` is its record."""
        series, operating_point = rd_point.series, rd_point.operating_point
        settings: object = None
        if series.codec == OWN:
            settings = self._own
        elif series.codec != FREEZE_FRAME:
            settings = BASELINES[series.codec].options(series.profile, operating_point)
        key = (VERSION, self._releases, rd_point.content_hash, self._seconds, series.name, operating_point, settings)
        return record_path(self.folder, *key, self._metrics, suffix=suffix)

    def save_files(self, rd_point: RDPoint, found: Measured) -> None:
        """Write the picture and the features of a point."""
        write_bytes(self.path(rd_point, ".png"), pack_png(found.picture))
        if found.features is not None:
            file = io.BytesIO()
            np.save(file, found.features.astype(np.float32), allow_pickle=False)
            write_bytes(self.path(rd_point, ".npy"), file.getvalue())

    def features(self, rd_point: RDPoint) -> NDArray[np.float64]:
        """Features [2, n, D] as saved."""
        found: NDArray[np.float64] = np.load(self.path(rd_point, ".npy"), allow_pickle=False).astype(np.float64)
        return found

    def picture(self, rd_point: RDPoint) -> NDArray[np.uint8]:
        """The picture as saved."""
        with VideoReader(self.path(rd_point, ".png"), Fraction(1)) as reader:
            return next(iter(reader)).pixels


def _release(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"
