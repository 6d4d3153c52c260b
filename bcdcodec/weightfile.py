"""Weights files: search by name or by the id in a stream, identification, and reading of their tensors.

A weights file is safetensors: tensors `bcd.*`, `vae.*` (float16), `tables.*` (int32) and `context.*` (int8, int16), and
the model's configuration as JSON under the metadata key `config`. Its id is the first 16 bytes of the SHA-256 of the
whole file.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from bcdcodec.config import ModelConfig
from bcdcodec.errors import WeightsError

MODEL_ID_BYTES = 16
#: Name of the weights that `bcd encode` uses when none are named.
DEFAULT_NAME = "face"
#: Former names of configuration keys and of modules, the leading parts of tensor names. Files that have them are never
#: rewritten, because their hash is the id in streams; their names are translated when they are read.
RENAMED_KEYS = {"anchor_blocks": "warp_blocks", "face_points": "landmarks"}
RENAMED_MODULES = {
    "bcd.anchor.": "bcd.warper.",
    "bcd.face_points.": "bcd.landmark_head.",
    "bcd.quantizer.standardise.": "bcd.quantizer.standardize.",
    "vae.standardise.": "vae.standardize.",
}
_BUNDLED = Path(__file__).parent / "weights"


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """An identified weights file. model_id: the id that streams carry, MODEL_ID_BYTES of the file's hash."""

    path: Path
    model_id: bytes
    config: ModelConfig


def search_folders() -> list[Path]:
    """Folders searched for weights, in order: $BCD_WEIGHTS, the package, the user's cache."""
    named = os.environ.get("BCD_WEIGHTS")
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "bcdcodec"
    return [*([Path(named)] if named else []), _BUNDLED, cache]


def open_weights(path: Path) -> WeightsFile:
    """Identify a weights file and read its configuration.

    WeightsError where it is no weights file, ConfigError where its configuration is invalid.
    """
    try:
        model_id = _read_id(path)
        with safe_open(path, framework="numpy") as file:
            text = (file.metadata() or {})["config"]
    except OSError as error:
        raise WeightsError(f"cannot read weights {path}: {error.strerror or error}") from error
    except (SafetensorError, KeyError) as error:
        raise WeightsError(f"{path} is not a bcdcodec weights file") from error
    return WeightsFile(path, model_id, ModelConfig.from_json(_with_current_keys(text)))


def read_tensors(path: Path | str, *, prefix: str, framework: str = "numpy") -> dict[str, Any]:
    """The tensors of a safetensors file whose names start with `prefix`, by their current names without it.

    framework: "numpy" or "pt" (torch), the kind of array returned. WeightsError where the file cannot be read.
    """
    try:
        with safe_open(str(path), framework=framework) as file:
            current = {name: _current_name(name) for name in file.keys()}  # noqa: SIM118 - safe_open is no mapping
            return {
                new.removeprefix(prefix): file.get_tensor(old) for old, new in current.items() if new.startswith(prefix)
            }
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"cannot read weights {path}: {error}") from error


def find_weights(named: str | Path = DEFAULT_NAME) -> WeightsFile:
    """Weights by path, or by name as of `find_file`."""
    return open_weights(find_file(named))


def is_path(named: Path) -> bool:
    """Whether a weights file is named by its path, not by a name to look up."""
    return named.suffix == ".safetensors" or len(named.parts) > 1


def find_file(named: str | Path) -> Path:
    """A path as it is, or a file by name: `face` is `face.safetensors`, or the last `face-v*.safetensors`, of the first
    folder that has one.

    WeightsError for a name that no folder has. The file need be no whole weights: an autoencoder may be all it holds.
    """
    path = Path(named)
    if is_path(path):
        return path
    for folder in search_folders():
        exact, versions = folder / f"{named}.safetensors", folder.glob(f"{named}-v*.safetensors")
        if exact.is_file():
            return exact
        if last := max(versions, key=lambda path: (len(path.name), path.name), default=None):
            return last
    raise WeightsError(f"no weights named {named!r} in {_folders_text()}")


def weights_of_stream(model_id: bytes) -> WeightsFile:
    """The weights that wrote a stream, by the id in its header; WeightsError where no folder has them."""
    for folder in search_folders():
        for path in sorted(folder.glob("*.safetensors")):
            if _read_id(path) == model_id:
                return open_weights(path)
    raise WeightsError(f"the stream needs weights {model_id.hex()}, which are not in {_folders_text()}")


def _read_id(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()[:MODEL_ID_BYTES]


def _with_current_keys(text: str) -> str:
    try:
        config = json.loads(text, object_pairs_hook=lambda pairs: {RENAMED_KEYS.get(k, k): v for k, v in pairs})
    except json.JSONDecodeError:
        return text  # ModelConfig.from_json reports it
    return json.dumps(config)


def _current_name(name: str) -> str:
    for old, new in RENAMED_MODULES.items():
        if name.startswith(old):
            return new + name.removeprefix(old)
    return name


def _folders_text() -> str:
    return ", ".join(str(folder) for folder in search_folders())
