"""What a run costs: hours follow from operations, bytes from what a cache holds."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch

from bcdcodec.config import ModelConfig, preset
from bcdcodec.model.vae import Vae
from bcdcodec.training.data.cache import cache_clips
from bcdcodec.training.run.cost import TrainingCost

Load = Callable[[str], ModuleType]


def test_hours_follow_from_operations(load_script: Load) -> None:
    script = load_script("tools/training_cost.py")
    run = script.Run(clips=100, updates=30, temporal=10, cost=TrainingCost(1, 20, 10**15, 4 * 10**15))
    assert run.flop == 60e15
    assert run.hours(2, 500, 0.5) == pytest.approx(60e15 / 500e12 / 3600)
    assert run.hours(8, 500, 0.5) == pytest.approx(run.hours(2, 500, 0.5) / 4)


def test_a_clip_takes_what_a_cache_holds(
    load_script: Load, tmp_path: Path, talking_clip: Path, tiny_config: ModelConfig
) -> None:
    pytest.importorskip("ai_edge_litert")
    script = load_script("tools/training_cost.py")
    torch.set_num_threads(1)
    assert tiny_config.vae is not None
    (tmp_path / "clips.csv").write_text(f"clip,person\n{talking_clip},a\n")
    vae = Vae(tiny_config.vae).eval().requires_grad_(False)
    cache_clips(tmp_path, tmp_path / "cache", vae=vae, config=tiny_config, progress=lambda *counts: None)
    arrays = [path for path in (tmp_path / "cache/shard-00000").iterdir() if path.suffix != ".csv"]
    assert sum(path.stat().st_size for path in arrays) == script.clip_bytes(tiny_config, 2.0)
    assert script.clip_bytes(preset("lrs3")) == 50 * 4 * 32 * 32 * 2


@pytest.mark.slow
def test_the_page_has_the_tables(load_script: Load) -> None:
    assert load_script("tools/training_cost.py").main(["--check"]) == 0
