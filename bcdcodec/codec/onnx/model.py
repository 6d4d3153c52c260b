"""A model's networks run by onnxruntime, without torch: what `bcd export onnx` wrote, for `Decoder` and `Encoder`."""

import hashlib
import importlib
import json
import os
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.records import CodingMode
from bcdcodec.codec.decode.settings import DecodeSettings
from bcdcodec.codec.onnx.backend import OnnxBackend
from bcdcodec.codec.onnx.encoder import OnnxEncoder
from bcdcodec.codec.onnx.folder import (
    ANALYZE,
    ANALYZE_LATENTS,
    CODEBOOK,
    COMPARE,
    COMPARE_ROUGH,
    CONTENT,
    DIGESTS,
    DISPLACE,
    MODEL_ID,
    MOTION,
    PAINT,
    PLANES,
    TABLES_FILE,
    TRIANGLES,
    WARP,
)
from bcdcodec.codec.onnx.mesh import Mesh
from bcdcodec.config import ModelConfig
from bcdcodec.entropy.motion import MotionCoder
from bcdcodec.entropy.predictor import Predictor
from bcdcodec.entropy.tables import LANDMARKS, Tables
from bcdcodec.errors import MissingExtraError, WeightsError, install_command
from bcdcodec.weightfile import MODEL_ID_BYTES, read_tensors, search_folders

#: Largest file of a graph that is read, in bytes.
MAX_GRAPH_BYTES = 1 << 28


class Graph(Protocol):
    """A graph that onnxruntime has loaded."""

    def run(self, names: None, values: dict[str, NDArray[Any]], /) -> list[NDArray[Any]]: ...


@dataclass(frozen=True, eq=False)
class OnnxModel:
    """A model of faces whose networks onnxruntime runs on the processor. It is only read; threads may share it.

    path: of its tables; codebook: float32 [G, E, D]; graphs: of the decoder, by name; digests: of all graphs that were
    exported; threads: as of `load`.
    """

    path: Path
    model_id: bytes
    config: ModelConfig
    tables: Tables
    predictor: Predictor | None
    codebook: NDArray[np.float32]
    mesh: Mesh
    graphs: dict[str, Graph]
    digests: dict[str, str]
    threads: int | None

    @classmethod
    def load(cls, folder: Path | str, *, threads: int | None = None) -> "OnnxModel":
        """Load the folder of `bcd export onnx`. threads: of the networks, None for $OMP_NUM_THREADS or as many as
        there are cores. WeightsError for another folder, MissingExtraError without onnxruntime.
        """
        path = Path(folder) / TABLES_FILE
        metadata = _metadata(path)
        try:
            model_id, digests = bytes.fromhex(metadata[MODEL_ID]), json.loads(metadata[DIGESTS])
            config = ModelConfig.from_json(metadata["config"])
        except (KeyError, ValueError) as error:
            raise WeightsError(f"{path} is no exported decoder: {error}") from error
        if len(model_id) != MODEL_ID_BYTES or not isinstance(digests, dict):
            raise WeightsError(
                f"{path} has an id of {len(model_id)} bytes, needs {MODEL_ID_BYTES}, and a list of graphs"
            )
        tables, quantizer = Tables.from_file(path), config.quantizer
        if tables.motion.shape != (quantizer.groups, quantizer.entries) or tables.landmarks is None:
            raise WeightsError(f"{path}: motion table is {tables.motion.shape}, its model needs another shape")
        names = {CONTENT, MOTION, WARP} | ({PAINT} if config.picture_denoiser is not None else set())
        graphs = {name: _load_graph(Path(folder) / f"{name}.onnx", digests.get(name), threads) for name in names}
        codebook = _tensor(path, CODEBOOK, np.float32, (quantizer.groups, quantizer.entries, quantizer.dims))
        return cls(
            path,
            model_id,
            config,
            tables,
            Predictor.of_table(path, tables.motion),
            codebook,
            _mesh(path),
            graphs,
            digests,
            threads,
        )

    @property
    def name(self) -> str:
        """Name of its folder, for messages."""
        return self.path.absolute().parent.name

    @property
    def follows_faces(self) -> bool:
        """Whether its pictures are crops around a face: such models alone are exported."""
        return True

    @property
    def frame_rate(self) -> Fraction:
        """Frame rate that the model was trained at, in frames per second."""
        return Fraction(*self.config.frame_rate)

    def coder(self, mode: CodingMode, groups: int | None = None) -> MotionCoder:
        """Coder of the first `groups` codebooks, None for all; BitstreamError where the weights lack its tensors."""
        return MotionCoder(mode, self.tables.motion, self.predictor).first(groups or self.config.quantizer.groups)

    def vectors(self, codes: NDArray[np.int64]) -> NDArray[np.float32]:
        """Code vectors [n, G*D] of codes [n, g], zero in the groups after the first g."""
        groups = codes.shape[1]
        vectors = np.zeros((len(codes), self.codebook.shape[0], self.codebook.shape[2]), np.float32)
        vectors[:, :groups] = self.codebook[np.arange(groups), codes]
        return vectors.reshape(len(codes), -1)

    @cached_property
    def encoder_backend(self) -> OnnxEncoder:
        """The networks for encoders, which are loaded now. WeightsError where the decoder alone was exported."""
        names = [ANALYZE_LATENTS, DISPLACE, COMPARE, COMPARE_ROUGH]
        folder = self.path.parent
        if not self.digests.keys() >= {*names}:
            raise WeightsError(f"{folder} has a decoder alone, `bcd export onnx` writes the encoder beside it")
        names += [ANALYZE] if ANALYZE in self.digests else []
        graphs = {name: _load_graph(folder / f"{name}.onnx", self.digests[name], self.threads) for name in names}
        return OnnxEncoder(self, graphs)

    def backend(self, header: StreamHeader, settings: DecodeSettings) -> OnnxBackend:
        """The networks for a decoder. ConfigError for replaced content, and for other sampling than one step from the
        warp without noise, or none.
        """
        return OnnxBackend(self, settings)


