"""Records of one validated clip: rates, and means of picture and face quality."""

import dataclasses
from dataclasses import dataclass, field
from statistics import fmean

from bcdcodec.evaluation.metrics.landmarks import (
    LandmarkDistance,
    TrackingFit,
    apertures,
    landmark_distance,
    tracking_fits,
)
from bcdcodec.video.landmarks import Points

#: Landmark distances that are reported, in the order of the tables.
PARTS = tuple(part.name for part in dataclasses.fields(LandmarkDistance))


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Means over the frames of a clip. landmarks: NME by part of the face, empty where none was measured. apertures:
    how mouth and eyes track the source, by part, without parts that the source hardly moves.

    misses: frames with a face in the source and none in the candidate; they enter none of the other means.
    """

    psnr_db: float
    landmarks: dict[str, float]
    apertures: dict[str, TrackingFit]
    misses: int


@dataclass(slots=True)
class FrameScores:
    """Values of the frames of a clip, for their means."""

    psnr_db: list[float] = field(default_factory=list)
    distances: list[LandmarkDistance] = field(default_factory=list)
    apertures: list[tuple[dict[str, float], dict[str, float]]] = field(default_factory=list)
    misses: int = 0

    def add_face(self, candidate: Points | None, source: Points) -> None:
        """Count a face of the source. candidate: None where its face was not found."""
        if candidate is None:
            self.misses += 1
            return
        self.distances.append(landmark_distance(candidate, source))
        self.apertures.append((apertures(candidate), apertures(source)))

    def quality(self) -> Quality:
        """The means of at least one frame."""
        parts = PARTS if self.distances else ()
        candidate, source = zip(*self.apertures, strict=True) if self.apertures else ((), ())
        return Quality(
            psnr_db=fmean(self.psnr_db),
            landmarks={part: fmean(getattr(distance, part) for distance in self.distances) for part in parts},
            apertures=tracking_fits(candidate, source),
            misses=self.misses,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipScore:
    """Rates of the whole .bcd file, and qualities, which are means over `frames` frames, the first one excluded.

    kbps: the file over its duration. packed_kbps: rate of packed motion codes alone. source_misses: frames without a
    face in the source, which are excluded. freeze_frame: the first source frame repeated. mismatched_content: the same
    motion with the content of the clip `donor` of another person; None where there is no other person.
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
    source_misses: int
    codec: Quality
    freeze_frame: Quality
    mismatched_content: Quality | None
