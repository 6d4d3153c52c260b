"""What tests of several layers share: a tiny model with random weights, and a short clip with sound.

torch is imported inside the fixtures that need it, so that the tests of the lower layers start at once.
"""

import importlib.util
import math
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from bcdcodec.config import (
    ContentConfig,
    DenoiserConfig,
    EncoderConfig,
    ModelConfig,
    OptimConfig,
    QuantizerConfig,
    SamplingConfig,
    VaeConfig,
)
from bcdcodec.sprites.sheets import ATTRIBUTES, CELL, COLUMNS, LAYERS, ROWS, SHOES, VALUES

CLIP_RATE, CLIP_FRAMES, CLIP_WIDTH, CLIP_HEIGHT = 25, 50, 160, 120
SOUND_RATE, TONE_HZ = 48_000, 440


@pytest.fixture(autouse=True)
def no_mesh(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Encoders find no face, at once and without the extra `encode`, but in tests marked `mesh`."""
    if "mesh" not in request.keywords:
        monkeypatch.setattr("bcdcodec.codec.window.follow_landmarks", lambda frame, before: None)


@pytest.fixture(scope="session")
def tiny_config() -> ModelConfig:
    """The `face` preset's shape with every width shrunk: a frame takes milliseconds."""
    return ModelConfig(
        name="tiny",
        pixels=256,
        autoencoder="small",
        frame_rate=(25, 2),
        window_frames=4,
        context_frames=1,
        encoder=EncoderConfig(width=16, feed_forward=32, layers=1, heads=2, seeded_queries=True),
        quantizer=QuantizerConfig(
            groups=32,
            entries=8,
            dims=4,
            target_bits_per_group=2.0,
            temperature_max=1.5,
            temperature_min=0.1,
            temperature_decay=0.99,
        ),
        denoiser=DenoiserConfig(
            resolution=32,
            channels=4,
            patch=4,
            width=16,
            feed_forward=32,
            layers=2,
            heads=2,
            temporal_blocks=(1,),
            sigma_data=0.5,
            warp_blocks=1,
            landmarks=478,
        ),
        sampling={
            "paper": SamplingConfig(steps=4, guidance=1.5),
            "standard": SamplingConfig(steps=2, guidance=1.0),
            "realtime": SamplingConfig(steps=1, guidance=1.0),
        },
        optim=OptimConfig(
            learning_rate=1e-3,
            encoder_learning_rate=1e-3,
            batch=2,
            weight_decay=0.01,
            betas=(0.9, 0.99),
            condition_dropout=0.1,
        ),
        content=ContentConfig(step=0.4, max_level=3, picture_bits=8000),
        vae=VaeConfig(widths=(8, 16), encoder_blocks=1, decoder_blocks=1),
    )


@pytest.fixture(scope="session")
def load_script() -> Callable[[str], ModuleType]:
    """load_script("tools/demo.py"): a script of the repository as a module."""

    def load(place: str) -> ModuleType:
        path = Path(__file__).parents[1] / place
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module  # dataclasses look their module up
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory, tiny_config: ModelConfig) -> Path:
    """A weights file of random numbers, alone in its folder; the same bytes every time."""
    import torch

    from bcdcodec.entropy.content import fit_content_table
    from bcdcodec.entropy.landmarks import fit_landmark_tables
    from bcdcodec.entropy.tables import fit_rows
    from bcdcodec.model.bcd import Bcd
    from bcdcodec.model.vae import Vae
    from bcdcodec.model.weights import Networks, save_networks

    torch.set_num_threads(1)  # on tensors this small threads wait longer than they work
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        assert tiny_config.vae is not None
        networks = Networks(Bcd(tiny_config), Vae(tiny_config.vae))
        with torch.no_grad():  # layers that start at zero would hide what flows through them
            for parameter in networks.bcd.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.02)
    rng = np.random.default_rng(0)
    quantizer, denoiser, top = tiny_config.quantizer, tiny_config.denoiser, tiny_config.content.max_level
    shape = (denoiser.channels, denoiser.resolution, denoiser.resolution)
    levels = np.clip(np.rint(rng.normal(size=shape)), -top, top).astype(np.int32)
    tables = {
        "motion": fit_rows(rng.integers(1, 100, (quantizer.groups, quantizer.entries))),
        "content": fit_content_table([levels], max_level=top),
    }
    faces = rng.uniform(60, 200, (1, 478, 2)) + rng.normal(size=(12, 478, 2))
    tables |= fit_landmark_tables(faces, components=4, max_level=15).tensors()
    save_networks(
        path,
        networks,
        config=tiny_config,
        tables={name: torch.from_numpy(rows.astype(np.int32)) for name, rows in tables.items()},
    )
    return path


