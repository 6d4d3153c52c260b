"""The 3D face model: coefficients to vertices and mesh points.

    M(identity, expression) = mean + identity . modes + expression . units    [vertices, 3], mm, at rest
    points(...)             = three vertices under each point of video/landmarks.py, by barycentric weights

x to the person's left (right in the picture), y up, z out of the face; the origin is the middle of the face.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from bcdcodec.errors import ConfigError, WeightsError

FORMAT = "bcdcodec face model 1"
HEAD_FILE = Path(__file__).parent / "head-v1.safetensors"
#: Bounds of what is read: a file with more of anything is no face model of ours.
MAX_VERTICES, MAX_POINTS, MAX_COEFFICIENTS = 20_000, 2_000, 512

Array = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeadModel:
    """Linear face model.

    mean: [V, 3] mm. identity: [K, V, 3] mm per standard deviation. expression: [E, V, 3] mm at full strength.
    names: of the expressions, as in ARKit. points_of: [n], indices into the 478 points of video/landmarks.py.
    corners: [n, 3] vertices and weights: [n, 3] under each of these points.
    """

    mean: Array
    identity: Array
    expression: Array
    names: tuple[str, ...]
    points_of: Index
    corners: Index
    weights: Array

    def __post_init__(self) -> None:
        vertices, points = len(self.mean), len(self.points_of)
        shapes = {
            "mean": (self.mean, (vertices, 3), MAX_VERTICES),
            "identity": (self.identity, (len(self.identity), vertices, 3), MAX_COEFFICIENTS),
            "expression": (self.expression, (len(self.names), vertices, 3), MAX_COEFFICIENTS),
            "points_of": (self.points_of, (points,), MAX_POINTS),
            "corners": (self.corners, (points, 3), MAX_POINTS),
            "weights": (self.weights, (points, 3), MAX_POINTS),
        }
        for name, (values, shape, most) in shapes.items():
            if values.shape != shape or not 1 <= len(values) <= most:
                raise WeightsError(f"face model has {name} {values.shape}, needs {shape}, 1 to {most} rows")
            if not np.isfinite(values).all():
                raise WeightsError(f"face model has values in {name} that are no numbers")
        for name, index, most in (("corners", self.corners, vertices), ("points_of", self.points_of, 478)):
            if index.min() < 0 or index.max() >= most:
                raise WeightsError(f"face model has {name} {index.min()} to {index.max()}, allowed are 0 to {most - 1}")

    @classmethod
    def load(cls, path: Path = HEAD_FILE) -> Self:
        """Read a model file; WeightsError if it is not one."""
        try:
            with safe_open(str(path), framework="numpy") as file:
                metadata: dict[str, str] = file.metadata() or {}
                if metadata.get("format") != FORMAT:
                    raise WeightsError(f"{path} has format {metadata.get('format')!r}, needs {FORMAT!r}")
                names = json.loads(metadata["expressions"])
                read: dict[str, NDArray[Any]] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return cls(
                mean=read["mean"].astype(np.float64),
                identity=read["identity"].astype(np.float64),
                expression=read["expression"].astype(np.float64),
                names=tuple(names),
                points_of=read["points_of"].astype(np.int64),
                corners=read["corners"].astype(np.int64),
                weights=read["weights"].astype(np.float64),
            )
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise WeightsError(f"cannot read face model {path}: {error}") from error

    def vertices(self, identity: Array, expression: Array) -> Array:
        """Vertices [T, V, 3] in mm of identity [K] and expression [T, E]."""
        self._check(identity, expression)
        rest = self.mean + np.tensordot(identity, self.identity, 1)
        return np.asarray(rest + np.tensordot(expression, self.expression, 1))

    def points(self, identity: Array, expression: Array) -> Array:
        """Mesh points [T, n, 3] in mm, in the order of `points_of`."""
        return at_points(self.vertices(identity, expression), self.corners, self.weights)

    def point_model(self) -> tuple[Array, Array, Array]:
        """The model at the mesh points alone: mean [n, 3], identity [K, n, 3], expression [E, n, 3]."""
        mean, identity, expression = (
            at_points(values, self.corners, self.weights) for values in (self.mean, self.identity, self.expression)
        )
        return mean, identity, expression

    def _check(self, identity: Array, expression: Array) -> None:
        if identity.shape != (len(self.identity),):
            raise ConfigError(f"identity is {identity.shape}, needs ({len(self.identity)},)")
        if expression.ndim != 2 or expression.shape[1] != len(self.names):
            raise ConfigError(f"expression is {expression.shape}, needs [frames, {len(self.names)}]")


def at_points(vertices: Array, corners: Index, weights: Array) -> Array:
    """Interpolate vertices [..., V, 3] at the mesh points: [..., n, 3]."""
    return np.asarray((vertices[..., corners, :] * weights[:, :, None]).sum(axis=-2))


@cache
def shipped_head() -> HeadModel:
    """The model that comes with the package."""
    return HeadModel.load()
