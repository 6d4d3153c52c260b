"""Every metric of the table on one pair of videos: shape, range and the direction that the table states."""

import numpy as np
import pytest
from numpy.typing import NDArray

from bcdcodec.errors import MissingExtraError
from bcdcodec.evaluation.metrics.table import METRICS

Video = NDArray[np.uint8]


def test_names() -> None:
    assert list(METRICS) == [metric.name for metric in METRICS.values()]
    pictures = {"psnr", "ssim", "ms-ssim", "lpips-alex", "lpips-vgg", "dists", "flicker", "vmaf"}
    parts = {f"{judge}-{part}" for judge in ("landmarks", "landmarks68") for part in ("mouth", "eyes", "contour")}
    parts |= {"landmarks-expression", "landmarks68-expression", "landmarks-irises"}
    faces = parts | {"csim", "ard", "auh"}
    assert {*METRICS} == pictures | faces | {"faces-lost", "faces-lost68"}
    assert {name for name, metric in METRICS.items() if metric.of_faces} == faces


@pytest.mark.parametrize("name", METRICS)
def test_direction(name: str, face: Video, blurs: Video) -> None:
    """Two frames that are equal and one that is not."""
    metric = METRICS[name]
    equal, worse = (np.ascontiguousarray(picture[20:200, 40:220]) for picture in (face, blurs[2]))
    if name.startswith("faces-lost"):
        worse = np.full_like(equal, 99)
    if name == "auh":  # blur hardly changes an expression; without its mouth a face has another
        worse = equal.copy()
        worse[110:150] = equal[60:100]
    try:
        values = metric.load()(np.stack([equal, equal, worse]), np.stack([equal] * 3))
    except MissingExtraError as error:
        pytest.skip(str(error))
    assert values.dtype == np.float64
    assert values.shape == ((2,) if name == "flicker" else (3,))
    sign = 1 if metric.higher_is_better else -1
    assert sign * values[0] > sign * values[-1]
