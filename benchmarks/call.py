"""Calls over a network that is made up: what they cost on the wire, and what is shown where datagrams get lost.

    wire      kbps with the headers of IP and UDP, by bitrate of the wire, frames a packet and sound
    loss      frames decoded, concealed and frozen, LPIPS and landmark error against the source, latency, lip sync
    outage    time from the end of two seconds without a datagram to the first decoded picture
    soak      memory and latency of each minute of a long call

The clock is made up and work takes no time on it; benchmarks/call_pace.py measures two processes at the pace of a real
one. Both write their part of results/call.json, and this one the tables of docs/calls.md. The clip is looped forwards
and backwards without a cut; a clip without sound gets a made-up voice.
"""

import argparse
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from call_clip import looped_clip
from call_tables import tables

from bcdcodec.call.commands import new_receiver, new_sender
from bcdcodec.call.impair import Impairment
from bcdcodec.call.loopback import run_loopback
from bcdcodec.call.playback import PlayedFrame, Shown
from bcdcodec.call.receiver import Receiver
from bcdcodec.call.redundancy import MOTION_BACK, SOUND_BACK
from bcdcodec.codec.decode.presets import preset_sampling
from bcdcodec.codec.model import CodecModel
from bcdcodec.errors import BcdError
from bcdcodec.evaluation.metrics.pair import known_mean
from bcdcodec.evaluation.metrics.table import loaded
from bcdcodec.evaluation.report.sheets import save_png, stack_pictures
from bcdcodec.evaluation.report.tables import update_page
from bcdcodec.video.crop import scale
from bcdcodec.video.reader import read_clip

ROOT = Path(__file__).resolve().parents[1]
RESULTS, PAGE, SHEET = ROOT / "benchmarks/results/call.json", ROOT / "docs/calls.md", ROOT / "docs/calls/bursts.png"
METRICS = {"lpips": "lpips-alex", "expression": "landmarks-expression", "mouth": "landmarks-mouth"}
NETWORKS = ("loss=0%", "loss=5%", "loss=10%", "loss=20%", "loss=30%", "loss=20%,burst=4")
WIRES = (8000, 10_000, 12_000, 16_000)
OUTAGE_MS = (8000.0, 10_000.0)
#: Of the sheet: the network, frames in a row, and pixels of each.
SHEET_NETWORK, SHEET_FRAMES, SHEET_CELL = "loss=20%,burst=4", 10, 80
#: Calls of the sheet after the source: bitrate of the wire, and whether there are copies.
SHEET_CALLS = ((8000, True), (12_000, False), (12_000, True))
SEED = 1
#: Every which picture is compared with the source.
COMPARED_EVERY = 4


