"""Decoder noise that is the same on every machine. In: the stream's seed. Out: unit normals for sampler.py.

torch does not promise equal random numbers across devices or releases, so the bits come from the counter-based Philox
generator on the CPU and only then go to the device (bitstream_spec.md, section on decoding).
"""

import numpy as np
import torch
from torch import Tensor


def stream_noise(seed: int, shape: tuple[int, ...]) -> Tensor:
    """Unit normals by Box-Muller from Philox-4x64 words keyed with `seed` (0 .. 2^32-1). float32 of `shape`.

    One draw serves every frame of a stream: frames then differ by their codes alone and do not flicker.
    """
    count = int(np.prod(shape))
    words = np.random.Philox(key=seed).random_raw(2 * ((count + 1) // 2))
    uniform = (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
    first, second = uniform[0::2], uniform[1::2]
    radius = np.sqrt(-2.0 * np.log1p(-first))
    pairs = np.stack([radius * np.cos(2 * np.pi * second), radius * np.sin(2 * np.pi * second)], -1)
    return torch.from_numpy(pairs.ravel()[:count].astype(np.float32).reshape(shape))
