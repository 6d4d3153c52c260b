"""A model as a folder that is read without torch: graphs of its networks, and its tables (codec/onnx/model.py)."""

import hashlib
import importlib.util
import json
from pathlib import Path

import numpy as np
import torch

from bcdcodec.atomic import replacing
from bcdcodec.codec.encode.backend import SHRINK
from bcdcodec.codec.onnx.folder import CODEBOOK, DIGESTS, MODEL_ID, PLANES, TABLES_FILE, TRIANGLES
from bcdcodec.entropy.predictor import PREFIX as CONTEXT_PREFIX
from bcdcodec.entropy.tables import PREFIX as TABLES_PREFIX
from bcdcodec.errors import MissingExtraError, install_command
from bcdcodec.model.encoder_graphs import export_encoder_graphs
from bcdcodec.model.graphs import export_graphs
from bcdcodec.model.guides import EYES, LIPS
from bcdcodec.model.mesh_flow import MESH_LANDMARKS
from bcdcodec.model.tensors import save_tensors
from bcdcodec.model.triangles import triangles
from bcdcodec.model.weights import Networks, load_networks
from bcdcodec.weightfile import WeightsFile, read_tensors


def export_decoder(weights: WeightsFile, folder: Path) -> None:
    """Write the decoder of weights into a folder that exists. ConfigError for weights that do not decode faces by a
    denoiser of pictures or the warp alone, WeightsError where they cannot be read, MissingExtraError without onnx.
    """
    networks = _load(weights)
    _write(weights, folder, networks, export_graphs(networks, weights.config))


def export_codec(weights: WeightsFile, folder: Path) -> None:
    """Write decoder and encoder, as `export_decoder` does the first."""
    networks = _load(weights)
    graphs = export_graphs(networks, weights.config)
    graphs |= export_encoder_graphs(networks, weights.config, shrink=SHRINK)
    _write(weights, folder, networks, graphs)


def _load(weights: WeightsFile) -> Networks:
    if importlib.util.find_spec("onnx") is None:
        raise MissingExtraError(f"writing graphs needs onnx: {install_command('onnx')}")
    return load_networks(weights, torch.device("cpu"))


def _write(weights: WeightsFile, folder: Path, networks: Networks, graphs: dict[str, bytes]) -> None:
    digests = dict[str, str]()
    for name, graph in graphs.items():
        digests[name] = hashlib.sha256(graph).hexdigest()
        with replacing(folder / f"{name}.onnx") as partial:
            partial.write_bytes(graph)
    tensors: dict[str, torch.Tensor] = {}
    for prefix in (TABLES_PREFIX, CONTEXT_PREFIX):
        tensors |= {prefix + name: value for name, value in _verbatim(weights.path, prefix).items()}
    planes = np.full(MESH_LANDMARKS, 2, np.int64)
    planes[list(LIPS)], planes[list(EYES)] = 0, 1
    tensors[CODEBOOK] = networks.bcd.quantizer.codebook.detach()
    tensors |= {TRIANGLES: torch.from_numpy(triangles().copy()), PLANES: torch.from_numpy(planes)}
    metadata = {"config": weights.config.to_json(), MODEL_ID: weights.model_id.hex(), DIGESTS: json.dumps(digests)}
    save_tensors(folder / TABLES_FILE, tensors, metadata=metadata)


def _verbatim(path: Path, prefix: str) -> dict[str, torch.Tensor]:
    return read_tensors(path, prefix=prefix, framework="pt")
