"""The time left: by what the same kind took, by size, over parallel jobs, and unknown at first."""

import pytest

from bcdcodec.evaluation.harness.time_left import TimeLeft, Work


def test_each_kind_is_taken_at_its_own_pace() -> None:
    left = TimeLeft([Work("slow"), Work("fast"), Work("slow"), *[Work("fast")] * 10], jobs=1)
    assert left.seconds() is None
    left.finish(0, 100.0)
    assert left.seconds() == 1200.0  # nothing is known of the fast ones
    left.finish(1, 1.0)
    assert left.seconds() == 110.0
    left.finish(2, 80.0)
    assert left.seconds() == 10.0


def test_size_counts_and_failures_say_nothing() -> None:
    left = TimeLeft([Work(size=2.0), Work(size=20.0), Work(size=8.0)], jobs=1)
    left.finish(2, None)
    assert left.seconds() is None
    left.finish(0, 3.0)
    assert left.seconds() == pytest.approx(30.0)
    left.finish(1, 31.0)
    assert left.seconds() == 0.0


def test_sizes_stand_for_kinds_that_are_not_measured_yet() -> None:
    left = TimeLeft([Work("own", 10.0), Work("other"), Work("other")], jobs=1)
    left.finish(0, 50.0)
    assert left.seconds() == 10.0


def test_jobs_share_the_work_as_long_as_there_is_enough() -> None:
    left = TimeLeft([Work()] * 5, jobs=2)
    left.finish(0, 10.0)
    assert left.seconds() == 20.0
    for index in (1, 2, 3):
        left.finish(index, 10.0)
    assert left.seconds() == 10.0
