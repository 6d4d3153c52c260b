"""Protection of the calling thread's scheduling priority from SVT-AV1.

SVT-AV1 gives the thread that opens it a real-time priority wherever it may (Linux, as root) and never resets it: while
that thread runs, nothing else runs on its processor, not even a second encode.
"""

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def preserve_scheduling() -> Iterator[None]:
    """Restore the calling thread's scheduling policy and priority after the block; no-op on systems without them."""
    if not hasattr(os, "sched_getscheduler"):
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        if os.sched_getscheduler(0) != policy:
            os.sched_setscheduler(0, policy, parameters)
