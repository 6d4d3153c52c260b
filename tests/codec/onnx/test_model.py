"""Decoders run by onnxruntime: the pictures of torch, the files that are refused, and no torch."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bcdcodec.codec.decode.decoder import Decoder
from bcdcodec.codec.decode.segment import Segment, WindowSettings
from bcdcodec.codec.decode.settings import DecodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.codec.onnx.content import OnnxContent
from bcdcodec.codec.onnx.export import export_decoder
from bcdcodec.codec.onnx.folder import TABLES_FILE
from bcdcodec.codec.onnx.mesh import Mesh
from bcdcodec.codec.onnx.model import OnnxModel, exported_folder
from bcdcodec.config import SamplingConfig
from bcdcodec.entropy.tables import Tables
from bcdcodec.errors import ConfigError, WeightsError
from bcdcodec.frame import CropBox, Frame
from bcdcodec.model.content import Content
from bcdcodec.model.guides import face_rasters
from bcdcodec.model.mesh_flow import MIN_AREA, rasterize, triangle_areas, triangles
from bcdcodec.weightfile import find_weights

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

#: Levels between the pictures of both runtimes: in the mean, and of any pixel.
MEAN_LEVELS, MAX_LEVELS = 1, 4


def real_face() -> np.ndarray:
    """The mean face of the shipped weights, upright in the middle of the picture [478, 2]."""
    tables = Tables.from_file(find_weights("face").path).landmarks
    assert tables is not None
    return (0.5 + 0.2 * tables.mean / 2**20).astype(np.float32)


def pictures(model: CodecModel, exported: OnnxModel, face: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Windows of 8 and 3 frames by torch and by onnxruntime."""
    rng = np.random.default_rng(4)
    side, quantizer = model.config.pixels, model.config.quantizer
    small = torch.from_numpy(rng.uniform(-1, 1, (1, 3, 16, 16)).astype(np.float32))
    picture = torch.nn.functional.interpolate(small, size=side, mode="bicubic").clamp(-1, 1)
    codes = np.repeat(rng.integers(quantizer.entries, size=(1, quantizer.groups)), 11, axis=0)
    codes[:, :6] = rng.integers(quantizer.entries, size=(11, 6))
    sampling = replace(model.config.sampling["standard"], steps=steps)
    settings, box = WindowSettings(sampling, 8, 0), CropBox(x=0, y=0, size=side)
    with torch.inference_mode():
        assert model.vae is not None
        content_map = model.vae.encode(picture)[0]
    by_torch = model.backend(None, DecodeSettings(seed=0))  # type: ignore[arg-type]
    motion = 0.3 * by_torch.vectors(codes)
    assert np.allclose(exported.backend(None, DecodeSettings()).vectors(codes), motion / 0.3)  # type: ignore[arg-type]
    one = Segment(Content(content_map, picture[0], torch.from_numpy(face)), box, 0, motion, noise=by_torch.noise)
    rasters = exported.mesh.rasters(face[None], side // 2)
    other = Segment(OnnxContent(content_map[None].numpy(), picture.numpy(), face, rasters), box, 0, motion)
    parts = by_torch.decode([one], settings, one_window=False)
    by_onnx = exported.backend(None, DecodeSettings(sampling=sampling))  # type: ignore[arg-type]
    others = by_onnx.decode([other], settings, one_window=False)
    assert [len(part.pixels) for part in others] == [8, 3]
    return np.concatenate([part.pixels for part in parts]), np.concatenate([part.pixels for part in others])


def assert_close(found: np.ndarray, expected: np.ndarray) -> None:
    difference = np.abs(found.astype(int) - expected)
    assert difference.mean() <= MEAN_LEVELS and difference.max() <= MAX_LEVELS


@pytest.mark.parametrize("steps", [0, 1])
@pytest.mark.parametrize("shown", [True, False])
def test_pictures_are_those_of_torch(painter: CodecModel, folder: Path, steps: int, shown: bool) -> None:
    face = real_face() if shown else np.full((478, 2), np.nan, np.float32)
    expected, found = pictures(painter, OnnxModel.load(folder, threads=1), face, steps)
    assert expected.std() > 10
    assert_close(found, expected)


@pytest.mark.slow
def test_pictures_of_the_shipped_model_are_those_of_torch(tmp_path: Path) -> None:
    model = CodecModel.load("face", device="cpu")
    export_decoder(model.weights, tmp_path)
    expected, found = pictures(model, OnnxModel.load(tmp_path), real_face(), 1)
    assert_close(found, expected)


def test_a_stream_decodes_as_by_torch(
    painter: CodecModel,
    folder: Path,
    encode_frames: Callable[..., tuple],
    make_frames: Callable[[int], list[Frame]],
) -> None:
    header, packets = encode_frames(painter, make_frames(12))
    decoded = []
    for model in (painter, OnnxModel.load(folder, threads=1)):
        decoder = Decoder(model, header)
        decoded.append([frame for packet in packets for frame in decoder.push(packet)] + decoder.flush())
    assert [frame.index for frame in decoded[1]] == list(range(12))
    assert_close(np.stack([f.pixels for f in decoded[1]]), np.stack([f.pixels for f in decoded[0]]))


def test_other_sampling_is_refused(folder: Path) -> None:
    model = OnnxModel.load(folder, threads=1)
    for sampling in (SamplingConfig(steps=2, guidance=1.0, noise=0.0), SamplingConfig(steps=1, guidance=1.0)):
        with pytest.raises(ConfigError, match="one step of a denoiser of pictures without noise"):
            model.backend(None, DecodeSettings(sampling=sampling))  # type: ignore[arg-type]


def test_decoding_loads_no_torch(folder: Path) -> None:
    code = f"""import sys
from bcdcodec.codec.decode.file import decode_file
from bcdcodec.codec.onnx.model import OnnxModel
OnnxModel.load({str(folder)!r}, threads=1)
sys.exit("torch" in sys.modules)"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_folder_is_found_by_the_id_of_a_stream(
    painter: CodecModel, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BCD_WEIGHTS", str(folder.parent))
    assert exported_folder(painter.model_id) == folder
    with pytest.raises(WeightsError, match="`bcd export onnx` writes one"):
        exported_folder(bytes(16))


def test_damaged_folders_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="cannot read exported decoder"):
        OnnxModel.load(tmp_path)
    for name in folder.iterdir():
        (tmp_path / name.name).write_bytes(name.read_bytes())
    graph = tmp_path / "warp.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"\0")
    with pytest.raises(WeightsError, match=r"warp\.onnx is not the graph"):
        OnnxModel.load(tmp_path)
    graph.unlink()
    with pytest.raises(WeightsError, match="cannot read graph"):
        OnnxModel.load(tmp_path)
    (tmp_path / TABLES_FILE).write_bytes(b"\0" * 64 + json.dumps({}).encode())
    with pytest.raises(WeightsError, match="cannot read exported decoder"):
        OnnxModel.load(tmp_path)


@pytest.mark.parametrize("scale", [0.5, 3.0])  # faces that fill a half, and much more than the picture
def test_triangles_and_rasters_are_those_of_torch(scale: float) -> None:
    rng, size = np.random.default_rng(1), 64
    still = (0.5 + scale * (real_face() - 0.5)).astype(np.float32)
    moved = np.stack([still + rng.normal(0, 0.004, still.shape).astype(np.float32) for _ in range(3)])
    mesh = Mesh(triangles(), np.full(478, 2))
    given = torch.from_numpy(moved) * size
    seen = (triangle_areas(torch.from_numpy(still)[None] * size) > MIN_AREA).expand(3, -1)
    expected = rasterize(given, torch.from_numpy(triangles()), seen, size).numpy()
    assert (expected >= 0).any()
    assert (mesh.shown(moved, still, size) == expected).mean() > 0.9995  # rounding decides on edges
    planes = mesh.rasters(moved, size).sum(1)
    assert np.allclose(
        planes.clip(max=1), face_rasters(torch.from_numpy(moved), size).sum(1).numpy().clip(max=1), atol=1e-4
    )
