"""Benchmarks of loss concealment: every concealer on the same lost packets of code streams and of decoded pictures.

On code streams, errors are of landmarks decoded from codes (landmarks.py), over lost frames alone; flicker is over the
steps into, within and out of each gap. Clips of one person are alike, so concealers are compared person by person.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bcdcodec.bitstream.packet import PacketKind
from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.codec.decode.concealment import Concealer
from bcdcodec.codec.decode.decoder import DecodedFrame, Decoder
from bcdcodec.codec.decode.settings import DecodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.evaluation.harness.intervals import Interval, interval_of_people
from bcdcodec.evaluation.metrics.landmarks import landmark_distance
from bcdcodec.studies.generation.landmarks import LandmarkReader, landmark_error, landmark_flicker, with_faces
from bcdcodec.studies.generation.packet_loss import LossPattern, fill_gaps, find_gaps
from bcdcodec.training.data.code_streams import CodeStream
from bcdcodec.video.landmarks import landmarks as find_mesh


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcealmentScore:
    """Landmark error and flicker of one concealer: means over the lost frames, in % of the inter-ocular distance.

    against_first: difference of its error to that of the first concealer (below 0 is better), mean over people and its
    95 % interval.
    """

    error: float
    flicker: float
    against_first: Interval


@dataclass(frozen=True, slots=True)
class ConcealmentComparison:
    """Concealers on the same lost packets. lost_frames and gaps of all streams together; results by concealer."""

    lost_frames: int
    gaps: int
    results: dict[str, ConcealmentScore]


def compare_concealers(
    streams: list[CodeStream],
    pattern: LossPattern,
    concealers: dict[str, Concealer],
    landmarks: LandmarkReader,
    *,
    packet_frames: int,
    draws: int = 1,
) -> ConcealmentComparison | None:
    """Lose packets of every stream, `draws` times over, and fill the same gaps with each concealer.

    The first concealer is the reference of the differences. None where nothing is lost of so few packets.
    """
    errors: dict[str, list[float]] = {name: [] for name in concealers}
    flickers: dict[str, list[float]] = {name: [] for name in concealers}
    people: list[str] = []
    gap_count = 0
    for index, stream in enumerate(with_faces(streams)):
        expected = landmarks(stream)
        content = torch.from_numpy(np.asarray(stream.content, np.float32))
        codes = stream.codes.astype(np.int64)
        for draw in range(draws):
            lost = pattern.draw(-(-len(codes) // packet_frames), np.random.default_rng((index, draw)))
            gaps = find_gaps(lost, packet_frames=packet_frames, frames=len(codes))
            gap_count += len(gaps)
            people += [stream.person for start, end in gaps for _ in range(start, end)]
            for name, concealer in concealers.items():
                filled = landmarks(stream, fill_gaps(codes, gaps, concealer, content))
                for start, end in gaps:
                    errors[name] += landmark_error(filled[start:end], expected[start:end]).tolist()
                    around = slice(start - 1, end + 1)
                    flickers[name] += landmark_flicker(filled[around], expected[around]).tolist()
    if not people:
        return None
    first = next(iter(errors.values()))
    results = {}
    for name in concealers:
        differences: dict[str, list[float]] = {}
        for person, error, reference in zip(people, errors[name], first, strict=True):
            differences.setdefault(person, []).append(error - reference)
        results[name] = ConcealmentScore(
            error=float(np.mean(errors[name])),
            flicker=float(np.mean(flickers[name])),
            against_first=interval_of_people(differences),
        )
    return ConcealmentComparison(len(people), gap_count, results)


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
                mesh, expected = find_mesh(frames[i]), find_mesh(reference[i])
                if mesh is not None and expected is not None:
                    distances[name].append(landmark_distance(mesh, expected)["all"])
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
