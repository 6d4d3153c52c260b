"""Weights that runs start from: which are refused, and what becomes of those of fewer codebooks."""

from dataclasses import replace

import pytest
import torch

from bcdcodec.config import preset
from bcdcodec.errors import ConfigError, WeightsError
from bcdcodec.model.bcd import Bcd
from bcdcodec.training.start import fit_state, load_start, refined
from bcdcodec.weightfile import find_file

SPRITES = preset("sprites-tiny")


def test_the_painter_of_pictures_is_left_behind() -> None:
    start = load_start(find_file("face"), preset("face"))
    assert start.state and not any(name.startswith("picture_denoiser.") for name in start.state)
    assert start.vae is not None and len(start.model_id) == 16 and start.name.startswith("face")


def test_weights_of_another_preset_are_refused() -> None:
    with pytest.raises(ConfigError, match="is of preset sprites-tiny, the run is of face"):
        load_start(find_file("sprites-tiny"), preset("face"))


def test_weights_of_other_widths_are_refused() -> None:
    wider = replace(SPRITES, encoder=replace(SPRITES.encoder, feed_forward=8))
    with pytest.raises(WeightsError, match="does not fit preset sprites-tiny"):
        load_start(find_file("sprites-tiny"), wider)


def test_more_codebooks_begin_anew_and_all_else_stays() -> None:
    state = load_start(find_file("sprites-tiny"), SPRITES).state
    more = replace(SPRITES, quantizer=replace(SPRITES.quantizer, groups=2))
    fitted = fit_state(state, more, seed=3)
    Bcd(more).load_start(fitted)
    changed = [name for name in state if fitted[name].shape != state[name].shape]
    assert changed and all(torch.equal(fitted[name], state[name]) for name in state if name not in changed)
    again = fit_state(state, more, seed=3)
    assert all(torch.equal(again[name], fitted[name]) for name in changed)
    assert fit_state(state, SPRITES, seed=0).keys() == state.keys()


def test_refining_begins_at_the_least_temperature() -> None:
    assert refined(SPRITES).quantizer.temperature_max == SPRITES.quantizer.temperature_min < 1
    assert replace(refined(SPRITES), quantizer=SPRITES.quantizer) == SPRITES
