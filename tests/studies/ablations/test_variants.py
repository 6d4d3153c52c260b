"""What is left out of the method, one thing a variant."""

import dataclasses

import pytest

from bcdcodec.config import PRESET_NAMES, ModelConfig, preset
from bcdcodec.studies.ablations.tables import ABOUT, PAPER
from bcdcodec.studies.ablations.variants import BASE, NO_RATE_LOSS, NOT_CROSS_DRIVEN, variants


def test_the_paper_s_bitrates_fit_its_codebooks() -> None:
    found = {one.name: one for one in variants(preset("lrs3"))}
    rate = 25  # the paper counts its entropy targets at the rate of the source
    assert [found[name].target_bits * rate for name in ("rate-half", BASE, "rate-1.5", "rate-2")] == [
        2000,
        4000,
        6000,
        8000,
    ]
    assert {one.config.quantizer.groups for name, one in found.items() if name != "rate-4"} == {64}
    assert found["rate-4"].target_bits * rate == 16_000


def test_a_codebook_that_is_full_gets_another() -> None:
    found = {one.name: one.config.quantizer for one in variants(preset("sprites"))}
    assert [(found[name].groups, found[name].target_bits_per_group) for name in (BASE, "rate-1.5", "rate-2")] == [
        (1, 6.0),
        (2, 4.5),
        (2, 6.0),
    ]


@pytest.mark.parametrize("name", PRESET_NAMES)
def test_each_differs_in_one_thing(name: str) -> None:
    base, *others = variants(preset(name))
    assert base.config == preset(name) and base.name == BASE
    changed = {}
    for one in others:
        mine, its = (dataclasses.asdict(config) for config in (one.config, base.config))
        assert ModelConfig.from_json(one.config.to_json()) == one.config
        changed[one.name] = {
            f"{part}.{key}" for part in ("quantizer", "optim") for key in its[part] if mine[part][key] != its[part][key]
        }
        assert {part for part in its if mine[part] != its[part]} <= {"quantizer", "optim"}
    assert changed[NO_RATE_LOSS] == {"optim.rate_weight"}
    assert changed[NOT_CROSS_DRIVEN] == {"optim.cross_driven"}
    for rate in ("rate-half", "rate-1.5", "rate-2", "rate-4"):
        assert changed[rate] <= {"quantizer.groups", "quantizer.target_bits_per_group"} and changed[rate]


def test_the_tables_know_all_of_them() -> None:
    assert [one.name for one in variants(preset("lrs3"))] == list(PAPER) == list(ABOUT)
