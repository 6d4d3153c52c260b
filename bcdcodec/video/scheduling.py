"""A thread's claim on processors stays what it was. In: a block that opens an encoder. Out: the same priority after it.

SVT-AV1 makes the thread that opens it a real-time one wherever it may (Linux, as root) and leaves it so: for as long as
it runs from then on, nothing else does on that processor, not even a second encode.
"""

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def preserve_scheduling() -> Iterator[None]:
    """Put back the calling thread's scheduling policy and priority; does nothing on systems without them."""
    if not hasattr(os, "sched_getscheduler"):
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        if os.sched_getscheduler(0) != policy:
            os.sched_setscheduler(0, policy, parameters)
