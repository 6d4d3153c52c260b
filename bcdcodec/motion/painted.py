"""Concealment as it is seen. In: `.bcd` files. Out: landmarks and flicker of decoded pictures, with loss and
without.
"""

from pathlib import Path
from typing import Any

import numpy as np

from bcdcodec.bitstream.packet import PacketKind
from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.codec.decode.concealment import Concealer
from bcdcodec.codec.decode.decoder import DecodedFrame, Decoder
from bcdcodec.codec.model import CodecModel
from bcdcodec.evaluation.metrics.landmarks import landmark_distance
from bcdcodec.motion.loss import LossPattern
from bcdcodec.video.landmarks import landmarks


def measure_painted(
    paths: list[Path], model: CodecModel, pattern: LossPattern, concealers: dict[str, Concealer]
) -> dict[str, Any]:
    """Means over the frames that the pattern loses: distance of landmarks to the picture decoded without loss, in %
    of the
    eyes' distance; and flicker, how differently frames change from the one before, in 8-bit levels. A stream that the
    pattern spares loses the packet in its middle.
    """
    distances: dict[str, list[float]] = {name: [] for name in concealers}
    flickers: dict[str, list[float]] = {name: [] for name in concealers}
    lost_frames = 0
    for number, path in enumerate(paths):
        whole = _decode(path, model, set(), None)
        kept = _lost_packets(path, pattern, np.random.default_rng(number))
        for name, concealer in concealers.items():
            frames = _decode(path, model, kept, concealer)
            lost = [i for i, frame in enumerate(frames) if frame.predicted]
            for i in lost:
                found, expected = landmarks(frames[i]), landmarks(whole[i])
                if found is not None and expected is not None:
                    distances[name].append(landmark_distance(found, expected).all)
                own, true = (f[i].pixels.astype(int) - f[i - 1].pixels for f in (frames, whole))
                flickers[name].append(float(np.abs(own - true).mean()))
        lost_frames += len(lost)
    return {
        "clips": [path.stem.split("-")[0] for path in paths],
        "lost_frames": lost_frames,
        "landmark_distance": {name: float(np.mean(values)) for name, values in distances.items() if values},
        "flicker_levels": {name: float(np.mean(values)) for name, values in flickers.items() if values},
    }


def _lost_packets(path: Path, pattern: LossPattern, rng: np.random.Generator) -> set[int]:
    """Sequence numbers of the packets of a stream that are lost."""
    with path.open("rb") as file:
        motion = [packet.sequence for packet in StreamReader(file) if packet.kind == PacketKind.MOTION]
    lost = pattern.draw(len(motion), rng)
    if not lost.any() and len(motion) > 1:
        lost[len(motion) // 2] = True
    return {motion[i] for i in np.flatnonzero(lost)}


def _decode(path: Path, model: CodecModel, lost: set[int], concealer: Concealer | None) -> list[DecodedFrame]:
    with path.open("rb") as file:
        reader = StreamReader(file)
        decoder = Decoder(model, reader.header, concealer=concealer)
        frames = [f for packet in reader if packet.sequence not in lost for f in decoder.push(packet)]
    if concealer is not None:
        frames += decoder.conceal(reader.motion_tick)
    return frames + decoder.flush()
