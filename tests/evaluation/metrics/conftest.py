"""A photograph of a face, worse copies of it, and clips of several people where there are some."""

import io
import os
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn import functional

Video = NDArray[np.uint8]


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Machines that test share their cores."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def face() -> Video:
    """uint8 [256, 256, 3]: the head of scikit-image's astronaut."""
    data = pytest.importorskip("skimage.data")
    return np.ascontiguousarray(data.astronaut()[:256, 100:356])


@pytest.fixture(scope="session")
def texture() -> Video:
    """uint8 [200, 184, 3]: a smooth random picture that needs no package."""
    coarse = torch.from_numpy(np.random.default_rng(0).uniform(0, 255, (1, 3, 25, 23)))
    smooth = functional.interpolate(coarse, (200, 184), mode="bicubic").clamp(0, 255).round()
    return np.ascontiguousarray(smooth[0].permute(1, 2, 0).numpy().astype(np.uint8))


@pytest.fixture(scope="session")
def jpegs(face: Video) -> Video:
    """uint8 [4, 256, 256, 3]: the face as JPEG of quality 5, 10, 30 and 90."""
    images = pytest.importorskip("PIL.Image")
    found = []
    for quality in (5, 10, 30, 90):
        file = io.BytesIO()
        images.fromarray(face).save(file, "JPEG", quality=quality)
        found.append(np.array(images.open(file).convert("RGB")))
    return np.stack(found)


@pytest.fixture(scope="session")
def people() -> list[Video]:
    """For three people four frames in turn, uint8 [4, 256, 256, 3], half a second apart."""
    folder = os.environ.get("BCD_DATA")
    if not folder:
        pytest.skip("BCD_DATA does not name a folder of clips")
    table = next(
        (path for path in (Path(folder, "clips.csv"), Path(folder, "val", "clips.csv")) if path.exists()), None
    )
    if table is None:
        pytest.skip(f"no clips.csv in {folder}")
    first: dict[str, str] = {}
    for line in table.read_text().splitlines()[1:]:
        name, person = line.split(",")[:2]
        first.setdefault(person, name)
    return [_frames((table.parent / name).with_suffix(".mp4")) for name in list(first.values())[:3]]


def blurred(picture: Video, sigma: float) -> Video:
    """Gaussian blur, borders repeated."""
    reach = int(3 * sigma + 1)
    offsets = torch.arange(-reach, reach + 1, dtype=torch.float64)
    window = torch.exp(-(offsets**2) / (2 * sigma**2))
    window = window / window.sum()
    x = torch.from_numpy(picture.astype(np.float64)).permute(2, 0, 1)[:, None]
    x = functional.pad(x, (reach, reach, reach, reach), mode="replicate")
    x = functional.conv2d(functional.conv2d(x, window.view(1, 1, -1, 1)), window.view(1, 1, 1, -1))
    return np.ascontiguousarray(x[:, 0].permute(1, 2, 0).round().numpy().astype(np.uint8))


@pytest.fixture(scope="session")
def blurs(face: Video) -> Video:
    """uint8 [4, 256, 256, 3]: the face, and the face ever more blurred."""
    return np.stack([face, *(blurred(face, sigma) for sigma in (1.0, 2.0, 4.0))])


def _frames(path: Path) -> Video:
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return np.stack([frames[index] for index in np.linspace(0, min(len(frames) - 1, 36), 4).round().astype(int)])
