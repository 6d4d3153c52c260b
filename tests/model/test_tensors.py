"""Tensor files: atomic writes, permissions, half precision, 8 bits."""

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from bcdcodec.errors import WeightsError
from bcdcodec.model import tensors
from bcdcodec.model.tensors import halved, in_eight_bits, save_tensors, widened


def test_what_is_saved_is_there(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    values = {"x": torch.arange(6.0).view(2, 3).T, "n": torch.tensor([1, 2])}
    save_tensors(path, values)
    found = load_file(path)
    assert all(torch.equal(found[name], values[name]) for name in values)
    umask = os.umask(0)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.safetensors"]


def test_a_failure_leaves_the_file_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.safetensors"
    save_tensors(path, {"x": torch.ones(2)})
    before = path.read_bytes()

    def fail(values: object, partial: Path, metadata: object) -> None:
        partial.write_bytes(b"half")
        raise OSError("no space")

    monkeypatch.setattr(tensors, "save_file", fail)
    with pytest.raises(OSError, match="no space"):
        save_tensors(path, {"x": torch.zeros(2)})
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.safetensors"]


def test_halves_and_back() -> None:
    values = {"x": torch.tensor([1.5]), "n": torch.tensor([3])}
    assert {name: value.dtype for name, value in halved(values).items()} == {"x": torch.float16, "n": torch.int64}
    assert all(torch.equal(widened(halved(values))[name], values[name]) for name in values)


def test_numbers_beyond_half_precision_are_refused() -> None:
    halved({"x": torch.tensor([-65504.0])})
    with pytest.raises(WeightsError, match="x has numbers up to 70000, float16 holds up to 65504"):
        halved({"x": torch.tensor([1.0, -7e4])})


def test_eight_bits_and_back() -> None:
    """Rows keep their own steps, so that small ones are not lost beside large ones."""
    torch.manual_seed(0)
    rows = torch.tensor([1e-6, 1.0, 1e3, 0.0]).view(4, 1, 1)
    values = {"x": torch.randn(4, 5, 6) * rows, "bias": torch.tensor([1.5]), "n": torch.tensor([[3, 4]])}
    written = in_eight_bits(values)
    assert (written["x"].dtype, written["bias"].dtype, written["n"].dtype) == (torch.int8, torch.float16, torch.int64)
    found = widened(written)
    assert found.keys() == values.keys()
    assert torch.equal(found["bias"], values["bias"]) and torch.equal(found["n"], values["n"])
    largest = values["x"].flatten(1).abs().amax(1).view(4, 1, 1)
    assert ((found["x"] - values["x"]).abs() <= largest / 254 * 1.001).all()
    assert (found["x"][3] == 0).all()
