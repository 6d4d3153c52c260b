"""Reproducible diffusion noise from the seed in a stream's header.

torch does not promise equal random numbers across devices or releases, so the bits come from the counter-based Philox
generator on the CPU and only then go to the device.
"""

import numpy as np
import torch
from torch import Tensor


def stream_noise(seed: int, shape: tuple[int, ...]) -> Tensor:
    """Unit normals, float32 of `shape`: the Box-Muller transform of Philox-4x64 words keyed with `seed` (0 .. 2^32-1).

    One draw serves every frame of a stream: frames then differ by their codes alone and do not flicker.
    """
    count = int(np.prod(shape))
    words = np.random.Philox(key=seed).random_raw(2 * ((count + 1) // 2))
    # The upper 53 bits, the precision of a double, make a uniform number in [0, 1).
    uniform = (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
    first, second = uniform[0::2], uniform[1::2]
    # log1p(-u) instead of log(u): u can be 0, 1 - u cannot.
    radius = np.sqrt(-2.0 * np.log1p(-first))
    pairs = np.stack([radius * np.cos(2 * np.pi * second), radius * np.sin(2 * np.pi * second)], -1)
    return torch.from_numpy(pairs.ravel()[:count].astype(np.float32).reshape(shape))
