"""Encoders run by onnxruntime: codes, warps and packets of torch, what is refused, and no torch."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bcdcodec.bitstream.records import ContentCoding
from bcdcodec.codec import window as module
from bcdcodec.codec.decode.decoder import Decoder
from bcdcodec.codec.encode.backend import SHRINK, EncodingModel
from bcdcodec.codec.encode.file import encode_file
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.codec.motion_reference import FrameReference
from bcdcodec.codec.onnx.encoder import OnnxEncoder
from bcdcodec.codec.onnx.export import export_codec, export_decoder
from bcdcodec.codec.onnx.folder import ANALYZE
from bcdcodec.codec.onnx.model import OnnxModel
from bcdcodec.codec.window import Window
from bcdcodec.entropy.tables import Tables
from bcdcodec.errors import ConfigError, WeightsError
from bcdcodec.frame import Frame
from bcdcodec.model.tensors import save_tensors
from bcdcodec.video.landmarks import Points
from bcdcodec.weightfile import find_weights, open_weights, read_tensors

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

MakeFrames = Callable[[int], list[Frame]]


def talking_face(frames: int) -> np.ndarray:
    """Landmarks of the mean face of the shipped weights, which sways and opens its mouth [T, 478, 2]."""
    tables = Tables.from_file(find_weights("face").path).landmarks
    assert tables is not None
    face, steps = 0.5 + 0.2 * tables.mean / 2**20, np.arange(frames)[:, None, None]
    down = np.maximum(face[:, 1] - face[:, 1].mean(), 0)[:, None] * np.array([0.0, 1.0])
    return (face + 0.01 * steps * np.array([1.0, 0.3]) + 0.05 * np.sin(steps) * down).astype(np.float32)


def smooth_pixels(frames: int, side: int = 256) -> np.ndarray:
    """Pictures of waves that move."""
    places = np.linspace(0, 6, side)
    waves = [(1 + np.sin(places[:, None] + 2 * places + 0.3 * index)) * 127 for index in range(frames)]
    return np.stack(waves).astype(np.uint8)[..., None].repeat(3, -1)


@pytest.fixture(scope="module")
def exported(folder: Path) -> OnnxModel:
    return OnnxModel.load(folder, threads=1)


@pytest.fixture(scope="module")
def mesh_alone(painter: CodecModel, tmp_path_factory: pytest.TempPathFactory) -> tuple[CodecModel, OnnxModel]:
    """The model whose motion is that of the landmarks alone, as the shipped one's, and its export."""
    target = tmp_path_factory.mktemp("mesh") / "mesh.safetensors"
    tensors = dict(read_tensors(painter.weights.path, prefix="", framework="pt"))
    tensors["bcd.encoder.motion_head.weight"] = torch.zeros_like(tensors["bcd.encoder.motion_head.weight"])
    save_tensors(target, tensors, metadata={"config": painter.config.to_json()})
    export_codec(open_weights(target), target.parent)
    return CodecModel.load(target, device="cpu"), OnnxModel.load(target.parent, threads=1)


def windows(models: tuple[EncodingModel, EncodingModel], faceless: tuple[int, ...]) -> list[Window]:
    """A shot of 11 frames for each model."""
    landmarks = talking_face(11)
    landmarks[list(faceless)] = np.nan
    return [Window.of_frames(model, smooth_pixels(11), landmarks) for model in models]


@pytest.mark.parametrize("faceless", [(), (3,), (0, 5), tuple(range(11))])
@pytest.mark.parametrize("by_mesh", [True, False])
def test_codes_are_those_of_torch(
    painter: CodecModel,
    exported: OnnxModel,
    mesh_alone: tuple[CodecModel, OnnxModel],
    faceless: tuple[int, ...],
    by_mesh: bool,
) -> None:
    """With faces in all frames, in some, in all but the reference, and in none."""
    models = mesh_alone if by_mesh else (painter, exported)
    found = []
    for model, shot in zip(models, windows(models, faceless), strict=True):
        reference = FrameReference.of_shot(model, shot, 0)
        found.append(model.encoder_backend.analyze(shot, [0, 1, 2, 5, 9, 10], reference))
    (codes, distances), (others, other_distances) = found
    assert codes.shape == (6, 32) and codes.dtype == others.dtype and len(np.unique(codes)) > 1
    np.testing.assert_allclose(other_distances, distances, atol=1e-4, rtol=1e-3)
    assert (others == codes).mean() > 0.99  # rounding decides between entries that are as near


def test_landmarks_alone_are_read_where_the_model_reads_nothing_else(
    exported: OnnxModel, mesh_alone: tuple[CodecModel, OnnxModel]
) -> None:
    assert ANALYZE in mesh_alone[1].digests and ANALYZE not in exported.digests


