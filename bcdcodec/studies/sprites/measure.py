"""Scores of transferred sprites: the judge's accuracies (the paper's Table A1), PSNR to the truth, codes against poses.

An accuracy is the share of transferred clips whose action is that of the motion clip, and whose clothes are those of
the content clip, to the judge. Sprites have a known truth, so pictures and codes are compared with it as well.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bcdcodec.codec.model import CodecModel
from bcdcodec.config import SamplingConfig
from bcdcodec.evaluation.metrics.psnr import psnr_db
from bcdcodec.sprites.clips import ClipSet
from bcdcodec.sprites.judge import Judge, accuracies, judge_clips
from bcdcodec.sprites.sheets import POSES
from bcdcodec.studies.sprites.scores import entropy_bits, inception, normalized_mutual_information
from bcdcodec.studies.sprites.transfer import Transfer, pairs, transfer


@dataclass(frozen=True, slots=True, kw_only=True)
class SpriteScores:
    """Scores of transferred clips, and of their codes.

    accuracies: share of transferred clips judged right, by label; real_accuracies: of the real clips. psnr_db: mean
    over clips of transferred pictures against the true ones. packed_bits, entropy_bits: a frame.
    """

    model: str
    clips: int
    sampler_steps: int
    guidance: float
    accuracies: dict[str, float]
    real_accuracies: dict[str, float]
    inception_score: float
    conditional_entropy: float
    marginal_entropy: float
    psnr_db: float
    packed_bits: float
    entropy_bits: float
    true_entropy_bits: float
    used_codes: int
    nmi: float
    content_bits: float


def measure(
    model: CodecModel,
    judge: Judge,
    clips: ClipSet,
    *,
    sampling: SamplingConfig,
    limit: int | None = None,
    content_frames: int | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[SpriteScores, Transfer]:
    """Transfer every test clip once as content and once as motion (or `limit` of them), and score that.

    content_frames: as of `transfer`.
    """
    content, motion = pairs(len(clips), limit=limit, seed=seed)
    transferred = transfer(
        model, clips, content, motion, sampling=sampling, content_frames=content_frames, seed=seed, progress=progress
    )
    expected = np.concatenate([clips.labels[motion][:, :1], clips.labels[content][:, 1:]], axis=1)
    poses, codes = clips.poses[motion].reshape(-1), transferred.codes.reshape(-1)
    judged = judge_clips(judge, transferred.decoded)
    actions = inception(judged["action"])
    quantizer = model.config.quantizer
    scores = SpriteScores(
        model=model.config.name,
        clips=len(content),
        sampler_steps=sampling.steps,
        guidance=sampling.guidance,
        accuracies=accuracies(judged, expected),
        real_accuracies=accuracies(judge_clips(judge, clips.clips(content)), clips.labels[content]),
        inception_score=actions.inception_score,
        conditional_entropy=actions.conditional_entropy,
        marginal_entropy=actions.marginal_entropy,
        psnr_db=float(np.mean([psnr_db(a, b) for a, b in zip(transferred.decoded, transferred.truth, strict=True)])),
        packed_bits=float(quantizer.groups * quantizer.bits_per_code),
        entropy_bits=entropy_bits(codes),
        true_entropy_bits=entropy_bits(poses),
        used_codes=len(np.unique(codes)),
        nmi=normalized_mutual_information(codes, poses),
        content_bits=transferred.content_bits,
    )
    return scores, transferred


def confusion(codes: NDArray[np.int64], poses: NDArray[np.int64], entries: int) -> NDArray[np.float64]:
    """Share of each pose's frames that each code stands for: [63, entries], codes sorted by the pose they stand for
    most.
    """
    counts = np.zeros((len(POSES), entries))
    np.add.at(counts, (poses.reshape(-1), codes.reshape(-1)), 1.0)
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    stands_for = np.where(share.any(0), share.argmax(0), len(POSES))  # unused codes come last
    ordered: NDArray[np.float64] = share[:, np.lexsort((-share.max(0), stands_for))]
    return ordered
