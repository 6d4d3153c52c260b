"""A folder that any web server shows as a player: the page, a weights file as graphs and tables, and onnxruntime-web.

index.html, *.js        the page: reads streams, decodes their stills and sound by WebCodecs, and plays
model/                  the decoder of the weights (codec/onnx/export.py)
ort/                    onnxruntime-web, which the page loads by relative addresses
"""

import shutil
from importlib import resources
from pathlib import Path

from bcdcodec.atomic import new_folder
from bcdcodec.codec.onnx.export import export_decoder
from bcdcodec.errors import ConfigError
from bcdcodec.weightfile import WeightsFile

#: Files of onnxruntime-web that the page needs: its smallest build, for processors.
RUNTIME = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")


def export_page(folder: Path, weights: WeightsFile, *, runtime: Path) -> None:
    """Write the page of a model of faces into a new folder.

    runtime: folder `dist` of the npm package onnxruntime-web. ConfigError where the folder is there already or that of
    the runtime lacks a file, and for a model whose pictures the page cannot make: without a denoiser of pictures, or
    with other sampling than one step without noise.
    """
    if folder.exists():
        raise ConfigError(f"{folder} is there already, the page needs a new folder")
    missing = [name for name in RUNTIME if not (runtime / name).is_file()]
    if missing:
        raise ConfigError(f"{runtime} has no {', '.join(missing)}; needed is `dist` of the npm package onnxruntime-web")
    sampling = weights.config.sampling["standard"]
    if weights.config.picture_denoiser is None or sampling.steps != 1 or sampling.noise:
        raise ConfigError(f"{weights.path} does not paint pictures in one step without noise, as the page does")
    with new_folder(folder) as new:
        for entry in resources.files("bcdcodec").joinpath("web", "page").iterdir():
            (new / entry.name).write_bytes(entry.read_bytes())
        for name in ("ort", "model"):
            (new / name).mkdir()
        for name in RUNTIME:
            shutil.copyfile(runtime / name, new / "ort" / name)
        export_decoder(weights, new / "model")
