"""Weights files of motion models.

A file is safetensors, float16. Its metadata key `motion` holds, as JSON, the network's configuration and the id of the
codec model: codes have a meaning only with that model, so a network for other codes is refused. Its own id is the first
16 bytes of the SHA-256 of the file, as with the codec's weights.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file

from bcdcodec.errors import WeightsError
from bcdcodec.model.tensors import halved, save_tensors, widened
from bcdcodec.motion.config import MotionConfig
from bcdcodec.motion.model import MotionGpt
from bcdcodec.weightfile import MODEL_ID_BYTES, search_folders

#: Metadata key of motion weights.
METADATA = "motion"
#: Prefix of the names of motion weights files.
FILE_STEM = "motion"


@dataclass(frozen=True, slots=True)
class MotionFile:
    """A motion weights file. motion_id: of the file itself; codec_id: of the codec model whose codes it is for."""

    path: Path
    motion_id: bytes
    codec_id: bytes
    config: MotionConfig


def save_motion(path: Path, gpt: MotionGpt, *, codec_id: bytes) -> None:
    """Write a whole weights file."""
    about = json.dumps({"codec": codec_id.hex(), "config": gpt.config.to_json()})
    # One key: the library writes several in arbitrary order, and equal weights should give equal bytes.
    save_tensors(path, halved(gpt.state_dict()), metadata={METADATA: about})


def open_motion(path: Path) -> MotionFile:
    """Hash a motion weights file and read its metadata; WeightsError if it is not one."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
        with safe_open(path, framework="pt") as tensors:
            about = json.loads((tensors.metadata() or {})[METADATA])
        codec_id, text = bytes.fromhex(about["codec"]), str(about["config"])
    except OSError as error:
        raise WeightsError(f"cannot read motion weights {path}: {error.strerror or error}") from error
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise WeightsError(f"{path} is not a motion weights file") from error
    return MotionFile(path, digest[:MODEL_ID_BYTES], codec_id, MotionConfig.from_json(text))


def find_motion(codec_id: bytes) -> MotionFile:
    """Find the motion model for a codec model in the weights folders; WeightsError where there is none."""
    folders = search_folders()
    for folder in folders:
        for path in sorted(folder.glob(f"{FILE_STEM}*.safetensors")):
            file = open_motion(path)
            if file.codec_id == codec_id:
                return file
    searched = ", ".join(str(folder) for folder in folders)
    raise WeightsError(
        f"no {FILE_STEM}*.safetensors for codes of model {codec_id.hex()} in {searched}; `bcd train motion` makes one"
    )


def load_motion(file: MotionFile, *, codec_id: bytes, device: torch.device) -> MotionGpt:
    """Load the network in evaluation mode, float32; WeightsError if it is for other codes or does not fit its file."""
    if file.codec_id != codec_id:
        raise WeightsError(
            f"{file.path} is for codes of model {file.codec_id.hex()}, these are of model {codec_id.hex()}"
        )
    gpt = MotionGpt(file.config)
    try:
        gpt.load_state_dict(widened(load_file(file.path)))
    except (RuntimeError, SafetensorError) as error:
        raise WeightsError(f"{file.path} does not fit its own configuration: {str(error).splitlines()[0]}") from error
    return gpt.eval().requires_grad_(False).to(device)