@pytest.mark.parametrize("has_face", [True, False])
@pytest.mark.parametrize("shrink", [1, SHRINK])
def test_warps_are_those_of_torch(painter: CodecModel, exported: OnnxModel, has_face: bool, shrink: int) -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(painter.config.quantizer.entries, size=(17, 32))  # more than are warped together
    warps, rough, displacements = [], [], []
    models = (painter, exported)
    for model, shot in zip(models, windows(models, () if has_face else tuple(range(11))), strict=True):
        reference, backend = FrameReference.of_shot(model, shot, 2), model.encoder_backend
        warps.append(backend.warps(reference.content, codes, shrink=shrink))
        rough.append(backend.rough_warps(shot.pixels[2], reference.face, shot.landmarks, shrink=SHRINK))
        displacements.append(backend.displacements(codes))
    assert warps[0].shape == (17, 3, 256 // shrink, 256 // shrink) and rough[0].shape == (11, 3, 64, 64)
    for first, second in (warps, rough):
        difference = np.abs(first - second)
        assert first.std() > 0.3 and difference.mean() < 1e-3 and np.quantile(difference, 0.999) < 0.02
    np.testing.assert_allclose(displacements[0], displacements[1], atol=1e-5)


def test_latents_and_contents_are_those_of_torch(painter: CodecModel, exported: OnnxModel) -> None:
    models = (painter, exported)
    found, other = windows(models, ())
    np.testing.assert_allclose(found.latents[:], other.latents[:], atol=1e-4)
    content = FrameReference.of_shot(exported, other, 4).content
    assert content.map.shape == (1, *painter.latent_shape) and content.picture.shape == (1, 3, 256, 256)
    assert np.array_equal(content.picture[0], FrameReference.of_shot(painter, found, 4).content.picture)


@pytest.mark.parametrize("settings", [EncodeSettings(bitrate=9000), EncodeSettings.live(bitrate=9000)])
def test_packets_decode_and_are_nearly_those_of_torch(
    painter: CodecModel,
    exported: OnnxModel,
    encode_frames: Callable[..., tuple],
    make_frames: MakeFrames,
    settings: EncodeSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Frames 5 to 8 show no face."""
    faces = 256 * talking_face(20)

    def follow(frame: Frame, before: Points | None) -> Points | None:
        return None if 5 <= frame.index < 9 else np.pad(faces[frame.index], ((0, 0), (0, 1)))

    monkeypatch.setattr(module, "follow_landmarks", follow)
    (header, packets), (other_header, others) = (
        encode_frames(model, make_frames(20), settings) for model in (painter, exported)
    )
    assert header.content.coding is ContentCoding.FACE and header.content == other_header.content
    assert header.model_id == other_header.model_id
    assert [packet.kind for packet in packets] == [packet.kind for packet in others]
    decoder = Decoder(exported, other_header)
    frames = [frame for packet in others for frame in decoder.push(packet)] + decoder.flush()
    assert frames[-1].index == 19


def test_a_file_is_encoded_without_torch(folder: Path, talking_clip: Path, tmp_path: Path) -> None:
    """In a process where torch cannot be imported; its stream is decoded there, too."""
    stream = tmp_path / "talk.bcd"
    code = f"""import sys
sys.modules["torch"] = None
import bcdcodec.codec.window
from bcdcodec import EncodeSettings, decode_file, encode_file
from bcdcodec.codec.onnx.model import OnnxModel
bcdcodec.codec.window.follow_landmarks = lambda frame, before: None
model = OnnxModel.load({str(folder)!r}, threads=1)
found = encode_file({str(talking_clip)!r}, {str(stream)!r}, model=model, crop=False)
assert found.stats.motion_frames == 25
from bcdcodec.codec.decode.presets import preset_sampling
from bcdcodec import DecodeSettings
settings = DecodeSettings(sampling=preset_sampling(model.config, "fast"))
assert decode_file({str(stream)!r}, {str(tmp_path / "talk.mp4")!r}, model=model, settings=settings).frames == 25"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_needs_torch_is_refused(exported: OnnxModel, talking_clip: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not refine codes: effort needs torch"):
        encode_file(talking_clip, tmp_path / "a.bcd", model=exported, settings=EncodeSettings(effort=1), crop=False)
    levels = replace(
        exported, config=replace(exported.config, content=replace(exported.config.content, picture_bits=0))
    )
    with pytest.raises(ConfigError, match="content of levels needs torch"):
        encode_file(talking_clip, tmp_path / "a.bcd", model=levels, crop=False)
    assert isinstance(exported.encoder_backend, OnnxEncoder) and not (tmp_path / "a.bcd").exists()


def test_a_folder_with_a_decoder_alone_is_named(painter: CodecModel, tmp_path: Path) -> None:
    export_decoder(painter.weights, tmp_path)
    with pytest.raises(WeightsError, match="has a decoder alone, `bcd export onnx` writes the encoder"):
        EncodeSettings().check(OnnxModel.load(tmp_path, threads=1))
