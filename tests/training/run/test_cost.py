"""What training takes is counted without training."""

from bcdcodec.config import ModelConfig, preset
from bcdcodec.training.objective.schedule import Schedule
from bcdcodec.training.run.cost import training_cost


def test_a_step_is_counted_before_it_is_taken(tiny_config: ModelConfig) -> None:
    cost = training_cost(tiny_config, Schedule.of(tiny_config, 100))
    assert cost.kept_bytes == 20 * cost.parameters
    assert 0 < cost.first_flops < cost.last_flops


def test_the_published_size_needs_no_memory_to_be_counted() -> None:
    config = preset("lrs3")
    cost = training_cost(config, Schedule.of(config, 1000))
    assert cost.parameters > 5e7 and cost.last_flops > 1e13
