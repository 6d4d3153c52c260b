"""Cross-identity transfer, the paper's protocol: errors of one pair of clips of two people.

    content clip -> content token --.
    motion clip  -> codes ----------+-> decoder -> result -> identity against the content clip
                                                         -> motion against the motion clip

Two bounds stand beside the codec: the motion clip itself (perfect motion, wrong person) and the freeze frame of the
content clip (right person, no motion).
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bcdcodec.codec.encode.file import encode_file
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.codec.transfer import content_of_file
from bcdcodec.config import SamplingConfig
from bcdcodec.errors import ConfigError, FaceError
from bcdcodec.evaluation.face3d.errors import motion_error, motion_error_from_start, shape_error, transfer_error
from bcdcodec.evaluation.face3d.fit import FaceFit, fit_video
from bcdcodec.evaluation.harness.clips import Clip
from bcdcodec.evaluation.harness.decoding import decoded_frames
from bcdcodec.evaluation.metrics.faces import face_mesh
from bcdcodec.evaluation.metrics.pair import known_mean
from bcdcodec.evaluation.metrics.table import loaded
from bcdcodec.video.landmarks import POINTS

Frames = NDArray[np.uint8]
#: Measures in the order of tables: name -> (unit, higher is better). Errors in 3D are roots of Eqs. 7, 9, 11;
#: motion-from-start is relative motion: it ignores another pose in the first frame.
MEASURES = {
    "csim": ("", True),
    "shape": ("mm", False),
    "motion": ("mm", False),
    "motion-from-start": ("mm", False),
    "cross": ("mm", False),
    "ard": ("degrees", False),
    "auh": ("", False),
}
CANDIDATES = TRANSFER, MOTION_CLIP, FREEZE_FRAME = ("transfer", "motion clip", "freeze frame")
#: Seed of the decoder's noise.
SEED = 0

#: Measure -> value; None where no frame showed a face.
Values = dict[str, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferScore:
    """One candidate on one pair; None where no frame showed a face."""

    content: str
    motion: str
    candidate: str
    values: Values


@dataclass(frozen=True, slots=True)
class PairBounds:
    """Frames [T, H, W, 3] of both clips of a pair, their fits (None without a face), and the values of both bounds."""

    content: Frames
    motion: Frames
    fits: tuple[FaceFit | None, FaceFit | None]
    values: dict[str, Values]


def read_pairs(path: Path, clips: list[Clip]) -> list[tuple[Clip, Clip]]:
    """(content, motion) of every row of a CSV file. ConfigError unless all are clips, of two people a pair."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [(row["content"], row["motion"]) for row in csv.DictReader(file)]
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except KeyError as error:
        raise ConfigError(f"{path} misses the column {error}, needs content and motion") from error
    by_name = {clip.name: clip for clip in clips}
    if unknown := {name for row in rows for name in row} - {*by_name}:
        raise ConfigError(f"{path} names {', '.join(sorted(unknown))}, which the folder of clips does not hold")
    pairs = [(by_name[content], by_name[motion]) for content, motion in rows]
    if not pairs or any(content.person == motion.person for content, motion in pairs):
        raise ConfigError(f"{path} needs at least one pair, each of two people")
    return pairs


def make_pairs(clips: list[Clip]) -> list[tuple[Clip, Clip]]:
    """(content, motion) of every person and the next one, the first clip of each. ConfigError of one person alone."""
    people: dict[str, Clip] = {}
    for clip in clips:
        people.setdefault(clip.person, clip)
    first = list(people.values())
    if len(first) < 2:
        raise ConfigError(f"clips are of {len(first)} person, a transfer needs two people")
    return list(zip(first, [*first[1:], first[0]], strict=True))


def transfer_frames(sources: tuple[Path, Path], *, model: CodecModel, sampling: SamplingConfig, stream: Path) -> Frames:
    """Decoded frames of the motion of one file with the content of another; `stream` is written."""
    settings = EncodeSettings(bitrate=None, seed=SEED)
    encode_file(sources[1], stream, model=model, settings=settings, crop=False, audio_bitrate=None)
    appearance = content_of_file(model, sources[0], crop=False)
    return np.stack([frame.pixels for frame in decoded_frames(model, stream, sampling, content=appearance)])


def pair_bounds(content: Frames, motion: Frames) -> PairBounds:
    """Measure both bounds of a pair, for any number of results; frames [T, H, W, 3]."""
    fits = _, of_motion = _fit(content), _fit(motion)
    frozen = np.broadcast_to(content[:1], motion.shape)
    values = {
        MOTION_CLIP: _values(motion, of_motion, content, motion, fits),
        FREEZE_FRAME: _values(frozen, _fit(frozen), content, motion, fits),
    }
    return PairBounds(content, motion, fits, values)


def score_pair(bounds: PairBounds, result: Frames) -> dict[str, Values]:
    """Candidate -> measure -> value; as many frames [T, H, W, 3] of the result as of the motion."""
    own = _values(result, _fit(result), bounds.content, bounds.motion, bounds.fits)
    return {TRANSFER: own, **bounds.values}


def _values(
    frames: Frames, own: FaceFit | None, content: Frames, motion: Frames, fits: tuple[FaceFit | None, FaceFit | None]
) -> Values:
    """own: the fit of `frames`; fits: those of content and motion."""
    values: Values = dict.fromkeys(MEASURES)
    values["csim"] = known_mean(loaded("csim")(frames, np.broadcast_to(content[:1], frames.shape)))
    for name in ("ard", "auh"):
        values[name] = known_mean(loaded(name)(frames, motion))
    of_content, of_motion = fits
    if own is None or of_content is None or of_motion is None:
        return values
    values["shape"] = shape_error(of_content, own) ** 0.5
    try:
        values["motion"] = motion_error(of_motion, own) ** 0.5
        values["motion-from-start"] = motion_error_from_start(of_motion, own) ** 0.5
        values["cross"] = transfer_error(of_content, of_motion, own) ** 0.5
    except FaceError:  # no frame in which both show a face
        pass
    return values


def _fit(frames: Frames) -> FaceFit | None:
    """None where no frame shows a face that can be fitted."""
    faces = [face_mesh(pixels) for pixels in frames]
    meshes = np.stack([np.full((POINTS, 2), np.nan) if mesh is None else mesh[:, :2] for mesh in faces])
    try:
        return fit_video(meshes)
    except FaceError:
        return None
