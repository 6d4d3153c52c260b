"""The scheduling priority of a thread is restored after an encode."""

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from bcdcodec.video.reference_codecs import encode_classical
from bcdcodec.video.scheduling import preserve_scheduling
from bcdcodec.video.still import encode_still

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="the system has no policies")


def test_what_a_block_does_to_the_thread_is_undone() -> None:
    before = os.sched_getscheduler(0)
    with preserve_scheduling():
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    assert os.sched_getscheduler(0) == before


def test_svt_av1_leaves_the_thread_as_it_was(tmp_path: Path) -> None:
    """As root it would be a real-time one."""
    before = os.sched_getscheduler(0)
    picture = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    encode_still(picture, budget_bits=100_000, fast=True)
    assert os.sched_getscheduler(0) == before
    encode_classical(tmp_path / "a.mp4", [picture] * 3, rate=Fraction(25), encoder="libsvtav1", options={})
    assert os.sched_getscheduler(0) == before
