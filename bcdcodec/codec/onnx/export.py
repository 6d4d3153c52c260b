"""A decoder as a folder that is read without torch: graphs of its networks, and its tables (codec/onnx/model.py)."""

import hashlib
import importlib.util
import json
from pathlib import Path

import numpy as np
import torch

from bcdcodec.atomic import replacing
from bcdcodec.codec.onnx.folder import CODEBOOK, DIGESTS, MODEL_ID, PLANES, TABLES_FILE, TRIANGLES
from bcdcodec.entropy.predictor import PREFIX as CONTEXT_PREFIX
from bcdcodec.entropy.tables import PREFIX as TABLES_PREFIX
from bcdcodec.errors import MissingExtraError, install_command
from bcdcodec.model.graphs import export_graphs
from bcdcodec.model.guides import EYES, LIPS
from bcdcodec.model.mesh_flow import MESH_LANDMARKS, triangles
from bcdcodec.model.tensors import save_tensors
from bcdcodec.model.weights import load_networks
from bcdcodec.weightfile import WeightsFile, read_tensors


def export_decoder(weights: WeightsFile, folder: Path) -> None:
    """Write the decoder of weights into a folder that exists. ConfigError for weights that do not decode faces by a
    denoiser of pictures or the warp alone, WeightsError where they cannot be read,
    MissingExtraError without onnx.
    """
    if importlib.util.find_spec("onnx") is None:
        raise MissingExtraError(f"writing graphs needs onnx: {install_command('onnx')}")
    networks = load_networks(weights, torch.device("cpu"))
    digests = dict[str, str]()
    for name, graph in export_graphs(networks, weights.config).items():
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
