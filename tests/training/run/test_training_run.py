"""A run folder: its configuration, its checkpoint, when something is due."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest
import torch
from torch import nn

from bcdcodec.errors import ConfigError
from bcdcodec.training.run.distributed import init_distributed
from bcdcodec.training.run.training_run import TrainingRun


@dataclass(frozen=True)
class Width:
    """A configuration."""

    width: int

    @classmethod
    def from_json(cls, text: str) -> Self:
        return cls(int(text))

    def to_json(self) -> str:
        return str(self.width)


def start(folder: Path, width: int = 3) -> tuple[TrainingRun[nn.Sequential], nn.Sequential, torch.optim.Optimizer]:
    run: TrainingRun[nn.Sequential] = TrainingRun(folder, Width(width), updates=10, workers=init_distributed(batch=1))
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(width, 1), nn.Linear(1, 1))
    optimizer = torch.optim.AdamW(model.parameters(), 0.1)
    run.resume(model, optimizer)
    return run, model, optimizer


def test_a_run_resumes_with_its_average(tmp_path: Path) -> None:
    run, model, optimizer = start(tmp_path / "run")
    assert run.is_main and run.first_step == 0
    model(torch.ones(2, 3)).sum().backward()
    optimizer.step()
    before = {name: value.clone() for name, value in run.average.state_dict().items()}
    run.update_average(0, "1")
    changed = {name for name, value in run.average.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"1.weight", "1.bias"}
    run.update_average(0)
    run.save(4)
    again, model_again, _ = start(tmp_path / "run")
    assert again.first_step == 4
    for found, wanted in ((model_again, model), (again.average, run.average)):
        assert all(torch.equal(value, wanted.state_dict()[name]) for name, value in found.state_dict().items())


def test_another_configuration_is_refused(tmp_path: Path) -> None:
    start(tmp_path)
    with pytest.raises(ConfigError, match="is a run of another configuration; take a new folder"):
        start(tmp_path, width=4)


def test_the_last_update_is_always_due(tmp_path: Path) -> None:
    run, _, _ = start(tmp_path)
    assert [done for done in range(1, 11) if run.due(done, 4)] == [4, 8, 10]


@pytest.mark.parametrize(("decay", "moved"), [(0.0, 1.0), (0.5, 0.5)])
def test_the_average_is_as_long_as_configured(tmp_path: Path, decay: float, moved: float) -> None:
    """With a decay of 0 it is the weights themselves."""
    workers = init_distributed(batch=1)
    run: TrainingRun[nn.Linear] = TrainingRun(tmp_path, Width(1), updates=10, workers=workers, average_decay=decay)
    model = nn.Linear(1, 1)
    run.resume(model, torch.optim.AdamW(model.parameters(), 0.1))
    before = run.average.weight.item()
    with torch.no_grad():
        model.weight.add_(1.0)
    run.update_average(1000)
    assert run.average.weight.item() == pytest.approx(before + moved)
