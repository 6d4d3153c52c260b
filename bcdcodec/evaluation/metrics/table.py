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
from bcdcodec.evaluation.metrics.landmarks import PARTS, part_distance
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

    unit: empty where there is none. extra: optional dependency, None where there is none. load: makes the measure,
    which may take a second; keep it for many videos. of_faces: has no value in frames without a face.
    """

    name: str
    unit: str
    higher_is_better: bool
    reference: str
    extra: str | None
    load: Callable[[], Measure]
    of_faces: bool


def _metric(
    name: str,
    load: Callable[[], Measure],
    *,
    unit: str = "",
    higher: bool,
    reference: str,
    extra: str | None = None,
    of_faces: bool = False,
) -> Metric:
    return Metric(
        name=name,
        unit=unit,
        higher_is_better=higher,
        reference=reference,
        extra=extra,
        load=load,
        of_faces=of_faces,
    )


_ALL = (
    _metric("psnr", lambda: psnr, unit="dB", higher=True, reference="mean squared error of RGB against 255"),
    _metric("ssim", lambda: ssim, higher=True, reference="Wang et al. 2004"),
    _metric("ms-ssim", lambda: ms_ssim, higher=True, reference="Wang et al. 2003"),
    _metric("lpips-alex", Lpips, higher=False, reference="Zhang et al. 2018, v0.1", extra="metrics"),
    _metric("lpips-vgg", lambda: Lpips("vgg"), higher=False, reference="Zhang et al. 2018, v0.1", extra="metrics"),
    _metric("dists", Dists, higher=False, reference="Ding et al. 2020", extra="metrics"),
    _metric("csim", Csim, higher=True, reference="Zakharov et al. 2019, with SFace", extra="metrics", of_faces=True),
    *(
        _metric(
            f"landmarks-{part}",
            partial(part_distance, part),
            unit="%",
            higher=False,
            reference="see landmarks.py",
            extra="landmarks",
            of_faces=True,
        )
        for part in PARTS
    ),
    _metric(
        "ard",
        lambda: rotation_distance,
        unit="degrees",
        higher=False,
        reference="see pose.py",
        extra="landmarks",
        of_faces=True,
    ),
    _metric(
        "auh",
        lambda: action_unit_distance,
        higher=False,
        reference="see action_units.py",
        extra="landmarks",
        of_faces=True,
    ),
    _metric(LOST, lambda: faces_lost, unit="%", higher=False, reference="see faces.py", extra="landmarks"),
    _metric("flicker", lambda: flicker, unit="levels", higher=False, reference="see flicker.py; one value fewer"),
    _metric("vmaf", lambda: vmaf, higher=True, reference="Netflix 2016, vmaf_v0.6.1", extra="metrics"),
)
METRICS: dict[str, Metric] = {metric.name: metric for metric in _ALL}


@cache
def loaded(name: str) -> Measure:
    """The measure of a metric; its network is loaded once a process."""
    return METRICS[name].load()
