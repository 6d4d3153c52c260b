"""Calls in the thread of a page."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from serve_kit import BITRATE_KBPS, worker_settings

from bcdcodec.call.serve.controls import Controls
from bcdcodec.call.serve.worker import Slot, Worker
from bcdcodec.video.jpeg import decode_jpeg, encode_jpeg

CONTROLS = Controls(bitrate_kbps=BITRATE_KBPS)


class Seen:
    """Messages of a worker."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.numbers: list[dict[str, Any]] = []
        self.pictures: dict[Slot, list[bytes]] = {Slot.SOURCE: [], Slot.SHOWN: []}

    def __call__(self, slot: Slot, message: str | bytes) -> None:
        with self._changed:
            if isinstance(message, str):
                self.numbers.append(json.loads(message))
            else:
                assert message[0] == slot.value
                self.pictures[slot].append(message)
            self._changed.notify_all()

    def wait_for(self, condition: Callable[[], Any]) -> Any:
        with self._changed:
            assert self._changed.wait_for(condition, 120)
            return condition()


@contextlib.contextmanager
def running(weights: Path, file: Path | None) -> Iterator[tuple[Worker, Seen]]:
    seen = Seen()
    worker = Worker(worker_settings(weights, file), CONTROLS, seen)
    worker.start()
    try:
        yield worker, seen
    finally:
        worker.stop()
        assert worker.failure is None


def last(seen: Seen) -> dict[str, Any]:
    return seen.numbers[-1] if seen.numbers else {}


def test_a_call_of_a_file_is_shown_with_its_numbers(tiny_weights: Path, talking_clip: Path) -> None:
    with running(tiny_weights, talking_clip) as (worker, seen):
        worker.watch(True)
        seen.wait_for(lambda: len(seen.pictures[Slot.SHOWN]) > 5 and len(seen.numbers) > 3)
        seen.wait_for(lambda: last(seen)["frames"]["decoded"] > 5 and last(seen)["delay_ms"])
    numbers = last(seen)
    assert numbers["source"] == "file" and numbers["has_frames"] and worker.file_name == "talk.mp4"
    assert numbers["wire_kbps"] == pytest.approx(sum(numbers["kbps"].values()))
    assert min(numbers["kbps"][kind] for kind in ("motion", "sound", "headers")) > 0
    assert not numbers["has_face"]  # the clip has none
    assert 0 < numbers["speed"] <= 1
    for pictures in seen.pictures.values():
        assert decode_jpeg(pictures[-1][2:], most_pixels=256 * 256).shape == (256, 256, 3)


def test_loss_conceals_frames_of_the_running_call(tiny_weights: Path, talking_clip: Path) -> None:
    with running(tiny_weights, talking_clip) as (worker, seen):
        worker.watch(True)
        seen.wait_for(lambda: last(seen).get("frames", {}).get("decoded", 0) > 3)
        worker.set_controls(CONTROLS.changed({"loss_percent": 50, "burst": 4, "bitrate_kbps": 12}))
        numbers = seen.wait_for(lambda: last(seen)["frames"]["concealed"] > 2 and last(seen))
        assert numbers["call"] == seen.numbers[0]["call"], "it is the same call"
        assert numbers["encoder_kbps"] <= 12


def test_nothing_runs_while_nobody_watches(tiny_weights: Path, talking_clip: Path) -> None:
    with running(tiny_weights, talking_clip) as (worker, seen):
        worker.watch(True)
        seen.wait_for(lambda: seen.pictures[Slot.SHOWN])
        worker.watch(False)
        worker.watch(True)  # another call
        seen.wait_for(lambda: last(seen)["call"] == seen.numbers[0]["call"] + 2)
        worker.watch(False)
    # The thread ended between two steps of a call, or waited for somebody.
    assert not worker._thread.is_alive()


def test_a_camera_takes_the_place_of_the_file_and_gives_it_back(tiny_weights: Path, talking_clip: Path) -> None:
    with running(tiny_weights, talking_clip) as (worker, seen):
        worker.watch(True)
        seen.wait_for(lambda: last(seen).get("source") == "file")
        worker.use_camera(True)
        seen.wait_for(lambda: last(seen)["source"] == "camera")
        assert not last(seen)["has_frames"]
        worker.put_picture(b"no picture")
        seen.wait_for(lambda: last(seen)["refused"] == 1)
        gray = encode_jpeg(np.full((256, 256, 3), 90, np.uint8))
        end_s = time.monotonic() + 120
        while not last(seen)["frames"]["decoded"]:
            assert time.monotonic() < end_s
            worker.put_picture(gray)
            time.sleep(0.02)
        assert abs(int(decode_jpeg(seen.pictures[Slot.SOURCE][-1][2:], most_pixels=1 << 16).mean()) - 90) < 3
        worker.use_camera(False)
        seen.wait_for(lambda: last(seen)["source"] == "file" and last(seen)["has_frames"])


def test_without_a_source_it_waits_for_a_camera(tiny_weights: Path) -> None:
    with running(tiny_weights, None) as (worker, seen):
        worker.watch(True)
        worker.put_picture(b"early")
        assert worker.file_name is None
        worker.use_camera(True)
        seen.wait_for(lambda: last(seen).get("source") == "camera")


def test_a_file_that_is_gone_is_told_and_a_camera_still_works(tiny_weights: Path, tmp_path: Path) -> None:
    with running(tiny_weights, tmp_path / "gone.mp4") as (worker, seen):
        worker.watch(True)
        assert "no such file" in seen.wait_for(lambda: last(seen).get("error"))
        worker.use_camera(True)
        seen.wait_for(lambda: last(seen).get("source") == "camera")
