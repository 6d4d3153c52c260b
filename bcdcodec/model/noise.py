"""Reproducible diffusion noise from the seed in a stream's header.

torch does not promise equal random numbers across devices or releases, so the bits come from the counter-based Philox
generator on the CPU and only then go to the device.
"""

import numpy as np
import torch
from torch import Tensor


class FrameNoise:
    """Noise of the frames of one stream, float32 [C, H, W] each, on a device.

    shared: one draw serves every frame: frames then differ by their codes alone and do not flicker. Otherwise each has
    a draw of its own, a function of seed and index.
    """

    def __init__(self, seed: int, shape: tuple[int, int, int], *, shared: bool, device: torch.device) -> None:
        self._seed, self._shape, self._device = seed, shape, device
        self._one = stream_noise(seed, shape).to(device) if shared else None

    def frames(self, index: int, count: int) -> Tensor:
        """Noise of the frames index, index + 1, ... [count, C, H, W]; index: from 0 on."""
        if self._one is not None:
            return self._one.expand(count, *self._shape)
        drawn = [stream_noise(self._seed, self._shape, frame=index + i) for i in range(count)]
        return torch.stack(drawn).to(self._device)


def stream_noise(seed: int, shape: tuple[int, ...], *, frame: int = 0) -> Tensor:
    """Unit normals, float32 of `shape`: the Box-Muller transform of Philox-4x64 words keyed with `seed` (0 .. 2^32-1).

    frame: the second word of the generator's counter, so that the words of two frames are of different draws.
    """
    count = int(np.prod(shape))
    words = np.random.Philox(key=seed, counter=frame << 64).random_raw(2 * ((count + 1) // 2))
    # The upper 53 bits, the precision of a double, make a uniform number in [0, 1).
    uniform = (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
    first, second = uniform[0::2], uniform[1::2]
    # log1p(-u) instead of log(u): u can be 0, 1 - u cannot.
    radius = np.sqrt(-2.0 * np.log1p(-first))
    pairs = np.stack([radius * np.cos(2 * np.pi * second), radius * np.sin(2 * np.pi * second)], -1)
    return torch.from_numpy(pairs.ravel()[:count].astype(np.float32).reshape(shape))
