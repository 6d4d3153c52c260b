"""The network of FID with random weights: shapes, order of the branches, and the same numbers as torch-fidelity's.

The published weights are not in the repository; the numbers below are those that torch-fidelity 0.4.0's network gave
for these random ones.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from bcdcodec.errors import MissingExtraError, WeightsError
from bcdcodec.evaluation.metrics.fid import WIDTH, Inception, State, inception_features

#: Of both pictures; of the first picture's features 0, 500, 1000, 1500 and 2047.
MEANS = [2.508294, 2.484294]
SAMPLES = [4.893614, 4.892378, 0.061288, 1.440305, 0.0]
#: Name, outputs, inputs, height and width of the window.
Layer = tuple[str, int, int, int, int]


def layers() -> list[Layer]:
    found: list[Layer] = [
        ("Conv2d_1a_3x3", 32, 3, 3, 3),
        ("Conv2d_2a_3x3", 32, 32, 3, 3),
        ("Conv2d_2b_3x3", 64, 32, 3, 3),
        ("Conv2d_3b_1x1", 80, 64, 1, 1),
        ("Conv2d_4a_3x3", 192, 80, 3, 3),
    ]
    double = [("branch3x3dbl_1", 64, 0, 1, 1), ("branch3x3dbl_2", 96, 64, 3, 3), ("branch3x3dbl_3", 96, 96, 3, 3)]
    for name, width, pool in (("5b", 192, 32), ("5c", 256, 64), ("5d", 288, 64)):
        five = [("branch5x5_1", 48, 0, 1, 1), ("branch5x5_2", 64, 48, 5, 5)]
        found += _named(name, width, [("branch1x1", 64, 0, 1, 1), *five, *double, ("branch_pool", pool, 0, 1, 1)])
    found += _named("6a", 288, [("branch3x3", 384, 0, 3, 3), *double])
    for name, c in (("6b", 128), ("6c", 160), ("6d", 160), ("6e", 192)):
        seven = [("branch7x7_1", c, 0, 1, 1), ("branch7x7_2", c, c, 1, 7), ("branch7x7_3", 192, c, 7, 1)]
        turns = [("branch7x7dbl_2", c, c, 7, 1), ("branch7x7dbl_3", c, c, 1, 7), ("branch7x7dbl_4", c, c, 7, 1)]
        deep = [("branch7x7dbl_1", c, 0, 1, 1), *turns, ("branch7x7dbl_5", 192, c, 1, 7)]
        found += _named(name, 768, [("branch1x1", 192, 0, 1, 1), *seven, *deep, ("branch_pool", 192, 0, 1, 1)])
    three = [("branch3x3_1", 192, 0, 1, 1), ("branch3x3_2", 320, 192, 3, 3)]
    seven = [("branch7x7x3_1", 192, 0, 1, 1), ("branch7x7x3_2", 192, 192, 1, 7), ("branch7x7x3_3", 192, 192, 7, 1)]
    found += _named("7a", 768, [*three, *seven, ("branch7x7x3_4", 192, 192, 3, 3)])
    for name, width in (("7b", 1280), ("7c", 2048)):
        wide = [("branch3x3_1", 384, 0, 1, 1), ("branch3x3_2a", 384, 384, 1, 3), ("branch3x3_2b", 384, 384, 3, 1)]
        deep = [("branch3x3dbl_1", 448, 0, 1, 1), ("branch3x3dbl_2", 384, 448, 3, 3)]
        ends = [("branch3x3dbl_3a", 384, 384, 1, 3), ("branch3x3dbl_3b", 384, 384, 3, 1)]
        found += _named(name, width, [("branch1x1", 320, 0, 1, 1), *wide, *deep, *ends, ("branch_pool", 192, 0, 1, 1)])
    return found


@pytest.fixture(scope="module")
def state() -> State:
    rng, found = np.random.default_rng(0), {}
    for name, out, into, height, width in layers():
        kernel = rng.standard_normal((out, into, height, width), np.float32) * (2 / (into * height * width)) ** 0.5
        found[f"{name}.conv.weight"] = torch.from_numpy(kernel.astype(np.float32))
        for part, low, high in (("running_mean", -0.3, 0.3), ("running_var", 0.7, 1.3), ("weight", 0.7, 1.3)):
            found[f"{name}.bn.{part}"] = torch.from_numpy(rng.uniform(low, high, out).astype(np.float32))
        found[f"{name}.bn.bias"] = torch.from_numpy(rng.uniform(-0.3, 0.3, out).astype(np.float32))
    return found


def test_the_numbers_of_another_implementation(state: State) -> None:
    x = torch.from_numpy(np.random.default_rng(1).integers(0, 256, (2, 3, 299, 299)).astype(np.float32))
    with torch.inference_mode():
        found = inception_features(state, x)
    assert found.shape == (2, WIDTH)
    assert len(layers()) == 94 and sum(weight.numel() for weight in state.values()) == 21_820_000
    assert found.mean(1).tolist() == pytest.approx(MEANS, rel=1e-3)
    assert found[0, [0, 500, 1000, 1500, 2047]].tolist() == pytest.approx(SAMPLES, rel=1e-2, abs=1e-3)


def test_any_size_is_scaled(state: State) -> None:
    flat = torch.full((1, 3, 299, 299), 90.0)
    with torch.inference_mode():
        large, small = inception_features(state, flat), inception_features(state, flat[..., :64, :80])
    assert small.flatten().tolist() == pytest.approx(large.flatten().tolist(), abs=1e-4)


def test_the_file_is_checked(tmp_path: Path) -> None:
    with pytest.raises(MissingExtraError, match=r"cannot read .*weights.pth"):
        Inception(tmp_path / "weights.pth")
    (tmp_path / "weights.pth").write_bytes(b"something else")
    with pytest.raises(WeightsError, match=r"has SHA-256 .*needs 6726825d0af5f729"):
        Inception(tmp_path / "weights.pth")


def _named(block: str, width: int, branches: list[Layer]) -> list[Layer]:
    """width: the inputs of those convolutions that read the block's own."""
    return [(f"Mixed_{block}.{name}", out, into or width, *size) for name, out, into, *size in branches]
