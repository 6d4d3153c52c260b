"""Triangles of the face mesh, without torch."""

from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray


@cache
def triangles() -> NDArray[np.int64]:
    """Landmarks of the mesh's triangles [M, 3], clockwise on screen, those that lie in front last.

    Delaunay over a mean frontal mesh, without the openings of mouth and eyes: there the flow stays smooth, so that
    irises move. Order: by distance from the tip of the nose, from far to near. An array, because a cached tensor that
    was made in inference mode could not be used in training.
    """
    with resources.files("bcdcodec").joinpath("model", "triangles.npy").open("rb") as file:
        return np.load(file, allow_pickle=False).astype(np.int64)
