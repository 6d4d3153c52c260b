"""Chain of landmarks from the source to the decoded picture: where a movement of the face is lost.

    source -> encoder -> nearest codes -> codes as sent -> warped picture -> decoded picture

Up to the codes as sent, the model holds displacements since the reference (model_landmarks.py); they are added to the
landmarks found in the reference, so that their errors are those of the movement alone. After that, landmarks are found
in the pictures. All are compared with the source's by the same judge, over the frames in which every link has them.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bcdcodec.evaluation.metrics.judges import JUDGES
from bcdcodec.evaluation.metrics.landmark_layout import LandmarkLayout
from bcdcodec.studies.validation.model_landmarks import ModelLandmarks
from bcdcodec.studies.validation.scores import LinkScore, Track, face_quality

#: Links in their order, by the titles of the table. `placed`: the source's own displacements, but from where the model
#: places the landmarks of the reference; its error is that of these places alone.
LINKS = {
    "placed": "landmarks of the reference, as placed by the model",
    "encoder": "displacements after the encoder",
    "nearest": "displacements after the nearest codes",
    "sent": "displacements after the codes as sent",
    "warped": "in the warped picture",
    "decoded": "in the decoded picture",
}
#: The judge whose landmarks the model holds.
MODEL_JUDGE = "mesh"

#: [T, L, 2 or more], NaN in frames without a face.
PointSequence = NDArray[np.floating]


def clip_chain(
    model: ModelLandmarks | None, source: Mapping[str, Track], pictures: Mapping[str, Mapping[str, Track]]
) -> dict[str, dict[str, LinkScore]]:
    """Judge -> link -> score of one clip. source: by judge, landmarks of the frames that `model` holds; pictures: the
    same of the links that are pictures; model: None where the model has no landmarks. Judges without a frame that all
    links share are left out.
    """
    chains = {}
    for name in source:
        layout = JUDGES[name].layout
        true = stack(source[name], layout)
        links = {link: stack(tracks[name], layout) for link, tracks in pictures.items()}
        if model is not None and name == MODEL_JUDGE:
            links = {**model_links(model, true), **links}
        if scores := score_links(links, true, layout):
            chains[name] = scores
    return chains


def model_links(model: ModelLandmarks, source: PointSequence) -> dict[str, PointSequence]:
    """The links up to the codes as sent: [T, L, 2] each. source: [T, L, 2 or more]."""
    placed = model.placed + (source[..., :2] - model.reference)
    moved = {"encoder": model.encoder, "nearest": model.nearest, "sent": model.sent}
    return {"placed": placed, **{name: model.reference + own for name, own in moved.items()}}


def score_links(
    links: Mapping[str, PointSequence], source: PointSequence, layout: LandmarkLayout
) -> dict[str, LinkScore]:
    """Scores over the frames in which the source and all links have landmarks; empty where there are none."""
    known = np.isfinite(source).all((1, 2))
    for points in links.values():
        known &= np.isfinite(points).all((1, 2))
    if not known.any():
        return {}
    scores = {}
    for name, points in links.items():
        found = face_quality(list(points[known]), list(source[known]), layout)
        scores[name] = LinkScore(landmarks=found.landmarks, apertures=found.apertures)
    return scores


def stack(track: Track, layout: LandmarkLayout) -> PointSequence:
    """Landmarks of each frame as one array [T, L, 2], NaN where there are none."""
    absent = np.full((layout.points, 2), np.nan, np.float32)
    return np.stack([absent if points is None else points[:, :2] for points in track])
