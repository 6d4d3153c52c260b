"""A call of two processes over UDP on this machine, at the pace of its clock: where the time from capture to view goes.

    capture    until the loop takes the frame        encode   analysis, and the codes of its packet
    packetise  until its packet is full              network  of this machine, with the impairment
    decode     until its picture is made             present  the jitter buffer, until it is due and shown

One clock is common to all processes, so that times of both ends compare. Nothing else should run meanwhile. Results go
to results/call.json, whose other parts stay.
"""

import argparse
import json
import multiprocessing
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from call_clip import looped_clip
from call_tables import pace_table

from bcdcodec.call.chunks import MotionChunk, unpack_chunks
from bcdcodec.call.commands import new_receiver, new_sender
from bcdcodec.call.datagram import Checksum, DatagramKind, DatagramReader
from bcdcodec.call.impair import Impairment, Network
from bcdcodec.call.painter import Painter
from bcdcodec.call.playback import Playback, Shown
from bcdcodec.call.sockets import open_socket, receive_call, send_call
from bcdcodec.call.statistics import PlayoutMeter, percentiles
from bcdcodec.codec.decode.decoder import DecodedFrame
from bcdcodec.codec.decode.presets import preset_sampling
from bcdcodec.codec.model import CodecModel
from bcdcodec.errors import BcdError, BitstreamError
from bcdcodec.evaluation.report.tables import update_page

RESULTS = Path(__file__).resolve().parent / "results" / "call.json"
PAGE = Path(__file__).resolve().parents[1] / "docs" / "calls.md"
PORT, SILENCE_S, START_S = 5904, 5.0, 120.0
#: Frames at the start, before the playout has settled, that do not count.
FIRST = 25
Times = dict[int, float]


def motion_ticks(data: bytes) -> list[int]:
    """Ticks of the frames in a datagram."""
    try:
        datagram = DatagramReader(Checksum()).unpack(data, (DatagramKind.MEDIA,))
        chunks = [chunk for chunk in unpack_chunks(datagram.body) if isinstance(chunk, MotionChunk)]
        return [chunk.tick + index for chunk in chunks for index in range(chunk.record().frames)]
    except BitstreamError:
        return []


def send(clip: Path, wire_bitrate: int, impair: str, ready: Any, results: "Queue[Any]") -> None:
    """The sending process: puts capture, begin and end of encoding, and departure of every frame by its tick."""
    torch.set_num_threads(1)
    model = CodecModel.load()
    times: dict[str, Times] = {name: {} for name in ("captured", "begun", "encoded", "sent")}
    made = new_sender(
        str(clip),
        model,
        bitrate=4000,
        wire_bitrate=wire_bitrate,
        packet_frames=None,
        audio_bitrate=6000,
        envelope=None,
    )
    with made as (sender, feed), open_socket(("127.0.0.1", PORT)) as link:
        push, frames = sender.push_frame, feed.frames
        start: list[float] = []

        def timed_frames(media_ms: float) -> Any:
            if not start:
                start.append(time.monotonic() - media_ms / 1000)
            return frames(media_ms)

        def timed_push(frame: Any, now_ms: float) -> list[bytes]:
            times["captured"][frame.index] = start[0] + float(frame.index / model.frame_rate)
            times["begun"][frame.index] = time.monotonic()
            out = push(frame, now_ms)
            times["encoded"][frame.index] = time.monotonic()
            for data in out:
                for tick in motion_ticks(data):
                    times["sent"].setdefault(tick, times["encoded"][frame.index])
            return out

        sender.push_frame, feed.frames = timed_push, timed_frames  # type: ignore[method-assign]
        ready.wait(START_S)
        numbers = send_call(link, sender, feed, network=Network(Impairment.parse(impair), seed=1))
    results.put(("send", times, numbers))


