"""What runs the networks of a command: torch, or onnxruntime from the folder of `bcd export onnx`."""

import argparse
import importlib.util
from functools import lru_cache
from typing import TYPE_CHECKING

from bcdcodec.errors import ConfigError

if TYPE_CHECKING:
    from bcdcodec.codec.onnx.model import OnnxModel

RUNTIMES = TORCH, ONNXRUNTIME = ("torch", "onnxruntime")


def add_runtime_option(parser: argparse.ArgumentParser) -> None:
    """Add --runtime."""
    parser.add_argument(
        "--runtime", choices=RUNTIMES, help="runs the networks; the second by bcd export (the first there)"
    )


def uses_torch(options: argparse.Namespace) -> bool:
    """Whether torch runs the networks: where it is named, or nothing is and it is installed.

    ConfigError for a device that onnxruntime does not compute on.
    """
    if (options.runtime or (TORCH if importlib.util.find_spec("torch") is not None else ONNXRUNTIME)) == TORCH:
        return True
    if options.device not in ("auto", "cpu"):
        raise ConfigError(f"--device is {options.device}, --runtime onnxruntime computes on the cpu")
    return False


@lru_cache(maxsize=1)
def loaded_export(folder: str) -> "OnnxModel":
    """The exported model of a task: that of the task before, where its folder is the same."""
    from bcdcodec.codec.onnx.model import OnnxModel

    return OnnxModel.load(folder)
