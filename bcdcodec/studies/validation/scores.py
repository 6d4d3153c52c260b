"""Records of one validated clip: rates, and means of picture and face quality."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Self

from bcdcodec.evaluation.metrics.landmarks import ApertureSums, LandmarkDistance, TrackingFit, landmark_distance
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
class QualitySums:
    """Sums over the frames of a clip, in constant memory."""

    psnr_db: float = 0.0
    frames: int = 0
    landmarks: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PARTS, 0.0))
    apertures: ApertureSums = field(default_factory=ApertureSums)
    faces: int = 0
    misses: int = 0

    def add_picture(self, psnr_db: float) -> None:
        """Count a frame."""
        self.psnr_db += psnr_db
        self.frames += 1

    def add_face(self, candidate: Points | None, source: Points) -> None:
        """Count a face of the source. candidate: None where its face was not found."""
        if candidate is None:
            self.misses += 1
            return
        self.faces += 1
        self.apertures.add(candidate, source)
        distance = landmark_distance(candidate, source)
        for part in PARTS:
            self.landmarks[part] += getattr(distance, part)

    def quality(self) -> Quality:
        """The means of at least one frame."""
        landmarks = {part: total / self.faces for part, total in self.landmarks.items()} if self.faces else {}
        return Quality(
            psnr_db=self.psnr_db / self.frames,
            landmarks=landmarks,
            apertures=self.apertures.fit(),
            misses=self.misses,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipScore:
    """Rates are of the whole .bcd file; qualities are means over `frames` frames, the first one excluded.

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

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Self:
        """Inverse of `to_json`; KeyError or TypeError if it is from another release."""
        mismatched = found["mismatched_content"]
        qualities = {
            "codec": _quality(found["codec"]),
            "freeze_frame": _quality(found["freeze_frame"]),
            "mismatched_content": None if mismatched is None else _quality(mismatched),
        }
        return cls(**{**found, **qualities})


def _quality(found: dict[str, Any]) -> Quality:
    apertures = {part: TrackingFit(**values) for part, values in found["apertures"].items()}
    return Quality(**{**found, "apertures": apertures})
