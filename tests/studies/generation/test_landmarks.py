"""Points read off codes, and how they are compared."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from bcdcodec.codec.model import CodecModel
from bcdcodec.errors import ConfigError
from bcdcodec.model.landmarks import picture_displacements
from bcdcodec.studies.generation.landmarks import LandmarkReader, landmark_error, landmark_flicker
from bcdcodec.training.data.code_streams import CodeStream
from bcdcodec.video.landmarks import LEFT_EYE, RIGHT_EYE


def test_points_are_places_that_the_codes_move(
    model: CodecModel, make_streams: Callable[..., list[CodeStream]]
) -> None:
    (stream,) = make_streams(1)
    points = LandmarkReader(model)(stream)
    assert points.shape == (20, 478, 2)
    other = LandmarkReader(model)(stream, stream.codes[::-1])
    assert np.allclose(other[::-1], points) and not np.allclose(other, points)
    # The codes of this stream come again every eight frames.
    assert np.allclose(points[0], points[8]) and not np.allclose(points[0], points[1])


def test_the_unit_is_the_distance_of_the_eyes(model: CodecModel, make_streams: Callable[..., list[CodeStream]]) -> None:
    (stream,) = make_streams(1)
    still = np.zeros((1, 32), np.int64)
    assert stream.landmarks is not None
    places = stream.landmarks.astype(np.float64)
    normalized = model.bcd.landmark_displacements(model.bcd.quantizer.lookup(torch.from_numpy(still)[None]))
    moved = picture_displacements(normalized, torch.from_numpy(stream.landmarks)[None])[0].detach().double().numpy()
    eyes = LandmarkReader(model)(stream, still)[0, [LEFT_EYE, RIGHT_EYE]]
    unit = np.linalg.norm(places[LEFT_EYE] - places[RIGHT_EYE]) / 100
    assert np.allclose(eyes, (places + moved[0])[[LEFT_EYE, RIGHT_EYE]] / unit)


def test_error_and_flicker() -> None:
    true = np.zeros((4, 5, 2))
    found = true.copy()
    found[2] += [3, 4]
    assert landmark_error(found, true).tolist() == [0, 0, 5, 0]
    assert landmark_flicker(found, true).tolist() == [0, 5, 5]
    assert landmark_flicker(true + 7, true).tolist() == [0, 0, 0]


def test_a_codec_that_tells_no_points_is_refused(model: CodecModel) -> None:
    config = replace(model.config, denoiser=replace(model.config.denoiser, landmarks=0))
    with pytest.raises(ConfigError, match="does not tell the points"):
        LandmarkReader(replace(model, weights=replace(model.weights, config=config)))


def test_content_without_a_face_is_refused(model: CodecModel, make_streams: Callable[..., list[CodeStream]]) -> None:
    (stream,) = make_streams(1)
    for nobody in (None, np.full((478, 2), np.nan, np.float32)):
        with pytest.raises(ConfigError, match="content of a code stream of p0 shows no face"):
            LandmarkReader(model)(replace(stream, landmarks=nobody))
