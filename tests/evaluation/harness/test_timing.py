"""Seconds of processors: those of this process and of programs it ran, not those of waiting."""

import subprocess
import sys

from bcdcodec.evaluation.harness.timing import Moment, now, processor

BURN = "import time\nwhile time.process_time() < 0.3: pass"


def test_work_of_programs_counts_and_waiting_does_not() -> None:
    began = now()
    subprocess.run([sys.executable, "-c", BURN], check=True)
    spent = now() - began
    # The program ran for as long as it took to use 0.3 s of a processor, which this process only waited for. The kernel
    # counts the processor's time in ticks of up to 10 ms, from the program's start to its end.
    assert spent.cpu >= 0.25
    assert spent.wall >= 0.25


def test_differences() -> None:
    assert Moment(5.0, 3.0) - Moment(1.0, 2.5) == Moment(4.0, 0.5)


def test_the_processor_has_a_name() -> None:
    assert processor().strip()