def exported_folder(model_id: bytes) -> Path:
    """The folder that weights of this id were exported to, in one of those that weights are searched in.

    WeightsError where there is none.
    """
    for folder in search_folders():
        for path in sorted(folder.glob(f"*/{TABLES_FILE}")):
            if _metadata(path).get(MODEL_ID) == model_id.hex():
                return path.parent
    searched = ", ".join(str(folder) for folder in search_folders())
    raise WeightsError(
        f"onnxruntime needs weights {model_id.hex()} as graphs, which are in no folder of {searched}; "
        "`bcd export onnx` writes one"
    )


def _metadata(path: Path) -> dict[str, str]:
    try:
        with safe_open(path, framework="numpy") as file:
            return file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"cannot read exported decoder {path}: {error}") from error


def _tensor(path: Path, name: str, kind: type[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    value = read_tensors(path, prefix=name).get("")
    if value is None or value.dtype != kind or value.shape != shape:
        found = "missing" if value is None else f"{value.dtype} {value.shape}"
        raise WeightsError(f"{name} of {path} is {found}, needs {np.dtype(kind)} {shape}")
    array: NDArray[Any] = value
    return array


def _mesh(path: Path) -> Mesh:
    triangles = read_tensors(path, prefix=TRIANGLES).get("")
    count = 0 if triangles is None or triangles.ndim != 2 else len(triangles)
    mesh = Mesh(_tensor(path, TRIANGLES, np.int64, (count, 3)), _tensor(path, PLANES, np.int64, (LANDMARKS,)))
    if not count or mesh.triangles.min() < 0 or mesh.triangles.max() >= LANDMARKS:
        raise WeightsError(f"{path} has {count} triangles, needs some, of the {LANDMARKS} landmarks of the mesh")
    if not 0 <= mesh.planes.min() <= mesh.planes.max() <= 2:
        raise WeightsError(f"{path} has planes up to {mesh.planes.max()}, allowed are 0 to 2")
    return mesh


def _load_graph(path: Path, digest: Any, threads: int | None) -> Graph:
    try:
        runtime = importlib.import_module("onnxruntime")
    except ImportError as error:
        raise MissingExtraError(f"this needs onnxruntime: {install_command('light')}") from error
    try:
        size = path.stat().st_size
        if size > MAX_GRAPH_BYTES:
            raise WeightsError(f"{path} has {size} bytes, allowed are {MAX_GRAPH_BYTES}")
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"cannot read graph {path}: {error.strerror or error}") from error
    # A graph of bytes, not of a path, can name no file of external data.
    if hashlib.sha256(data).hexdigest() != digest:
        raise WeightsError(f"{path} is not the graph that was exported with {TABLES_FILE} beside it")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads or int(os.environ.get("OMP_NUM_THREADS", "0") or 0)
    options.log_severity_level = 3
    session: Graph = runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return session
