"""Precision of float32 products is set for a block and restored."""

import pytest
import torch

from bcdcodec.model.device import full_precision, half_precision, tf32


def settings() -> tuple[bool, bool]:
    return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32


@pytest.mark.parametrize("on", [False, True])
def test_settings_end_with_the_block(on: bool) -> None:
    before = settings()
    with tf32(on):
        assert settings() == (on, on)
        with tf32(not on):
            assert settings() == (not on, not on)
        assert settings() == (on, on)
    with pytest.raises(RuntimeError), tf32(on):
        raise RuntimeError
    assert settings() == before


def test_full_precision_has_no_autocast() -> None:
    device, values = torch.device("cpu"), torch.ones(2, 2)
    with torch.autocast("cpu", torch.bfloat16):
        assert (values @ values).dtype == torch.bfloat16
        with full_precision(device):
            assert (values @ values).dtype == torch.float32
        assert (values @ values).dtype == torch.bfloat16


def test_half_precision_is_for_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    x, cpu = torch.ones(2, 2), torch.device("cpu")
    with half_precision(cpu):
        assert (x @ x).dtype == torch.float32
    monkeypatch.setattr("bcdcodec.model.device.HALVED", {"cpu"})  # as if this were one
    with half_precision(cpu):
        assert (x @ x).dtype == torch.bfloat16
    with half_precision(torch.device("meta")):
        assert (x @ x).dtype == torch.float32
