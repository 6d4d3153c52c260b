"""Checkpoints of a run: model, moving average and optimiser as one safetensors file.

Batches, noise and schedules are functions of (seed, step), so no generator state is saved.
"""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from bcdcodec.errors import WeightsError
from bcdcodec.model.tensors import save_tensors


def save_checkpoint(
    path: Path,
    *,
    step: int,
    model: nn.Module,
    average: nn.Module,
    optimizer: torch.optim.Optimizer,
    minutes: float | None = None,
) -> None:
    """Write a whole file: a killed run leaves the previous checkpoint. minutes: done, of a run with such a budget."""
    tensors: dict[str, Tensor] = {}
    for prefix, module in (("model", model), ("average", average)):
        tensors |= {f"{prefix}.{name}": value.clone() for name, value in module.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value.clone() for name, value in state.items()}
    about = {"step": step} if minutes is None else {"step": step, "minutes": minutes}
    save_tensors(path, tensors, metadata={"checkpoint": json.dumps(about)})


def load_checkpoint(path: Path, *, model: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer) -> int:
    """Restore everything in place and return the number of updates done."""
    tensors, step = _read(path)
    for prefix, module in (("model.", model), ("average.", average)):
        _fill(module, _part(tensors, prefix), path)
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in _part(tensors, "optimizer.").items():
        index, field = name.split(".")
        state.setdefault(int(index), {})[field] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return step


def save_average(path: Path, *, step: int, average: nn.Module, error: float) -> None:
    """Write the moving average alone, for `load_average`. error: what it was chosen by."""
    tensors = {f"average.{name}": value.clone() for name, value in average.state_dict().items()}
    save_tensors(path, tensors, metadata={"checkpoint": json.dumps({"step": step, "error": error})})


def average_error(path: Path) -> float:
    """The error that a moving average of `save_average` was chosen by. Raises WeightsError."""
    try:
        return float(_about(path)["error"])
    except (SafetensorError, KeyError, ValueError) as error:
        raise WeightsError(f"{path} is not the average of a run: {error}") from error


def checkpoint_minutes(path: Path) -> float:
    """Minutes done of a run with a budget of them."""
    return float(_about(path).get("minutes", 0.0))


def load_average(path: Path, module: nn.Module) -> int:
    """Restore the moving average alone, which is what ships; returns the number of updates done."""
    tensors, step = _read(path)
    _fill(module, _part(tensors, "average."), path)
    return step


def _fill(module: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        raise WeightsError(f"{path} is of another model: {str(error).splitlines()[0]}") from error


def _read(path: Path) -> tuple[dict[str, Tensor], int]:
    try:
        step = int(_about(path)["step"])
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, step  # noqa: SIM118 - not a dict
    except (SafetensorError, KeyError, ValueError) as error:
        raise WeightsError(f"{path} is not a checkpoint of this program: {error}") from error


def _about(path: Path) -> dict[str, float]:
    with safe_open(path, framework="pt") as file:
        about: dict[str, float] = json.loads(file.metadata()["checkpoint"])
    return about


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
