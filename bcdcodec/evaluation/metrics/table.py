"""Registry of the full-reference metrics: name, unit, direction and loader.

    for name in names:
        values = METRICS[name].load()(found, expected)

Importing this file loads no network and needs no extra; `load` does, and raises MissingExtraError without it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

from bcdcodec.evaluation.metrics.action_units import action_unit_distance
from bcdcodec.evaluation.metrics.dists import Dists
from bcdcodec.evaluation.metrics.faces import faces_lost
from bcdcodec.evaluation.metrics.flicker import flicker
from bcdcodec.evaluation.metrics.identity import Csim
from bcdcodec.evaluation.metrics.judges import JUDGES
from bcdcodec.evaluation.metrics.lpips import Lpips
from bcdcodec.evaluation.metrics.pair import Values, Video
from bcdcodec.evaluation.metrics.pose import rotation_distance
from bcdcodec.evaluation.metrics.psnr import psnr
from bcdcodec.evaluation.metrics.ssim import ms_ssim, ssim
from bcdcodec.evaluation.metrics.vmaf import vmaf

#: The metric that counts the faces which metrics of faces cannot cover.
LOST = "faces-lost"
#: (found, expected) -> float64 [T]; NaN where a frame cannot be measured.
Measure = Callable[[Video, Video], Values]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric.

    load: makes the measure, which may take a second; keep it for many videos. unit: empty where there is none.
    of_faces: has no value in frames without a face.
    """

    name: str
    load: Callable[[], Measure]
    unit: str = ""
    higher_is_better: bool = False
    of_faces: bool = False

    @property
    def sign(self) -> float:
        """1 where higher is better, else -1: differences times this are gains."""
        return 1.0 if self.higher_is_better else -1.0


_ALL = (
    Metric(name="psnr", load=lambda: psnr, unit="dB", higher_is_better=True),
    Metric(name="ssim", load=lambda: ssim, higher_is_better=True),
    Metric(name="ms-ssim", load=lambda: ms_ssim, higher_is_better=True),
    Metric(name="lpips-alex", load=Lpips),
    Metric(name="lpips-vgg", load=lambda: Lpips("vgg")),
    Metric(name="dists", load=Dists),
    Metric(name="csim", load=Csim, higher_is_better=True, of_faces=True),
    *(
        Metric(name=f"{judge.metric}-{part}", load=partial(judge.distance, part), unit="%", of_faces=True)
        for judge in JUDGES.values()
        for part in judge.parts
    ),
    Metric(name="ard", load=lambda: rotation_distance, unit="degrees", of_faces=True),
    Metric(name="auh", load=lambda: action_unit_distance, of_faces=True),
    Metric(name=LOST, load=lambda: faces_lost, unit="%"),
    Metric(name=f"{LOST}68", load=lambda: partial(faces_lost, find=JUDGES["dlib"].find), unit="%"),
    Metric(name="flicker", load=lambda: flicker, unit="levels"),
    Metric(name="vmaf", load=lambda: vmaf, higher_is_better=True),
)
METRICS: dict[str, Metric] = {metric.name: metric for metric in _ALL}


@cache
def loaded(name: str) -> Measure:
    """The measure of a metric; its network is loaded once a process."""
    return METRICS[name].load()
