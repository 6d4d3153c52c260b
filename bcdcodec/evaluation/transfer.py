"""Whether a transfer kept one person and took another's motion. In: clips; three videos. Out: pairs, a PairScore each.

    result, content source, motion source -> face meshes -> motion about each one's own mean -> distances, amplitudes
                                          -> likeness of the result to either person

Frames of the three are compared at the same times; only those that show a face in all three count for motion.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.clips import Clip, lender
from bcdcodec.evaluation.landmark import landmark_distance
from bcdcodec.evaluation.metrics.faces import face_mesh
from bcdcodec.evaluation.metrics.pair import Video, known_mean
from bcdcodec.evaluation.metrics.table import loaded
from bcdcodec.evaluation.opening import Following, OpeningSums
from bcdcodec.video.landmarks import LEFT_EYE, RIGHT_EYE, Points

#: What a clip must have to be chosen.
LEAST_SECONDS = 3.0
#: Correlation from which a mouth is said to follow.
FOLLOWS = 0.5
#: Amplitude from which a head moves too far, and 1 / it below which not far enough.
TOO_FAR = 1.5

Pair = tuple[Clip, Clip]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairScore:
    """One transfer against both of its sources; None where too few frames show a face.

    frames: compared. faces: of these, with a face in all three videos; only they count. lost: without a face in the
    result, with one in the motion source. size: the eyes' distance in the motion source over that in the result. csim:
    likeness, also of the two sources to each other. error: of the motion, in % of the eyes' distance; still: of a face
    that does not move, against the motion source. place: distance of the points in the picture, where each head starts
    counting too.
    """

    content: str
    motion: str
    frames: int
    faces: int
    lost: int
    size: float | None = None
    csim_content: float | None = None
    csim_motion: float | None = None
    csim_sources: float | None = None
    error_content: float | None = None
    error_motion: float | None = None
    error_still: float | None = None
    place_content: float | None = None
    place_motion: float | None = None
    head: Following | None = None
    mouth: Following | None = None
    eyes: Following | None = None

    @property
    def keeps_identity(self) -> bool:
        """Likeness is nearer to the content source; that of a result without a face is not."""
        return _below(self.csim_motion, self.csim_content)

    @property
    def takes_motion(self) -> bool:
        """Motion is nearer to the motion source."""
        return _below(self.error_motion, self.error_content)

    @property
    def beats_still(self) -> bool:
        """Motion is nearer to the motion source than no motion is."""
        return _below(self.error_motion, self.error_still)

    @property
    def moves_in_place(self) -> bool:
        """Nearer to the motion source even where each head starts counts."""
        return _below(self.place_motion, self.place_content)

    @property
    def mouth_follows(self) -> bool:
        """Or the source's mouth does too little to tell."""
        return self.mouth is None or self.mouth.correlation >= FOLLOWS

    @property
    def head_as_far(self) -> bool:
        """Or the source's head stands still."""
        return self.head is None or 1 / TOO_FAR <= self.head.amplitude <= TOO_FAR


VERDICTS = ("keeps_identity", "takes_motion", "beats_still", "moves_in_place", "mouth_follows", "head_as_far")


def choose_pairs(clips: Sequence[Clip], count: int) -> list[Pair]:
    """(content, motion): each person's first clip that is long enough borrows the motion of the next person's.

    Spread evenly over the people in alphabetical order, so that nobody picks the good ones; everyone gives content at
    most once and motion at most once.
    """
    people: dict[str, Clip] = {}
    for clip in clips:
        if clip.seconds >= LEAST_SECONDS:
            people.setdefault(clip.person, clip)
    candidates = list(people.values())
    needed = max(2, count)
    if len(candidates) < needed:
        raise ConfigError(f"{len(candidates)} people have a clip of {LEAST_SECONDS:g} s or more, needs {needed}")
    pairs = []
    for place in np.linspace(0, len(candidates) - 1, count).round().astype(int):
        other = lender(candidates[place], candidates)
        assert other is not None  # there are two people
        pairs.append((candidates[place], other))
    return pairs


def may_be_shown(pair: Pair) -> bool:
    """The result shows the one and moves as the other: both licences count."""
    return all(clip.may_be_shown for clip in pair)


def motion_of(meshes: Sequence[Points]) -> NDArray[np.float64]:
    """How the points [T, 478, 2] move about their own means over time, in % of the mean distance of the eyes.

    Where a head is, how large it is and what face it has drop out, and so does the frame that motion counts from.
    """
    points = np.stack([mesh[:, :2] for mesh in meshes]).astype(np.float64)
    return np.asarray((points - points.mean(axis=0)) / (eyes_distance(meshes) / 100))


def eyes_distance(meshes: Sequence[Points]) -> float:
    """Of the outer corners, in pixels, mean over time."""
    return float(np.mean([np.linalg.norm(mesh[LEFT_EYE, :2] - mesh[RIGHT_EYE, :2]) for mesh in meshes]))


def motion_distance(found: NDArray[np.float64], expected: NDArray[np.float64]) -> float:
    """Mean distance of a point, over points and frames."""
    return float(np.linalg.norm(found - expected, axis=-1).mean())


def head_following(found: NDArray[np.float64], expected: NDArray[np.float64]) -> Following | None:
    """Of the middle of the face, across and down together; None where the expected one stands still."""
    own, theirs = found.mean(axis=1).ravel(), expected.mean(axis=1).ravel()
    spread, size = float(theirs @ theirs), float(own @ own)
    if spread == 0:
        return None
    both = float(own @ theirs)
    return Following(correlation=both / (spread * size) ** 0.5 if size else 0.0, amplitude=both / spread)


def score(names: tuple[str, str], result: Video, content: Video, motion: Video) -> PairScore:
    """Compare a result with both sources; three videos of one shape."""
    found = [tuple(face_mesh(pixels) for pixels in at) for at in zip(result, content, motion, strict=True)]
    counts = {"frames": len(found), "lost": sum(own is None and theirs is not None for own, _, theirs in found)}
    seen = [tuple(mesh for mesh in at if mesh is not None) for at in found]
    complete = [at for at in seen if len(at) == 3]
    fixed: dict[str, Any] = {"content": names[0], "motion": names[1], **counts, "faces": len(complete)}
    if len(complete) < 2:  # nothing moves
        return PairScore(**fixed)
    sequences = tuple(zip(*complete, strict=True))
    own, of_content, of_motion = map(motion_of, sequences)
    openings = OpeningSums()
    for mesh, _, driver in complete:
        openings.add(mesh, driver)
    following = openings.following()
    csim = loaded("csim")
    return PairScore(
        **fixed,
        size=eyes_distance(sequences[2]) / eyes_distance(sequences[0]),
        csim_content=known_mean(csim(result, content)),
        csim_motion=known_mean(csim(result, motion)),
        csim_sources=known_mean(csim(content, motion)),
        error_content=motion_distance(own, of_content),
        error_motion=motion_distance(own, of_motion),
        error_still=motion_distance(np.zeros_like(of_motion), of_motion),
        place_content=float(np.mean([landmark_distance(mesh, other).all for mesh, other, _ in complete])),
        place_motion=float(np.mean([landmark_distance(mesh, other).all for mesh, _, other in complete])),
        head=head_following(own, of_motion),
        mouth=following.get("mouth"),
        eyes=following.get("eyes"),
    )


def _below(low: float | None, high: float | None) -> bool:
    """False where either is unknown."""
    return low is not None and high is not None and low < high
