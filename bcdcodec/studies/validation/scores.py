"""Records of one validated clip: rates, means of picture quality, and of faces by each judge."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean

from bcdcodec.evaluation.metrics.judges import JUDGES
from bcdcodec.evaluation.metrics.landmark_layout import LandmarkLayout
from bcdcodec.evaluation.metrics.landmarks import (
    Landmarks,
    TrackingFit,
    apertures,
    landmark_distance,
    tracking_fits,
)

#: What is compared with the source, in the order of the tables; fields of `ClipScore`.
COLUMNS = ("codec", "warp_only", "references_held", "freeze_frame", "mismatched_content")


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceQuality:
    """Faces of a clip by one judge. landmarks: NME by part of the face, mean over frames, empty where none was
    measured. apertures: how mouth and eyes track the source, by part, without parts that the source hardly moves.

    misses: frames with a face in the source and none in the candidate; they enter none of the other means.
    """

    landmarks: dict[str, float]
    apertures: dict[str, TrackingFit]
    misses: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Means over the frames of a clip. faces: by judge, empty where faces were not measured."""

    psnr_db: float
    faces: dict[str, FaceQuality] = field(default_factory=dict)


#: A face's landmarks in each frame, None where the judge found no face, or was not asked.
Track = Sequence[Landmarks | None]


@dataclass(slots=True)
class FrameScores:
    """Values of the frames of a clip, for their means. faces: landmarks by judge."""

    psnr_db: list[float] = field(default_factory=list)
    faces: dict[str, list[Landmarks | None]] = field(default_factory=dict)

    def quality(self, source: dict[str, list[Landmarks | None]]) -> Quality:
        """The means of at least one frame. source: the source's landmarks of the same frames, by judge."""
        faces = {name: face_quality(track, source[name], JUDGES[name].layout) for name, track in self.faces.items()}
        return Quality(psnr_db=fmean(self.psnr_db), faces=faces)


def face_quality(candidate: Track, source: Track, layout: LandmarkLayout) -> FaceQuality:
    """Compare the landmarks of the same frames; those without a face in the source do not count."""
    wanted = [(found, expected) for found, expected in zip(candidate, source, strict=True) if expected is not None]
    pairs = [(found, expected) for found, expected in wanted if found is not None]
    distances = [landmark_distance(found, expected, layout) for found, expected in pairs]
    own, theirs = ([apertures(pair[side], layout) for pair in pairs] for side in (0, 1))
    return FaceQuality(
        landmarks={part: fmean(found[part] for found in distances) for part in layout.names if distances},
        apertures=tracking_fits(own, theirs, layout),
        misses=len(wanted) - len(pairs),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkScore:
    """One link of the chain of landmarks (chain.py), against the source by one judge, as in `FaceQuality`."""

    landmarks: dict[str, float]
    apertures: dict[str, TrackingFit]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipScore:
    """Rates of the whole .bcd file, and qualities, which are means over `frames` frames, the first one excluded.

    kbps: the file over its duration. packed_kbps: rate of packed motion codes alone. source_misses: by judge, frames
    without a face in the source, which are excluded. warp_only: decoded without the denoiser; None for a model without
    a warper, and where the codec itself stops there. references_held: the reference of each frame, without motion; None
    for a model without a warper. freeze_frame: the first source frame repeated. mismatched_content: the same motion
    with the content of the clip `donor` of another person; None where there is no other person. chain: judge -> link ->
    score, empty where faces were not measured.
    """

    clip: str
    person: str
    license_class: str
    donor: str | None
    seconds: float
    frames: int
    file_bytes: int
    kbps: float
    header_content_bits: int
    motion_bits_per_frame: float
    packed_kbps: float
    source_misses: dict[str, int]
    codec: Quality
    warp_only: Quality | None
    freeze_frame: Quality
    mismatched_content: Quality | None
    chain: dict[str, dict[str, LinkScore]]
    references_held: Quality | None = None