def receive(conceal: str, ready: Any, results: "Queue[Any]") -> None:
    """The receiving process: puts arrival, decoding and view of every frame that was decoded."""
    torch.set_num_threads(1)
    model = CodecModel.load()
    receiver = new_receiver(model, preset_sampling(model.config, "fast"), conceal, None)
    times: dict[str, Times] = {name: {} for name in ("arrived", "decoded", "shown")}
    take, keep, meter, began = receiver.receive, Painter._keep, PlayoutMeter(), time.monotonic()

    def timed_receive(data: bytes, now_ms: float) -> None:
        for tick in motion_ticks(data):
            times["arrived"].setdefault(tick, time.monotonic())
        take(data, now_ms)

    def timed_keep(painter: Painter, made: list[DecodedFrame]) -> None:
        keep(painter, made)
        times["decoded"].update({frame.index: time.monotonic() for frame in made})

    def show(playback: Playback) -> None:
        now = time.monotonic()
        meter.add(playback, 1000 * (now - began), receiver.frame_rate)
        times["shown"].update({frame.index: now for frame in playback.frames if frame.shown is Shown.DECODED})

    receiver.receive = timed_receive  # type: ignore[method-assign]
    with open_socket(port=PORT) as link, patch.object(Painter, "_keep", timed_keep):
        ready.set()
        numbers = receive_call(link, receiver, show=show, silence_s=SILENCE_S)
    results.put(("receive", times, numbers | {"lip_sync_ms": meter.summary()["lip_sync_ms"]}))


def parts_of(times: dict[str, Times]) -> dict[str, dict[str, float]]:
    """Median and 95th percentile of every part, in ms, over frames that were shown as decoded."""
    order = ("captured", "begun", "encoded", "sent", "arrived", "decoded", "shown")
    names = ("capture", "encode", "packetise", "network", "decode", "present")
    ticks = [tick for tick in times["shown"] if tick >= FIRST and all(tick in times[name] for name in order)]
    rows = [[1000 * times[name][tick] for name in order] for tick in ticks]
    parts = {name: percentiles([row[at + 1] - row[at] for row in rows]) for at, name in enumerate(names)}
    return {**parts, "glass to glass": percentiles([row[-1] - row[0] for row in rows])}


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="call_pace", description="Delay of a call between two processes.")
    parser.add_argument("clip", type=Path, help="a video of one face")
    parser.add_argument("--seconds", type=int, default=60, metavar="S", help="length of the call (60)")
    parser.add_argument("--wire-bitrate", type=int, default=8000, metavar="BPS", help="(8000)")
    parser.add_argument("--impair", default="loss=10%", metavar="TEXT", help="(loss=10%%)")
    parser.add_argument("--conceal", choices=("hold", "model"), default="hold", help="(hold)")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="FILE", help="(benchmarks/results/call.json)")
    parser.add_argument("--page", type=Path, default=PAGE, metavar="FILE", help="page with the table (docs/calls.md)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    options = build_parser().parse_args(argv)
    context = multiprocessing.get_context("spawn")
    ready, results = context.Event(), context.Queue()
    found: dict[str, Any] = {}
    try:
        with tempfile.TemporaryDirectory() as folder:
            clip = looped_clip(options.clip, Path(folder) / "talk.mp4", options.seconds)
            ends = [
                context.Process(target=receive, args=(options.conceal, ready, results), daemon=True),
                context.Process(
                    target=send, args=(clip, options.wire_bitrate, options.impair, ready, results), daemon=True
                ),
            ]
            for end in ends:
                end.start()
            times: dict[str, Times] = {}
            for _ in ends:
                name, part, found[name] = results.get(timeout=2 * options.seconds + START_S)
                times |= part
            for end in ends:
                end.join()
    except (BcdError, OSError) as error:
        print(f"call_pace: {error}", file=sys.stderr)
        return 2
    row = {
        "machine": f"{platform.machine()}, {multiprocessing.cpu_count()} cores",
        "settings": {name: getattr(options, name) for name in ("seconds", "wire_bitrate", "impair", "conceal")},
        "parts": parts_of(times),
        **found,
    }
    written = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(written | {"pace": row}, indent=1) + "\n", encoding="utf-8")
    update_page(options.page, {"pace": pace_table(row)})
    print("\n".join(pace_table(row)))
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
