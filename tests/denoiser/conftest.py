"""A folder of clips of one face that turns its picture, and weights that warp it."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

from bcdcodec.denoiser.pairs import MOMENTS, RUN, Pairs


@pytest.fixture(scope="session")
def face_clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips of scikit-image's astronaut, whose picture moves by some pixels, and one without a face."""
    from skimage import data

    folder = tmp_path_factory.mktemp("faces")
    person = np.ascontiguousarray(data.astronaut()[:256, 96:352])
    pictures = {"a.mp4": person, "b.mp4": np.ascontiguousarray(person[:, ::-1]), "c.mp4": np.full_like(person, 90)}
    for name, picture in pictures.items():
        with av.open(str(folder / name), "w") as container:
            video = container.add_stream("libx264", rate=25, options={"crf": "18", "preset": "veryfast"})
            assert isinstance(video, VideoStream)
            video.width = video.height = 256
            video.pix_fmt = "yuv420p"
            for index in range(16):
                frame = av.VideoFrame.from_ndarray(np.roll(picture, index, axis=1), format="rgb24")
                frame.pts, frame.time_base = index, Fraction(1, 25)
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
    (folder / "clips.csv").write_text("clip,person\na.mp4,p1\nb.mp4,p1\nc.mp4,p2\n")
    return folder


@pytest.fixture
def small_pairs() -> Pairs:
    """Two excerpts of random pictures of 64 pixels a side."""
    import torch

    generator = torch.Generator().manual_seed(0)
    frames, side, landmarks, motion = MOMENTS * RUN, 64, 478, 128

    def pixels(*shape: int) -> torch.Tensor:
        coarse = torch.randint(0, 256, (*shape, side // 8, side // 8), generator=generator).to(torch.uint8)
        return coarse.repeat_interleave(8, -1).repeat_interleave(8, -2)

    return Pairs(
        pixels(2, 3),
        pixels(2, frames, 3),
        pixels(2, frames, 3),
        pixels(2, frames, 1),
        torch.rand(2, landmarks, 2, generator=generator).half(),
        torch.rand(2, frames, landmarks, 2, generator=generator).half(),
        torch.randn(2, frames, motion, generator=generator).half(),
    )
