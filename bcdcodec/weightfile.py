"""Weights files: which one a stream means and what it holds, without torch. In: a model id. Out: a checked path and
config.

A weights file is safetensors: tensors `bcd.*`, `vae.*` (float16), `tables.*` (int32), and the model's configuration as
JSON under the metadata key `config`. Its id is the first 16 bytes of the SHA-256 of the whole file.
"""

import hashlib
import json
import os
import struct
from dataclasses import dataclass
from pathlib import Path

from bcdcodec.config import ModelConfig
from bcdcodec.errors import WeightsError

MODEL_ID_BYTES = 16
#: Name of the weights that `bcd encode` uses when none are named.
DEFAULT_NAME = "face"
_HEADER_LIMIT = 16 << 20
_BUNDLED = Path(__file__).parent / "weights"


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """A weights file whose hash has been taken: `model_id` is what streams name it by."""

    path: Path
    model_id: bytes
    config: ModelConfig


def search_folders() -> list[Path]:
    """Where weights are looked for, in order: $BCD_WEIGHTS, the package, the user's cache."""
    named = os.environ.get("BCD_WEIGHTS")
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "bcdcodec"
    return [*([Path(named)] if named else []), _BUNDLED, cache]


def open_weights(path: Path) -> WeightsFile:
    """Hash a weights file and read its configuration; WeightsError if it is not one."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
            file.seek(0)
            (length,) = struct.unpack("<Q", file.read(8).ljust(8, b"\0"))
            if not 2 <= length <= _HEADER_LIMIT:
                raise WeightsError(f"{path}: header of {length} bytes, allowed are 2 to {_HEADER_LIMIT}")
            header = json.loads(file.read(length))
        text = header["__metadata__"]["config"]
    except OSError as error:
        raise WeightsError(f"cannot read weights {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{path} is not a bcdcodec weights file") from error
    return WeightsFile(path, digest[:MODEL_ID_BYTES], ModelConfig.from_json(text))


def find_weights(named: str | Path = DEFAULT_NAME) -> WeightsFile:
    """Weights by path, or by name (`face` means the file `face*.safetensors` of the first folder that has one)."""
    path = Path(named)
    if path.suffix == ".safetensors" or len(path.parts) > 1:
        return open_weights(path)
    for folder in search_folders():
        found = sorted(folder.glob(f"{named}*.safetensors"))
        if found:
            return open_weights(found[0])
    raise WeightsError(f"no weights named {named!r} in {_folders_text()}")


def weights_of_stream(model_id: bytes) -> WeightsFile:
    """The weights that wrote a stream, by the id in its header."""
    for folder in search_folders():
        for path in sorted(folder.glob("*.safetensors")):
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").digest()[:MODEL_ID_BYTES]
            if found == model_id:
                return open_weights(path)
    raise WeightsError(f"the stream needs weights {model_id.hex()}, which are not in {_folders_text()}")


def _folders_text() -> str:
    return ", ".join(str(folder) for folder in search_folders())
