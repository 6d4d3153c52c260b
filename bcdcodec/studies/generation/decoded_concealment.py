"""Benchmark of loss concealment on decoded pictures: landmark distance and flicker against a decoding without loss."""

from pathlib import Path
from typing import Any

import numpy as np

from bcdcodec.bitstream.packet import PacketKind
from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.codec.decode.concealment import Concealer
from bcdcodec.codec.decode.decoder import DecodedFrame, Decoder
from bcdcodec.codec.decode.settings import DecodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.evaluation.metrics.landmarks import landmark_distance
from bcdcodec.studies.generation.packet_loss import LossPattern
from bcdcodec.video.landmarks import landmarks


def measure_decoded(
    paths: list[Path], model: CodecModel, pattern: LossPattern, concealers: dict[str, Concealer]
) -> dict[str, Any]:
    """Means over the frames of `.bcd` files that the pattern loses, by concealer.

    Landmark distance to the picture decoded without loss, in % of the inter-ocular distance; flicker, the difference
    of the frame-to-frame changes, in 8-bit levels. A stream without a lost packet loses the one in its middle.
    """
    distances: dict[str, list[float]] = {name: [] for name in concealers}
    flickers: dict[str, list[float]] = {name: [] for name in concealers}
    lost_frames = 0
    for index, path in enumerate(paths):
        reference = _decode(path, model, set(), None)
        lost_packets = _lose_packets(path, pattern, np.random.default_rng(index))
        for name, concealer in concealers.items():
            frames = _decode(path, model, lost_packets, concealer)
            lost = [i for i, frame in enumerate(frames) if frame.concealed]
            for i in lost:
                mesh, expected = landmarks(frames[i]), landmarks(reference[i])
                if mesh is not None and expected is not None:
                    distances[name].append(landmark_distance(mesh, expected).all)
                own, true = (f[i].pixels.astype(int) - f[i - 1].pixels for f in (frames, reference))
                flickers[name].append(float(np.abs(own - true).mean()))
        lost_frames += len(lost)
    return {
        "clips": [path.stem.split("-")[0] for path in paths],
        "lost_frames": lost_frames,
        "landmark_distance": {name: float(np.mean(values)) for name, values in distances.items() if values},
        "flicker_levels": {name: float(np.mean(values)) for name, values in flickers.items() if values},
    }


def _lose_packets(path: Path, pattern: LossPattern, rng: np.random.Generator) -> set[int]:
    """Sequence numbers of the lost packets of a stream."""
    with path.open("rb") as file:
        motion = [packet.sequence for packet in StreamReader(file) if packet.kind == PacketKind.MOTION]
    lost = pattern.draw(len(motion), rng)
    if not lost.any() and len(motion) > 1:
        lost[len(motion) // 2] = True
    return {motion[i] for i in np.flatnonzero(lost)}


def _decode(path: Path, model: CodecModel, lost: set[int], concealer: Concealer | None) -> list[DecodedFrame]:
    with path.open("rb") as file:
        reader = StreamReader(file)
        decoder = Decoder(model, reader.header, DecodeSettings(concealer=concealer))
        frames = [f for packet in reader if packet.sequence not in lost for f in decoder.push(packet)]
    if concealer is not None:
        frames += decoder.conceal(reader.motion_tick)
    return frames + decoder.flush()
