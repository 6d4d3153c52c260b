"""Noise, grids and norms as in section 10 of bitstream_spec.md, written from that text alone."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
#: Keys' kernel.
CUBIC = -0.75


def philox_words(seed: int, count: int) -> list[int]:
    """Words of Philox-4x64 with 10 rounds (10.5)."""
    low, words = (1 << 64) - 1, list[int]()
    for counter in range(1, -(-count // 4) + 1):
        c, k = (counter, 0, 0, 0), (seed, 0)
        for _ in range(10):
            first, second = 0xD2E7470EE14C6C93 * c[0], 0xCA5A826395121157 * c[2]
            c = (second >> 64 ^ c[1] ^ k[0], second & low, first >> 64 ^ c[3] ^ k[1], first & low)
            k = (k[0] + 0x9E3779B97F4A7C15 & low, k[1] + 0xBB67AE8584CAA73B & low)
        words += c
    return words[:count]


def spec_noise(seed: int, count: int) -> Array:
    """The first numbers of a stream's noise (10.5)."""
    uniform = np.array([word >> 11 for word in philox_words(seed, count + count % 2)]) * 2.0**-53
    radius, angle = np.sqrt(-2 * np.log(1 - uniform[::2])), 2 * np.pi * uniform[1::2]
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).ravel()[:count].astype(np.float32)


def kernel_weights(at: float) -> list[tuple[int, float]]:
    """Taps of the cubic kernel around a position in cells, whose centres are whole numbers."""
    first, a = int(np.floor(at)), CUBIC
    weights = []
    for tap in range(first - 1, first + 3):
        t = abs(at - tap)
        inner, outer = (a + 2) * t**3 - (a + 3) * t**2 + 1, a * (t**3 - 5 * t**2 + 8 * t - 4)
        weights.append((tap, inner if t <= 1 else outer))
    return weights


def enlarge(grid: Array, side: int, *, cubic: bool) -> Array:
    """Interpolate [C, n, n] to [C, side, side] (10.1)."""
    n = grid.shape[-1]
    matrix = np.zeros((side, n))
    for row in range(side):
        at = (row + 0.5) * n / side - 0.5
        first = int(np.floor(at))
        for tap, weight in kernel_weights(at) if cubic else [(first, 1 - at + first), (first + 1, at - first)]:
            matrix[row, min(max(tap, 0), n - 1)] += weight
    enlarged: Array = matrix @ grid @ matrix.T
    return enlarged


def box_mean(grid: Array, reach: int) -> Array:
    """Mean of squares of 2 * reach + 1 cells, without those outside."""
    for axis in (0, 1):
        n = grid.shape[axis]
        grid = np.stack(
            [np.take(grid, range(max(0, i - reach), min(n, i + reach + 1)), axis).mean(axis) for i in range(n)],
            axis,
        )
    return grid


def features(x: float, count: int) -> Array:
    """Sines and cosines of a number (10.6)."""
    rates = 10000.0 ** (-np.arange(count // 2) / (count // 2))
    return np.concatenate([np.cos(x * rates), np.sin(x * rates)])


def silu(x: Array) -> Array:
    result: Array = x / (1 + np.exp(-x))
    return result


def shuffle(x: Array, r: int) -> Array:
    channels, h, w = x.shape
    return x.reshape(-1, r, r, h, w).transpose(0, 3, 1, 4, 2).reshape(channels // r**2, h * r, w * r)


def unshuffle(x: Array, r: int) -> Array:
    channels, h, w = x.shape
    return x.reshape(channels, h // r, r, w // r, r).transpose(0, 2, 4, 1, 3).reshape(-1, h // r, w // r)


def normalized(x: Array, axes: tuple[int, ...]) -> Array:
    result: Array = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-5)
    return result


def linear_samples(grid: Array, at: Array) -> Array:
    """Values [n, C] of a grid [C, side, side] at positions [n, 2] in cells, interpolated linearly, borders repeated."""
    last = grid.shape[-1] - 1
    x, y = at.clip(0, last).T
    left, top = x.astype(int), y.astype(int)
    right, bottom = np.minimum(left + 1, last), np.minimum(top + 1, last)
    upper = grid[:, top, left] + (x - left) * (grid[:, top, right] - grid[:, top, left])
    lower = grid[:, bottom, left] + (x - left) * (grid[:, bottom, right] - grid[:, bottom, left])
    found: Array = (upper + (y - top) * (lower - upper)).T
    return found


def cubic_samples(picture: Array, flow: Array) -> Array:
    """A picture [3, P, P] sampled at (x + flow.x, y + flow.y) (10.7)."""
    side, a = picture.shape[-1], CUBIC
    rows, columns = np.mgrid[:side, :side]

    def taps(at: Array) -> Iterator[tuple[Array, Array]]:
        first = np.floor(at)
        for step in range(-1, 3):
            t = np.abs(at - first - step)
            inner, outer = (a + 2) * t**3 - (a + 3) * t**2 + 1, a * (t**3 - 5 * t**2 + 8 * t - 4)
            yield (first + step).clip(0, side - 1).astype(int), np.where(t <= 1, inner, outer)

    found = np.zeros(picture.shape)
    for y, down in taps(rows + flow[1]):
        for x, across in taps(columns + flow[0]):
            found += down * across * picture[:, y, x]
    return found
