"""Processes that share a training run, by Accelerate.

    torchrun --nproc-per-node 8 --no-python bcd train codec ...

starts the same command several times (on several machines with `--nnodes`); each process takes its rows of every batch,
and gradients are averaged. Started alone, a command is its own only process. Lightning Fabric would do likewise, with a
launcher of its own and four packages more.
"""

from datetime import timedelta

import torch

from bcdcodec.errors import ConfigError, MissingExtraError, install_command
from bcdcodec.model.device import choose_device

try:
    from accelerate import Accelerator
    from accelerate.utils import DistributedDataParallelKwargs, InitProcessGroupKwargs
except ImportError as error:
    raise MissingExtraError(f"training needs accelerate: {install_command('train')}") from error

#: Barrier timeout: the others wait while the first process prepares the data.
BARRIER_TIMEOUT = timedelta(hours=12)


def init_distributed(*, batch: int) -> Accelerator:
    """Join the processes of the launcher, for batches of `batch` rows. ConfigError with fewer rows than processes."""
    # A GPT-2 with vectors as input never uses its word embedding.
    unused = DistributedDataParallelKwargs(find_unused_parameters=True)
    workers = Accelerator(
        cpu=not torch.accelerator.is_available(),  # else the processes of a launcher would not form a group
        kwargs_handlers=[unused, InitProcessGroupKwargs(timeout=BARRIER_TIMEOUT)],
    )
    if batch < workers.num_processes:
        raise ConfigError(f"a batch of {batch} cannot be shared by {workers.num_processes} processes")
    return workers


def device_of_run(workers: Accelerator, name: str) -> torch.device:
    """The device of this process among several, or of one alone the device of a name (`choose_device`)."""
    return workers.device if workers.num_processes > 1 else choose_device(name)


def own_rows(values: torch.Tensor, workers: Accelerator) -> torch.Tensor:
    """This process's rows of a batch [B, ...], on its device."""
    return values[workers.process_index :: workers.num_processes].to(workers.device)


def leave_workers() -> None:
    """Close the process group at the end of a command: its threads may abort a process that only exits."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
