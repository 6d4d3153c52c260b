"""Study of speed: what every stage of encoding and decoding takes of one core and of two; docs/performance.md."""

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bcdcodec import __version__
from bcdcodec.codec.model import CodecModel
from bcdcodec.evaluation.harness.experiment import StageProgress
from bcdcodec.evaluation.harness.records import write_numbers
from bcdcodec.evaluation.harness.timing import processor
from bcdcodec.evaluation.report.tables import update_page
from bcdcodec.studies.speed.batches import device_name, measure_batches
from bcdcodec.studies.speed.measure import profile_clip, yardstick_ms
from bcdcodec.studies.speed.tables import tables

PAGE, FOLDER = "performance.md", "performance"
#: Profiles of a clip: three jobs, each on one core and on two.
PROFILES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Settings of a run. clip: a video of one face; out: folder of the page; device: whose batches are measured too."""

    clip: Path
    out: Path
    weights: str
    device: str


def run_study(request: Request, *, progress: StageProgress) -> dict[str, Any]:
    """Measure, write the page and the numbers of this release, and return the numbers.

    Stages are of the processor; other devices are measured in batches alone. Raises what coding the clip raises.
    """
    model, profiles = CodecModel.load(request.weights, device="cpu"), list[dict[str, Any]]()
    yardstick = round(yardstick_ms(), 2)
    with tempfile.TemporaryDirectory() as folder:
        for profile in profile_clip(model, request.clip, Path(folder)):
            profiles.append(asdict(profile))
            progress("speed", len(profiles), PROFILES)
    numbers: dict[str, Any] = {
        "version": __version__,
        "weights": model.weights.model_id.hex(),
        "processor": processor(),
        "yardstick_ms": yardstick,
        "profiles": profiles,
        "device": None,
        "batches": [],
    }
    device = CodecModel.load(request.weights, device=request.device) if request.device != "cpu" else model
    if device.device.type != "cpu":
        numbers["device"] = device_name(device.device)
        numbers["batches"] = [asdict(row) for row in measure_batches(device)]
    write_numbers(request.out / FOLDER / f"{__version__}.json", numbers)
    update_page(request.out / PAGE, tables(numbers))
    return numbers