class Call:
    """One call of a clip on the made-up clock. repeats: whether datagrams carry media of earlier ones again."""

    def __init__(
        self,
        model: CodecModel,
        clip: Path,
        *,
        wire_bitrate: int | None,
        packet_frames: int | None = None,
        sound: bool = True,
        impair: str = "",
        conceal: str = "hold",
        repeats: bool = True,
        outage: bool = False,
        keeps: bool = True,
    ) -> None:
        self.frames, self.minutes = list[PlayedFrame](), list[dict[str, float]]()
        self._keeps, self._seconds, self._now_ms = keeps, 0, 0.0
        self.receiver = new_receiver(model, preset_sampling(model.config, "fast"), conceal, None)
        self.first_after_ms: float | None = None
        if outage:
            self._lose(self.receiver)
        made = new_sender(
            str(clip),
            model,
            bitrate=4000,
            wire_bitrate=wire_bitrate,
            packet_frames=packet_frames,
            audio_bitrate=6000 if sound else None,
            envelope=None,
        )
        with contextlib.ExitStack() as stack:
            if not repeats:
                for places in (MOTION_BACK, SOUND_BACK):
                    stack.enter_context(patch.dict(places, dict.fromkeys(places, ())))
            sender, feed = stack.enter_context(made)
            self.numbers = run_loopback(
                sender,
                self.receiver,
                feed,
                impairment=Impairment.parse(impair),
                seed=SEED,
                show=self._show,
                report=self._note,
            )

    def _show(self, playback: Any) -> None:
        self.frames += playback.frames if self._keeps else []
        is_back = self._now_ms >= OUTAGE_MS[1] and any(frame.shown is Shown.DECODED for frame in playback.frames)
        if self.first_after_ms is None and is_back:
            self.first_after_ms = self._now_ms - OUTAGE_MS[1]

    def _note(self, line: str) -> None:
        """Take note of each minute."""
        self._seconds += 1
        if self._seconds % 60 == 0:
            self.minutes.append(
                {
                    "minute": self._seconds // 60,
                    "rss_mib": round(resident_mib(), 1),
                    "delay_ms": round(self.receiver.playout.buffer_ms),
                }
            )

    def _lose(self, receiver: Receiver) -> None:
        """Let nothing through in the time of the outage."""
        receive, poll = receiver.receive, receiver.poll

        def lossy(data: bytes, now_ms: float) -> None:
            if not OUTAGE_MS[0] <= now_ms < OUTAGE_MS[1]:
                receive(data, now_ms)

        def timed(now_ms: float) -> Any:
            self._now_ms = now_ms
            return poll(now_ms)

        receiver.receive, receiver.poll = lossy, timed  # type: ignore[method-assign]

    def quality(self, source: np.ndarray) -> dict[str, float | None]:
        """Mean distances of what was shown from the source, and shares of the frames."""
        shown = [frame for frame in self.frames if frame.index < len(source)][::COMPARED_EVERY]
        found = np.stack([frame.pixels for frame in shown])
        expected = source[[frame.index for frame in shown]]
        return {name: known_mean(loaded(metric)(found, expected)) for name, metric in METRICS.items()}

    def row(self) -> dict[str, Any]:
        numbers = self.numbers
        datagrams = numbers["datagrams"]
        return {
            "wire_kbps": round(numbers["wire_kbps"], 2),
            "report_kbps": round(sum(numbers["report_bits"].values()) / numbers["duration_s"] / 1000, 2),
            "datagrams_a_second": round(datagrams / numbers["duration_s"], 2),
            "frames": numbers["frames"],
            "sound_ms": numbers["sound_ms"],
            "latency_ms": numbers["latency_ms"],
            "lip_sync_ms": numbers["lip_sync_ms"],
            "longest_frozen": longest(self.frames),
        }


