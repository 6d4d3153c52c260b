"""A training run on disk: configuration check, checkpoint, moving average and cadence, shared by all training loops.

RUN/config.json        configuration of the model; a run of another one is refused
RUN/last.safetensors   checkpoint: model, moving average, optimiser, and the updates done
RUN/best.safetensors   moving average of the least error on held-out people, in runs that have them
"""

import copy
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

import torch
from torch import nn

from bcdcodec.atomic import write_text
from bcdcodec.errors import ConfigError
from bcdcodec.training.run.checkpoint import load_checkpoint, save_checkpoint
from bcdcodec.training.run.ema import AVERAGE_DECAY, update_ema
from bcdcodec.training.run.sharding import ProcessShard

if TYPE_CHECKING:
    from accelerate import Accelerator

_log = logging.getLogger(__name__)
CHECKPOINT, BEST = "last.safetensors", "best.safetensors"


class RunConfig(Protocol):
    """A configuration that is compared by value and stored as JSON."""

    @classmethod
    def from_json(cls, text: str) -> Self: ...

    def to_json(self) -> str: ...


def check_run(folder: Path, config: RunConfig) -> Path:
    """The file of a run's configuration; ConfigError where it holds another one."""
    written = folder / "config.json"
    if written.exists() and type(config).from_json(written.read_text()) != config:
        raise ConfigError(f"{folder} is a run of another configuration; take a new folder")
    return written


Network = TypeVar("Network", bound=nn.Module)


class TrainingRun(Generic[Network]):
    """One process's view of a run folder.

    `resume` is called once the model and its optimiser exist, and gives `average` and `first_step`; then, for every
    update, `update_average` and, where they are due, reports and `save`.
    """

    average: Network
    first_step: int

    def __init__(
        self,
        folder: Path,
        config: RunConfig,
        *,
        updates: int,
        workers: "Accelerator",
        average_decay: float = AVERAGE_DECAY,
    ) -> None:
        """Create the folder, or check that it holds a run of the same configuration, else ConfigError."""
        self.folder, self.updates, self._workers, self._average_decay = folder, updates, workers, average_decay
        self.is_main = workers.is_main_process
        folder.mkdir(parents=True, exist_ok=True)
        written = check_run(folder, config)
        workers.wait_for_everyone()
        if self.is_main:
            write_text(written, config.to_json())

    def resume(self, model: Network, optimizer: torch.optim.Optimizer) -> None:
        """Start the moving average at the model's weights, and load the checkpoint where there is one.

        ConfigError where processes see different checkpoints.
        """
        self._model, self._optimizer = model, optimizer
        self.average, self.first_step = copy.deepcopy(model), 0
        checkpoint = self.folder / CHECKPOINT
        if checkpoint.exists():
            self.first_step = load_checkpoint(checkpoint, model=model, average=self.average, optimizer=optimizer)
            _log.info("resuming %s at step %d", self.folder, self.first_step)
        share = ProcessShard(self._workers.process_index, self._workers.num_processes)
        if not share.agrees(torch.tensor(float(self.first_step), device=self._workers.device)):
            raise ConfigError(
                f"processes see different checkpoints in {self.folder}; all machines must share that folder"
            )

    def update_average(self, step: int, *parts: str) -> None:
        """Move the average towards the model after update `step`: all of it, or the named submodules."""
        for part in parts or ("",):
            average, model = self.average.get_submodule(part), self._model.get_submodule(part)
            update_ema(average, model, step, self._average_decay)

    def due(self, done: int, every: int) -> bool:
        """Whether an action with this interval is due after `done` updates; after the last one every action is."""
        return done % every == 0 or done == self.updates

    def save(self, done: int) -> None:
        """Write the checkpoint after `done` updates."""
        path = self.folder / CHECKPOINT
        save_checkpoint(path, step=done, model=self._model, average=self.average, optimizer=self._optimizer)

    def finish(self) -> None:
        """Wait for all processes of the run."""
        self._workers.wait_for_everyone()
