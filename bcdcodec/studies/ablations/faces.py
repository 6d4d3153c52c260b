"""Transfers between unseen people by each variant, in the measures of the paper: identity, and errors of a 3D face.

The content of each person's clip moves as the clip of the next person does (studies/transfer/protocol.py).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bcdcodec.codec.model import CodecModel
from bcdcodec.config import ModelConfig
from bcdcodec.evaluation.harness.clips import Clip, read_clips
from bcdcodec.evaluation.metrics.distribution import FeatureSet, frechet_distance
from bcdcodec.evaluation.metrics.features import Features
from bcdcodec.evaluation.metrics.fid import Inception
from bcdcodec.evaluation.metrics.pair import known_mean
from bcdcodec.evaluation.report.figures import picture_grid
from bcdcodec.studies.cross_driving import codes_of, contents_of, decode_codes
from bcdcodec.studies.transfer.protocol import (
    FREEZE_FRAME,
    MOTION_CLIP,
    TRANSFER,
    PairBounds,
    Values,
    make_pairs,
    pair_bounds,
    score_pair,
)
from bcdcodec.video.reader import read_clip

#: Frames of a transfer, and pairs in the sheet.
FRAMES, SHOWN = 24, 4
#: Measures of a pair that the paper has too.
MEASURES = ("csim", "shape", "motion", "cross")

Frames = NDArray[np.uint8]


class FaceJudge:
    """Scores weights by transfers among clips of different people; a `Judge` of scores.py.

    count: pairs at most. inception: weights of FID's network, None for the distance by a packaged one. ConfigError for
    clips of one person, or of fewer frames than a transfer has in all.
    """

    def __init__(
        self,
        test: Path,
        config: ModelConfig,
        *,
        count: int,
        device: str,
        seed: int = 0,
        inception: Path | None = None,
    ) -> None:
        rate = config.frame_rate[0] / config.frame_rate[1]
        # The clip of a person that shows the most.
        clips = sorted(read_clips(test), key=lambda clip: -clip.seconds)
        clips = [clip for clip in clips if clip.seconds * rate >= FRAMES + 1]
        self._pairs, self._config = make_pairs(clips)[:count], config
        # Few may be: pairs of the sheet are of these alone.
        self._may_be_shown = [clip for clip in clips if clip.may_be_shown]
        # Most clips stand in two pairs.
        compared = {clip.name: clip for pair in self._pairs for clip in pair}
        self._frames = {name: _head(clip, config) for name, clip in compared.items()}
        self._features: Callable[[Frames], FeatureSet] = Features() if inception is None else Inception(inception)
        self._distance = "frechet" if inception is None else "fid"
        self._device, self._seed = device, seed
        self._true_features = self._features_of(self._frames.values())
        #: Number of transfers.
        self.count = len(self._pairs)

    def __call__(self, weights: Path, content_frames: int | None, *, steps: int | None = None) -> dict[str, float]:
        """Numbers of some weights by name, without those of faces where no picture shows one.

        csim, shape, motion, cross: means over the pairs, errors in mm. identity, follows: shares of the pairs that
        `keeps_identity` and `follows_motion` hold for. frechet or fid: distance of features of EfficientNet, or of
        FID's network, between the transferred pictures and those of all clips.
        """
        model = CodecModel.load(weights, device=self._device)
        results = self._transfers(model, content_frames, steps=steps)
        scores = [score_pair(bounds, result) for bounds, result in zip(self._bounds, results, strict=True)]
        means = {
            name: known_mean(np.array([score[TRANSFER][name] for score in scores], np.float64)) for name in MEASURES
        }
        return {
            **{name: mean for name, mean in means.items() if mean is not None},
            "identity": float(np.mean([keeps_identity(score) for score in scores])),
            "follows": float(np.mean([follows_motion(score) for score in scores])),
            self._distance: frechet_distance(self._features_of(results), self._true_features),
        }

    def sheet(self, path: Path, weights: dict[str, Path]) -> None:
        """One row a pair of clips that may be published: content, motion, and what each of the weights decodes.

        Without two people in such clips no file is written, and one of an earlier study is removed: numbers need no
        permission.
        """
        if len({clip.person for clip in self._may_be_shown}) < 2:
            path.unlink(missing_ok=True)
            return
        pairs = [
            (_head(content, self._config), _head(motion, self._config))
            for content, motion in make_pairs(self._may_be_shown)[:SHOWN]
        ]
        decoded = [
            self._transfers(CodecModel.load(file, device=self._device), None, pairs=pairs) for file in weights.values()
        ]
        rows = [
            [content[0], motion[FRAMES // 2], *(videos[row][FRAMES // 2] for videos in decoded)]
            for row, (content, motion) in enumerate(pairs)
        ]
        titles = ["content", "motion", *weights]
        picture_grid(path, rows, columns=titles, captions=[[""] * len(titles)] * len(rows))

    @cached_property
    def _bounds(self) -> list[PairBounds]:
        """What all results of a pair are compared with, in the order of the pairs."""
        return [pair_bounds(self._frames[content.name], self._frames[motion.name]) for content, motion in self._pairs]

    def _features_of(self, videos: Iterable[Frames]) -> FeatureSet:
        return np.concatenate([self._features(video) for video in videos])

    def _transfers(
        self,
        model: CodecModel,
        content_frames: int | None,
        *,
        steps: int | None = None,
        pairs: Sequence[tuple[Frames, Frames]] | None = None,
    ) -> list[Frames]:
        """Pictures of pairs of clips' frames, of all that are judged if not given."""
        if pairs is None:
            pairs = [(self._frames[content.name], self._frames[motion.name]) for content, motion in self._pairs]
        sampling = model.config.sampling["standard"]
        sampling = sampling if steps is None else replace(sampling, steps=steps)
        return [
            decode_codes(
                model,
                contents_of(model, content[None, :content_frames]),
                codes_of(model, motion[None]),
                sampling,
                seed=self._seed,
            )[0]
            for content, motion in pairs
        ]


def keeps_identity(score: dict[str, Values]) -> bool:
    """Whether a transfer is nearer to the content's person than the one that it moves like; not without a face."""
    return _is_above(score[TRANSFER]["csim"], score[MOTION_CLIP]["csim"])


def follows_motion(score: dict[str, Values]) -> bool:
    """Whether the 3D motion of a transfer is nearer to that of the motion clip than a still is; not without a face."""
    return _is_above(score[FREEZE_FRAME]["motion"], score[TRANSFER]["motion"])


def _is_above(value: float | None, other: float | None) -> bool:
    return value is not None and other is not None and value > other


def _head(clip: Clip, config: ModelConfig) -> Frames:
    """The first frames of a clip, [T, P, P, 3]."""
    frames = read_clip(clip.path, rate=Fraction(*config.frame_rate), pixels=config.pixels)
    return np.stack(list(islice(frames, FRAMES)))
