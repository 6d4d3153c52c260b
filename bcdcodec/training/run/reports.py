"""Reports of a run: metrics, curves and sample sheets in its folder.

metrics.jsonl            one line a report
tensorboard/             curves of the metrics: `tensorboard --logdir RUN`
sheets/step-0001000.png  samples (samples.py)
"""

import json
import logging
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bcdcodec.atomic import write_bytes, write_text
from bcdcodec.errors import MissingExtraError, install_command
from bcdcodec.training.objective.losses import LossReport
from bcdcodec.video.lossless import pack_png

try:
    from tensorboardX import SummaryWriter
except ImportError as error:
    raise MissingExtraError(f"training needs tensorboardX: {install_command('train')}") from error

logger = logging.getLogger(__name__)


class RunReports:
    """Writer of the reports of a run that starts or resumes after `first` updates."""

    def __init__(self, run: Path, *, first: int) -> None:
        self._run, self._first = run, first
        # Reports after the checkpoint that a resumed run continues from are written again.
        _cut(run / "metrics.jsonl", first)
        self._curves = SummaryWriter(str(run / "tensorboard"), purge_step=first + 1)
        self._began = time.monotonic()

    def write(
        self, step: int, report: LossReport, probe: dict[str, float], *, held_out_error: float | None = None
    ) -> None:
        """Report after `step` updates. probe: denoising errors by condition; held_out_error: of people held out."""
        speed = (step - self._first) / (time.monotonic() - self._began)
        line = {
            "step": step,
            "loss": float(report.denoising),
            "warping_loss": float(report.warping),
            "error": float(report.error),
            "bits_per_code": None if report.entropy_bits is None else float(report.entropy_bits.mean()),
            "used_codes": None if report.used_codes is None else float(report.used_codes),
            "probe": {name: round(value, 4) for name, value in probe.items()},
            "steps_per_second": round(speed, 3),
        }
        if held_out_error is not None:
            line["held_out_error"] = held_out_error
        with (self._run / "metrics.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
        logger.info("%s", line)
        curves = {name: value for name, value in line.items() if isinstance(value, float)}
        for name, value in (curves | {f"probe/{name}": value for name, value in probe.items()}).items():
            self._curves.add_scalar(name, value, step)

    def write_sheet(self, step: int, sheet: NDArray[np.uint8]) -> None:
        """Write a sample sheet, uint8 [H, W, 3]."""
        write_bytes(self._run / "sheets" / f"step-{step:07d}.png", pack_png(sheet))
        self._curves.add_image("samples", sheet, step, dataformats="HWC")

    def close(self) -> None:
        """Flush the curves, which a thread writes."""
        self._curves.close()


def _cut(path: Path, last: int) -> None:
    """Remove the lines of later updates."""
    if path.exists():
        lines = path.read_text().splitlines(keepends=True)
        write_text(path, "".join(line for line in lines if json.loads(line)["step"] <= last))
