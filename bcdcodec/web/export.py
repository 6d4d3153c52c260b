"""A folder that any web server shows as a player: the page, a weights file as graphs and tables, and onnxruntime-web.

index.html, *.js        the page: reads streams, decodes their stills by WebCodecs, and plays
model/                  graphs (model/graphs.py), tables of entropy coding, codebooks, triangles, model.json
ort/                    onnxruntime-web, which the page loads by relative addresses
"""

import json
import shutil
from importlib import resources
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import save_file

from bcdcodec.atomic import new_folder
from bcdcodec.config import SamplingConfig
from bcdcodec.errors import ConfigError
from bcdcodec.model.graphs import export_graphs
from bcdcodec.model.guides import EYES, LIPS
from bcdcodec.model.landmarks import ABSENT
from bcdcodec.model.mesh_flow import MESH_LANDMARKS, triangles
from bcdcodec.model.weights import Networks, load_networks
from bcdcodec.weightfile import WeightsFile

#: Files of onnxruntime-web that the page needs: its smallest build, for processors.
RUNTIME = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
#: Tensors of a weights file that readers of streams need.
TABLES = ("tables.", "context.")


def export_page(folder: Path, weights: WeightsFile, *, runtime: Path) -> None:
    """Write the page of a model of faces into a new folder.

    runtime: folder `dist` of the npm package onnxruntime-web. ConfigError where that lacks a file, for a model without
    a denoiser of pictures, whose pictures the page cannot make, or of another kind than faces.
    """
    missing = [name for name in RUNTIME if not (runtime / name).is_file()]
    if missing:
        raise ConfigError(
            f"{runtime} has no {', '.join(missing)}; it needs to be `dist` of the npm package onnxruntime-web"
        )
    sampling = weights.config.sampling["standard"]
    if weights.config.picture_denoiser is None or sampling.steps != 1 or sampling.noise:
        raise ConfigError(f"{weights.path} does not paint pictures in one step without noise, as the page does")
    with new_folder(folder) as new:
        for entry in resources.files("bcdcodec").joinpath("web", "page").iterdir():
            (new / entry.name).write_bytes(entry.read_bytes())
        (new / "ort").mkdir()
        for name in RUNTIME:
            shutil.copyfile(runtime / name, new / "ort" / name)
        (new / "model").mkdir()
        _export_model(new / "model", weights, sampling)


def _export_model(folder: Path, weights: WeightsFile, sampling: SamplingConfig) -> None:
    networks = load_networks(weights, torch.device("cpu"))
    export_graphs(folder, networks, weights.config)
    _save_tables(folder / "tables.safetensors", weights, networks)
    facts = {
        "id": weights.model_id.hex(),
        "pixels": weights.config.pixels,
        "landmarks": MESH_LANDMARKS,
        "absent": ABSENT,
        "lips": LIPS,
        "eyes": EYES,
        "sigma": sampling.sigma_max,
        "share": 1 - sampling.sigma_end / sampling.sigma_max,
    }
    (folder / "model.json").write_text(json.dumps(facts) + "\n", encoding="utf-8")


def _save_tables(path: Path, weights: WeightsFile, networks: Networks) -> None:
    with safe_open(weights.path, "np") as file:
        tables = {name: file.get_tensor(name) for name in file.keys() if name.startswith(TABLES)}  # noqa: SIM118
    tables["codebook"] = networks.bcd.quantizer.codebook.detach().numpy().astype(np.float32)
    tables["triangles"] = triangles().astype(np.int32)
    save_file(tables, path)
