"""Gradients of a batch in parts, one after another: the memory of a part, the result of the whole batch.

    first pass, without gradients   every part's terms that the loss averages over the batch: assignments, counts
    second pass, part by part       loss and gradients, with those averages in the place of the part's own

A loss that was computed of each part alone would be another one: the entropy of the mean assignment of a few clips is
lower than that of many. The first pass leaves warper and denoiser out, which take nearly all of the time.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from bcdcodec.config import ModelConfig
from bcdcodec.errors import ConfigError
from bcdcodec.training.data.sampler import CrossDrivenBatch
from bcdcodec.training.objective.losses import LossReport
from bcdcodec.training.run.sharding import ProcessShard


class BatchTerms:
    """Terms of a loss that are means over a batch, in the order in which the loss asks for them."""

    def __init__(self) -> None:
        self.known = False
        self._values: list[Tensor] = []
        self._next = 0

    def begin_part(self) -> None:
        """Start with the first term again."""
        self._next = 0

    def average(self, value: Tensor) -> Tensor:
        """Add a part's value in the first pass; in the second return the mean, with the gradient of the part's value.

        The loss of every part depends on the mean alike, so a part's value takes the gradient of the whole mean.
        """
        index, self._next = self._next, self._next + 1
        if self.known:
            return self._values[index] + (value - value.detach())
        if index == len(self._values):
            self._values.append(value.detach().clone())
        else:
            self._values[index] += value.detach()
        return value

    def finish(self, parts: int, share: ProcessShard) -> None:
        """End the first pass: sums become means over the parts of all processes."""
        self._values = [share.average(value / parts) for value in self._values]
        self.known = True


@dataclass(frozen=True, slots=True)
class BatchPart(ProcessShard):
    """A part of one process's rows: index and count are those of all parts of all processes."""

    terms: BatchTerms = field(default_factory=BatchTerms)

    @property
    def measuring(self) -> bool:
        """Whether this is the first pass."""
        return not self.terms.known

    def average(self, value: Tensor) -> Tensor:
        """Mean of a tensor over all parts, known in the second pass; differentiable."""
        return self.terms.average(value)

    def logged(self, value: Tensor) -> Tensor:
        """The number of this part; `accumulate_gradients` averages them."""
        return value.detach()


def check_accumulation(config: ModelConfig, parts: int) -> None:
    """ConfigError for parts of a batch whose moments the loss of every clip depends on in a way of its own."""
    if parts > 1 and config.quantizer.input_std is not None:
        raise ConfigError(
            f"batches of preset {config.name} cannot be accumulated: its motion is standardised over whole batches"
        )


def accumulate_gradients(
    loss: Callable[[CrossDrivenBatch, ProcessShard], LossReport],
    batch: CrossDrivenBatch,
    share: ProcessShard,
    parts: int,
) -> LossReport:
    """Add the gradients of one process's rows, in `parts` parts of equal size, and return the report of the batch.

    loss: of some rows, for the shard that says which; called twice a part it must return the same. batch: this
    process's rows, as `share` says.
    """
    if parts == 1:
        report = loss(batch, share)
        report.total.backward()  # type: ignore[no-untyped-call]
        return report
    terms = BatchTerms()
    pieces = [
        (batch.clips(slice(part, None, parts)), BatchPart(share.index + part * share.count, share.count * parts, terms))
        for part in range(parts)
    ]
    with torch.no_grad():
        for rows, piece in pieces:
            terms.begin_part()
            loss(rows, piece)
    terms.finish(parts, share)
    reports = []
    for rows, piece in pieces:
        terms.begin_part()
        report = loss(rows, piece)
        (report.total / parts).backward()  # type: ignore[no-untyped-call]
        reports.append(replace(report, total=report.total.detach()))
    means = {
        name: share.average(torch.stack([getattr(report, name) for report in reports]).mean(0))
        for name in ("total", "denoising", "warping", "error")
    }
    return replace(reports[0], **means)
