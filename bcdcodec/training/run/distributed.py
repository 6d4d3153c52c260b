"""The processes that share a training run. In: what the launcher put into the environment. Out: an `Accelerator`.

    torchrun --nproc-per-node 8 --no-python bcd train-motion ...

starts the same command so many times (on several machines with `--nnodes`); each takes its rows of every batch, and
gradients are averaged. Accelerate finds the device, wraps the model and moves between one process and many; started
alone, a command is its own only worker. Lightning Fabric would do the same, with a launcher of its own and four
packages more.
"""

from datetime import timedelta

import torch

from bcdcodec.errors import ConfigError, MissingExtraError

try:
    from accelerate import Accelerator
    from accelerate.utils import DistributedDataParallelKwargs, InitProcessGroupKwargs
except ImportError as error:
    raise MissingExtraError("training needs accelerate: pip install 'bcdcodec[train]'") from error

#: Others wait so long while the first process prepares the data.
PATIENCE = timedelta(hours=12)


def init_distributed(*, batch: int) -> Accelerator:
    """This process among the workers of a run whose batches have so many rows. ConfigError with fewer rows than
    workers.
    """
    # A GPT-2 that is fed vectors never uses its table of words.
    unused = DistributedDataParallelKwargs(find_unused_parameters=True)
    workers = Accelerator(
        cpu=not torch.accelerator.is_available(),  # else the processes of a launcher would not be told of each other
        kwargs_handlers=[unused, InitProcessGroupKwargs(timeout=PATIENCE)],
    )
    if batch < workers.num_processes:
        raise ConfigError(f"a batch of {batch} cannot be shared by {workers.num_processes} processes")
    return workers


def own_rows(values: torch.Tensor, workers: Accelerator) -> torch.Tensor:
    """The rows of a batch [B, ...] that are this process's, on its device."""
    return values[workers.process_index :: workers.num_processes].to(workers.device)


def leave_workers() -> None:
    """At the end of a command: a process that only stops may abort, as threads of its still speak to the others."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