def resident_mib() -> float:
    """Memory of this process now, as Linux knows it."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def longest(frames: Sequence[PlayedFrame]) -> int:
    """Most frames in a row of which the last picture stayed."""
    most = row = 0
    for frame in frames:
        row = row + 1 if frame.shown is Shown.FROZEN else 0
        most = max(most, row)
    return most


def measure_wire(model: CodecModel, clip: Path) -> Iterator[dict[str, Any]]:
    for sound in (True, False):
        for packet_frames in (1, 2, 3, 4):
            call = Call(model, clip, wire_bitrate=None, packet_frames=packet_frames, sound=sound, impair="loss=10%")
            yield {"wire_bitrate": None, "packet_frames": packet_frames, "sound": sound, **call.row()}
        for wire in WIRES:
            call = Call(model, clip, wire_bitrate=wire, sound=sound, impair="loss=10%")
            yield {"wire_bitrate": wire, "packet_frames": None, "sound": sound, **call.row()}


def measure_loss(model: CodecModel, clip: Path, source: np.ndarray) -> Iterator[dict[str, Any]]:
    for impair in NETWORKS:
        for wire, repeats, conceal in (
            *((8000, True, "hold"), (8000, True, "model")),
            *((12_000, False, "hold"), (12_000, True, "hold")),
        ):
            call = Call(model, clip, wire_bitrate=wire, impair=impair, conceal=conceal, repeats=repeats)
            yield {
                "impair": impair,
                "wire_bitrate": wire,
                "repeats": repeats,
                "conceal": conceal,
                **call.row(),
                **call.quality(source),
            }


def draw_sheet(model: CodecModel, clip: Path, source: np.ndarray, credits: str) -> None:
    """Consecutive frames where the call without copies lost most, of all calls beside the source."""
    calls = [
        Call(model, clip, wire_bitrate=wire, repeats=repeats, impair=SHEET_NETWORK) for wire, repeats in SHEET_CALLS
    ]
    lost = {frame.index for frame in calls[1].frames if frame.shown is not Shown.DECODED}
    starts = range(SHEET_FRAMES, len(source) - 2 * SHEET_FRAMES)
    start = max(starts, key=lambda at: sum(index in lost for index in range(at + 2, at + SHEET_FRAMES - 2)))
    window = range(start, start + SHEET_FRAMES)
    shown = [{frame.index: frame.pixels for frame in call.frames} for call in calls]
    strips = [[source[index] for index in window], *([frames[index] for index in window] for frames in shown)]
    rows = [np.concatenate([scale(picture, SHEET_CELL, SHEET_CELL) for picture in strip], 1) for strip in strips]
    SHEET.parent.mkdir(exist_ok=True)
    save_png(SHEET, stack_pictures(rows, gap=4), text=f"Source; calls at {SHEET_NETWORK}. {credits}")


def measure_outage(model: CodecModel, clip: Path) -> Iterator[dict[str, Any]]:
    for wire in WIRES[::2]:
        call = Call(model, clip, wire_bitrate=wire, outage=True)
        yield {"wire_bitrate": wire, "recovery_ms": call.first_after_ms, **call.row()}


def measure_soak(model: CodecModel, source: Path, folder: Path, minutes: int) -> Iterator[dict[str, Any]]:
    clip = looped_clip(source, folder / "long.mp4", 60 * minutes)
    yield from Call(model, clip, wire_bitrate=8000, impair="loss=20%,burst=4,jitter=60ms", keeps=False).minutes


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="call", description="Cost and quality of calls on a made-up clock.")
    parser.add_argument("clip", type=Path, help="a video of one face")
    parser.add_argument("--seconds", type=int, default=20, metavar="S", help="length of a call (20)")
    parser.add_argument("--parts", default="wire,loss,outage,soak", metavar="NAMES", help="(wire,loss,outage,soak)")
    parser.add_argument("--minutes", type=int, default=10, metavar="N", help="length of the soak (10)")
    parser.add_argument("--sheet", metavar="CREDITS", help="write docs/calls/bursts.png; the clip must allow that")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="FILE", help="(benchmarks/results/call.json)")
    parser.add_argument("--page", type=Path, default=PAGE, metavar="FILE", help="page with the tables (docs/calls.md)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    options = build_parser().parse_args(argv)
    torch.set_num_threads(1)
    results = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {}
    try:
        model = CodecModel.load()
        with tempfile.TemporaryDirectory() as folder:
            clip = looped_clip(options.clip, Path(folder) / "talk.mp4", options.seconds)
            source = np.stack(list(read_clip(clip, rate=model.frame_rate, pixels=model.config.pixels)))
            parts = {
                "wire": lambda: measure_wire(model, clip),
                "loss": lambda: measure_loss(model, clip, source),
                "outage": lambda: measure_outage(model, clip),
                "soak": lambda: measure_soak(model, options.clip, Path(folder), options.minutes),
            }
            if options.sheet:
                draw_sheet(model, clip, source, options.sheet)
            for name in filter(None, options.parts.split(",")):
                results[name] = []
                for row in parts[name]():
                    results[name].append(row)
                    print(json.dumps(row), flush=True)
    except (BcdError, OSError) as error:
        print(f"call: {error}", file=sys.stderr)
        return 2
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    update_page(options.page, tables(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