@pytest.fixture
def weights_folder(tiny_weights: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Streams find the tiny weights by their id, as they would find shipped ones."""
    monkeypatch.setenv("BCD_WEIGHTS", str(tiny_weights.parent))
    return tiny_weights.parent


@pytest.fixture(scope="session")
def talking_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a textured pattern that moves, 160x120 at 25 fps, with a tone; there is no face in it."""
    path = tmp_path_factory.mktemp("clip") / "talk.mp4"
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=CLIP_RATE, options={"crf": "18", "preset": "veryfast"})
        assert isinstance(video, VideoStream)
        video.width, video.height, video.pix_fmt = CLIP_WIDTH, CLIP_HEIGHT, "yuv420p"
        audio = container.add_stream("aac", rate=SOUND_RATE, layout="mono")
        assert isinstance(audio, AudioStream)
        for index, pixels in enumerate(_pictures()):
            picture = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            picture.pts, picture.time_base = index, Fraction(1, CLIP_RATE)
            container.mux(video.encode(picture))
            container.mux(audio.encode(_tone(index)))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return path


@pytest.fixture(scope="session")
def stream_bytes(tiny_weights: Path, talking_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The clip encoded with the tiny model: two seconds, centred square, with sound, metadata and a plate."""
    from bcdcodec.codec.encode.file import encode_file
    from bcdcodec.codec.encode.settings import EncodeSettings
    from bcdcodec.codec.model import CodecModel

    path = tmp_path_factory.mktemp("stream") / "talk.bcd"
    model = CodecModel.load(tiny_weights, device="cpu")
    settings = EncodeSettings(metadata={"title": "a \x1b[31mtest"})
    encode_file(talking_clip, path, model=model, settings=settings, crop=False, background=True)
    return path.read_bytes()


@pytest.fixture
def stream_file(stream_bytes: bytes, weights_folder: Path, tmp_path: Path) -> Path:
    """`stream_bytes` as a file of its own for each test; its weights are found."""
    path = tmp_path / "talk.bcd"
    path.write_bytes(stream_bytes)
    return path


def _sheet(layer: str, value: int) -> np.ndarray:
    """A made-up sheet of sprites. Each layer has a band of its own; the colour tells the value, where the block lies
    tells the cell.
    """
    pixels = np.zeros((ROWS, COLUMNS, CELL, CELL, 4), np.uint8)
    band = 8 + 10 * LAYERS.index(layer)
    for row in range(ROWS):
        for column in range(COLUMNS):
            left = 2 + 4 * column + row % 4
            pixels[row, column, band : band + 8, left : left + 8] = (40 * value + 30, 255 - 40 * value, 100 + row, 255)
    pixels[..., 4:6, :, :] = (200, 100, 50, 128)  # half transparent, so that blending shows
    return pixels.swapaxes(1, 2).reshape(ROWS * CELL, COLUMNS * CELL, 4)


def _write_png(path: Path, pixels: np.ndarray) -> None:
    codec = av.CodecContext.create("png", "w")
    codec.width, codec.height, codec.pix_fmt = pixels.shape[1], pixels.shape[0], "rgba"
    codec.time_base = Fraction(1)
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgba")
    path.write_bytes(b"".join(bytes(packet) for packet in [*codec.encode(frame), *codec.encode(None)]))


@pytest.fixture(scope="session")
def sheets_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made-up sheets of sprites."""
    folder = tmp_path_factory.mktemp("sheets")
    for layer in LAYERS:
        (folder / layer).mkdir()
        for value in range(VALUES) if layer in ATTRIBUTES else (SHOES,):
            _write_png(folder / layer / f"{value}.png", _sheet(layer, value))
    return folder


@pytest.fixture(scope="session")
def sprites_folder(sheets_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data set of three characters a part."""
    from bcdcodec.sprites.dataset import build

    folder = tmp_path_factory.mktemp("sprites")
    build(sheets_folder, folder, characters=3)
    return folder


def _pictures() -> Iterator[np.ndarray]:
    rng = np.random.default_rng(1)
    texture = np.kron(rng.integers(40, 216, (CLIP_HEIGHT // 8, CLIP_WIDTH // 8, 3)), np.ones((8, 8, 1)))
    for index in range(CLIP_FRAMES):
        shift = round(6 * math.sin(2 * math.pi * index / CLIP_RATE))
        yield np.ascontiguousarray(np.roll(texture, shift, axis=1).astype(np.uint8))


def _tone(index: int) -> av.AudioFrame:
    """The sound of one picture."""
    count = SOUND_RATE // CLIP_RATE
    time_s = (index * count + np.arange(count)) / SOUND_RATE
    frame = av.AudioFrame.from_ndarray(
        (0.3 * np.sin(2 * np.pi * TONE_HZ * time_s)).astype(np.float32)[None], format="fltp", layout="mono"
    )
    frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, index * count, Fraction(1, SOUND_RATE)
    return frame
