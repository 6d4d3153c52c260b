"""What a receiver of a call shows: pictures and sound that are due, and where each picture comes from."""

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from bcdcodec.call.audio import PlayedSound


class Shown(Enum):
    """Where a picture comes from."""

    DECODED = "decoded"
    CONCEALED = "concealed"
    #: The one before stays.
    FROZEN = "frozen"


@dataclass(frozen=True, slots=True, eq=False)
class PlayedFrame:
    """A picture that is due. pixels: uint8 [H, W, 3]; index: at the receiver's frame rate, on the media clock."""

    pixels: NDArray[np.uint8]
    index: int
    shown: Shown


@dataclass(frozen=True, slots=True, eq=False)
class Playback:
    """What is due: pictures in order, and sound in order."""

    frames: list[PlayedFrame]
    sounds: list[PlayedSound]
