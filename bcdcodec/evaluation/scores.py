"""What was measured of one clip. In: numbers per frame. Out: means as records, and those as JSON and back."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Self

from bcdcodec.evaluation.metrics.landmarks import Following, LandmarkDistance, OpeningSums, landmark_distance
from bcdcodec.video.landmarks import Points

#: Landmark distances that are reported, in the order of the tables.
PARTS = tuple(part.name for part in dataclasses.fields(LandmarkDistance))


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Means over the frames of a clip. landmarks: by part of the face, empty where none was measured. following: how
    mouth and eyes open with the source, by part, without those that the source hardly moves.

    misses: frames with a face in the source and none in the candidate; they are in no mean of the others.
    """

    psnr_db: float
    landmarks: dict[str, float]
    following: dict[str, Following]
    misses: int


@dataclass(slots=True)
class QualitySums:
    """Collects frames in constant memory."""

    psnr_db: float = 0.0
    frames: int = 0
    landmarks: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PARTS, 0.0))
    openings: OpeningSums = field(default_factory=OpeningSums)
    faces: int = 0
    misses: int = 0

    def add_picture(self, psnr_db: float) -> None:
        self.psnr_db += psnr_db
        self.frames += 1

    def add_face(self, candidate: Points | None, source: Points) -> None:
        """None: the candidate's face was not found."""
        if candidate is None:
            self.misses += 1
            return
        self.faces += 1
        self.openings.add(candidate, source)
        distance = landmark_distance(candidate, source)
        for part in PARTS:
            self.landmarks[part] += getattr(distance, part)

    def quality(self) -> Quality:
        landmarks = {part: total / self.faces for part, total in self.landmarks.items()} if self.faces else {}
        return Quality(
            psnr_db=self.psnr_db / self.frames,
            landmarks=landmarks,
            following=self.openings.following(),
            misses=self.misses,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipScore:
    """Rates are of the whole .bcd file; qualities are means over `frames` frames, the first one left out.

    kbps: the file over its duration. packed_kbps: what packed motion codes alone would take. source_misses: frames
    without a face in the source, which count for nothing. frozen: the first source frame held. borrowed: the same
    motion with the content of the clip `lender` of another person; None where there is no other person.
    """

    clip: str
    person: str
    license_class: str
    lender: str | None
    seconds: float
    frames: int
    file_bytes: int
    kbps: float
    header_content_bits: int
    motion_bits_per_frame: float
    packed_kbps: float
    source_misses: int
    codec: Quality
    frozen: Quality
    borrowed: Quality | None

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Self:
        """Inverse of `to_json`; KeyError or TypeError if it is from another release."""
        borrowed = found["borrowed"]
        qualities = {
            "codec": _quality(found["codec"]),
            "frozen": _quality(found["frozen"]),
            "borrowed": None if borrowed is None else _quality(borrowed),
        }
        return cls(**{**found, **qualities})


def _quality(found: dict[str, Any]) -> Quality:
    following = {part: Following(**values) for part, values in found["following"].items()}
    return Quality(**{**found, "following": following})
