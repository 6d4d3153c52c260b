"""Temporal flicker: difference of the frame-to-frame changes of two videos, one value a step.

    F_t = mean over pixels and channels of |(found_t - found_{t-1}) - (expected_t - expected_{t-1})|

In 8-bit levels, from 0 to 510; lower is better. 0 where the found video changes as the expected one does, whatever the
constant difference between them; a freeze frame has the change of the expected video. The same idea,
with motion compensation, is the warping error of Lai et al., *Learning Blind Video Temporal Consistency*, 2018; here
nothing is compensated, as the expected video says what should change.
"""

import numpy as np

from bcdcodec.evaluation.metrics.pair import Values, Video, check_pair


def flicker(found: Video, expected: Video) -> Values:
    """Flicker of every step between frames: float64 [T - 1]; empty for a single frame."""
    check_pair(found, expected)
    steps = range(1, len(found))
    return np.array([_change(found, expected, step) for step in steps], np.float64)


def _change(found: Video, expected: Video, step: int) -> float:
    own = found[step].astype(np.int16) - found[step - 1]
    theirs = expected[step].astype(np.int16) - expected[step - 1]
    return float(np.abs(own - theirs).mean())
