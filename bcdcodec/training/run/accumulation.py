"""Gradients of a batch in parts, one after another: the memory of a part, the result of the whole batch.

    measuring   every part's terms that the loss averages over the batch: moments, assignments, counts; their means M
    loss        part by part, with the means in the place of the part's own; gradients of the weights and of M
    terms       every part's terms once more, whose gradients are those of M

A loss that was computed of each part alone would be another one: the entropy of the mean assignment of a few clips is
lower than that of many. Terms come from the encoder; warper and denoiser, which take nearly all of the time, run in the
second pass alone.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from bcdcodec.training.data.batch import CrossDrivenBatch
from bcdcodec.training.objective.losses import LossReport
from bcdcodec.training.run.sharding import ProcessShard


class BatchTerms:
    """Terms of a loss that are means over a batch, in the order in which the loss asks for them."""

    def __init__(self) -> None:
        self.measuring = True
        self._means: list[Tensor] = []
        self._parts: list[list[Tensor]] = []
        self._next = 0

    def begin_part(self) -> None:
        """Start with the first term again."""
        self._next = 0

    def average(self, value: Tensor) -> Tensor:
        """Keep a part's value, and return the mean where it is known, else the value."""
        index, self._next = self._next, self._next + 1
        if self.measuring:
            if index == len(self._parts):
                self._parts.append([])
            self._parts[index].append(value)
        return self._means[index] if index < len(self._means) else value

    def settle(self, share: ProcessShard, count: int | None = None) -> None:
        """Make means of the first `count` terms, or of all, over the parts of all processes; forget the others."""
        for values in self._parts[len(self._means) : count]:
            mean = share.average(torch.stack(values).mean(0))
            self._means.append(mean.requires_grad_(mean.is_floating_point()))
        self.forget()

    def forget(self) -> None:
        """Forget the values of all parts."""
        self._parts = []

    def gradients(self, share: ProcessShard, rows: slice) -> list[Tensor | None]:
        """Gradients of some of the means over all processes, None where nothing depends on one."""
        return [None if mean.grad is None else share.average(mean.grad.clone()) for mean in self._means[rows]]

    def pulled(self, gradients: list[Tensor | None], rows: slice) -> Tensor | None:
        """Sum of the products of a part's terms with gradients of their means; None where no term has a gradient."""
        products = [
            (values[-1] * gradient).sum()
            for values, gradient in zip(self._parts[rows], gradients, strict=True)
            if gradient is not None and values[-1].requires_grad
        ]
        return sum(products[1:], products[0]) if products else None


@dataclass(frozen=True, slots=True)
class BatchPart(ProcessShard):
    """A part of one process's rows: index and count are those of all parts of all processes."""

    terms: BatchTerms = field(default_factory=BatchTerms)

    @property
    def measuring(self) -> bool:
        """Whether this is a pass for terms alone."""
        return self.terms.measuring

    def average(self, value: Tensor) -> Tensor:
        """Mean of a tensor over all parts where it is known; its gradient goes to the mean."""
        return self.terms.average(value)

    def logged(self, value: Tensor) -> Tensor:
        """The number of this part; `accumulate_gradients` averages them."""
        return value.detach()


#: Terms that are measured together, each group with the means of those before: motion's mean, its variance, the rest.
TERM_GROUPS = (slice(0, 1), slice(1, 2), slice(2, None))


def accumulate_gradients(
    model: nn.Module,
    loss: Callable[[CrossDrivenBatch, ProcessShard], LossReport],
    batch: CrossDrivenBatch,
    share: ProcessShard,
    parts: int,
) -> LossReport:
    """Add the gradients of one process's rows, in `parts` parts of equal size, and return the report of the batch.

    loss: of some rows, for the shard that says which; called again it must return the same. Buffers of the model change
    as by one call. batch: this process's rows, as `share` says.
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
    before = [buffer.clone() for buffer in model.buffers()]
    with torch.no_grad():
        for group in TERM_GROUPS:
            for rows, piece in pieces:
                terms.begin_part()
                loss(rows, piece)
            terms.settle(share, group.stop)
    terms.measuring = False
    reports = []
    for rows, piece in pieces:
        terms.begin_part()
        _restore(model, before)
        report = loss(rows, piece)
        (report.total / parts).backward()  # type: ignore[no-untyped-call]
        reports.append(replace(report, total=report.total.detach()))
    after = [buffer.clone() for buffer in model.buffers()]
    terms.measuring = True
    for group in reversed(TERM_GROUPS):  # what depends on other means adds to their gradients first
        gradients = terms.gradients(share, group)
        for rows, piece in pieces:
            terms.begin_part()
            loss(rows, piece)
            pulled = terms.pulled(gradients, group)
            if pulled is not None:
                (pulled / parts).backward()  # type: ignore[no-untyped-call]
            terms.forget()
    _restore(model, after)
    means = {
        name: share.average(torch.stack([getattr(report, name) for report in reports]).mean(0))
        for name in ("total", "denoising", "warping", "error")
    }
    return replace(reports[0], **means)


@torch.no_grad()
def _restore(model: nn.Module, buffers: list[Tensor]) -> None:
    for buffer, value in zip(model.buffers(), buffers, strict=True):
        buffer.copy_(value)
