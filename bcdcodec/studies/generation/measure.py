"""Measurements of a motion model on code streams: cross-entropy, and statistics of generated against real motion."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bcdcodec.codec.model import CodecModel
from bcdcodec.motion.entropy import count_bits, stream_bits
from bcdcodec.motion.model import MotionGpt
from bcdcodec.motion.rollout import generate_codes
from bcdcodec.motion.sampling import Picking
from bcdcodec.studies.generation.landmarks import FaceLandmarks, LandmarkReader, with_faces
from bcdcodec.studies.generation.statistics import diversity, motion_basis, motion_distance, motion_statistics
from bcdcodec.training.context import cost_bits
from bcdcodec.training.data.code_streams import CodeStream

#: Length of generated sequences (4 s at the codec's frame rate), and sequences for each content.
GENERATED_FRAMES, SEEDS = 50, 2
#: Frames of a packet of a file: two encoder windows.
PACKET_FRAMES = 16


def measure_entropy(
    gpt: MotionGpt, model: CodecModel, learned: list[CodeStream], measured: list[CodeStream]
) -> dict[str, float]:
    """Cross-entropy of the measured streams in bits a frame, by predictor; counts are of the learned streams."""
    order0, previous = count_bits(learned, measured, entries=gpt.config.entries)
    packets = [packet for stream in measured for packet in stream.packets(PACKET_FRAMES)]
    alone = [dataclasses.replace(s, codes=packet) for s in measured for packet in s.packets(PACKET_FRAMES)]
    bits = {
        "order 0": order0,
        "frame before": previous,
        "GPT-2": stream_bits(gpt, measured),
        "GPT-2, every packet by itself": stream_bits(gpt, alone),
    }
    if model.predictor is not None:
        frames = sum(len(packet) for packet in packets)
        bits["integer context model, every packet by itself"] = cost_bits(packets, model.predictor) / frames
    return bits


def generate_all(
    gpt: MotionGpt,
    streams: Sequence[CodeStream],
    picking: Picking,
    *,
    seed: int = 0,
    frames: int = GENERATED_FRAMES,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[NDArray[np.int64]]:
    """Generated codes [frames, G] for the content of each stream. progress: streams."""
    generated = []
    for index, stream in enumerate(streams):
        content = torch.from_numpy(np.asarray(stream.content, np.float32))
        generated.append(generate_codes(gpt, content, frames, picking=picking, seed=seed).numpy())
        progress(index + 1, len(streams))
    return generated


def measure_generated(
    gpt: MotionGpt,
    model: CodecModel,
    streams: list[CodeStream],
    learned: list[CodeStream],
    samplers: dict[str, Picking],
    *,
    frames: int = GENERATED_FRAMES,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Statistics of generated motion, by sampler, and of three references of the same length.

    The references are the streams that are long enough, as many other real ones from `learned`, and faces that stand
    still. progress: generated sequences. Without two streams that long of either kind there are no sets, but a
    `reason`.
    """
    landmarks, rate = LandmarkReader(model), float(model.frame_rate)
    long, others = ([s for s in with_faces(group) if len(s.codes) >= frames] for group in (streams, learned))
    if min(len(long), len(others)) < 2:
        reason = f"{len(long)} and {len(others)} streams have {frames} frames, two of each are needed"
        return {"sequences": len(long), "frames": frames, "sets": {}, "reason": reason}
    real = [landmarks(stream, stream.codes[:frames]) for stream in long]
    known = [landmarks(stream, stream.codes[:frames]) for stream in others]
    basis = motion_basis(known)

    def summarize(sequences: list[FaceLandmarks]) -> dict[str, float]:
        return {
            **dataclasses.asdict(motion_statistics(sequences, frame_rate=rate)),
            "diversity": diversity(sequences),
            "distance": motion_distance(sequences, real, basis),
        }

    still = [sequence[:1].repeat(frames, axis=0) for sequence in real]
    sets = {
        "real": summarize(real),
        "real, people of training": summarize(known[: len(real)]),
        "standing still": summarize(still),
    }
    total = len(samplers) * SEEDS * len(long)
    for index, (name, picking) in enumerate(samplers.items()):
        seeds = []
        for seed in range(SEEDS):
            before = (index * SEEDS + seed) * len(long)
            generated = generate_all(
                gpt,
                long,
                picking,
                seed=seed,
                frames=frames,
                progress=lambda done, _, before=before: progress(before + done, total),  # type: ignore[misc]
            )
            seeds.append([landmarks(stream, codes) for stream, codes in zip(long, generated, strict=True)])
        of_one_content = [diversity([sequences[i] for sequences in seeds]) for i in range(len(long))]
        sets[name] = {**summarize(seeds[0]), "diversity_of_one_content": float(np.mean(of_one_content))}
    return {"sequences": len(long), "frames": frames, "sets": sets}
