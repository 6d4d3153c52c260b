"""Training pairs of the denoiser of pictures: true frames, and the guides that a decoder would have for them.

clip -> a reference, and moments that it serves     mostly a central one, as encoders choose it
     -> augmentation of colours and light           the same for all of them
reference -> AV1 still of a random budget           what a decoder has, not a clean frame
frames -> landmarks -> codes -> warped still        nearest codes, landmarks of the still as they are coded
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bcdcodec.bitstream.face import join_face
from bcdcodec.bitstream.records import ContentCoding
from bcdcodec.codec.content import decode_content
from bcdcodec.codec.model import CodecModel
from bcdcodec.entropy.landmarks import encode_landmarks
from bcdcodec.frame import Frame
from bcdcodec.model.content import Content, stack_contents
from bcdcodec.model.guides import Guides
from bcdcodec.model.landmarks import normalize_displacements
from bcdcodec.model.vae import from_uint8, to_uint8
from bcdcodec.training.data.excerpts import Augmentation
from bcdcodec.video.landmarks import follow_landmarks, landmarks
from bcdcodec.video.reader import read_clip
from bcdcodec.video.still import encode_still

#: Moments of an excerpt, frames of each, which follow each other, and moments that these and the reference are chosen
#: from.
MOMENTS, RUN, TRIED = 2, 2, 6
#: Share of the excerpts whose reference is the most central of the moments, as encoders choose it, and of those whose
#: moments are the farthest ones from it. A network that is trained on far moments alone changes near ones too much.
CENTRAL, FAR = 0.75, 0.25
#: Range of the budgets of references, in bits: two pictures of 2 kbps to one of 4 kbps in ten seconds.
LEAST_BITS, MOST_BITS = 6_000, 28_000


@dataclass(frozen=True, slots=True)
class Pairs:
    """Some excerpts, each of T frames made from one still.

    stills: uint8 [N, 3, P, P]; frames, warps: uint8 [N, T, 3, P, P]; areas: uint8 [N, T, 1, P, P], 0 for -1 and 255 for
    1; still_points [N, L, 2], points [N, T, L, 2]: landmarks as fractions of the picture, as the decoder has them;
    motion: code vectors [N, T, G*D]. The last three are float16.
    """

    stills: Tensor
    frames: Tensor
    warps: Tensor
    areas: Tensor
    still_points: Tensor
    points: Tensor
    motion: Tensor

    def __len__(self) -> int:
        return len(self.stills)

    def rows(self, rows: Sequence[int] | Tensor | slice) -> "Pairs":
        """Some of the excerpts."""
        return self.map(lambda tensor: tensor[rows])

    def map(self, change: Callable[[Tensor], Tensor]) -> "Pairs":
        """The excerpts with a function applied to each of their tensors."""
        return Pairs(*(change(getattr(self, field.name)) for field in fields(Pairs)))

    @classmethod
    def joined(cls, parts: Sequence["Pairs"]) -> "Pairs":
        """Excerpts of several sets."""
        return cls(*(torch.cat([getattr(part, field.name) for part in parts]) for field in fields(Pairs)))

    def targets(self) -> Tensor:
        """The true frames [N * T, 3, P, P] in [-1, 1]."""
        return from_uint8(self.frames.flatten(0, 1))

    def guides(self) -> Guides:
        """The guides of all frames, N * T of them."""
        return Guides.of_clips(
            from_uint8(self.warps),
            from_uint8(self.stills),
            from_uint8(self.areas),
            self.points.float(),
            self.still_points.float(),
            self.motion.float(),
        )


@torch.inference_mode()
def make_pairs(model: CodecModel, path: Path, rng: np.random.Generator) -> Pairs | None:
    """One excerpt of a clip; None where the clip is too short, or a frame shows no face. Raises VideoError.

    MissingExtraError without the packages of the extra `encode`.
    """
    side = model.config.pixels
    clip = list(read_clip(path, rate=Fraction(*model.config.frame_rate), pixels=side))
    if len(clip) < RUN + MOMENTS:
        return None
    count = min(TRIED, len(clip) - RUN + 1)
    tried = [int(index) for index in rng.choice(len(clip) - RUN + 1, count, replace=False)]
    mesh = landmarks(Frame(pixels=clip[tried[0]], index=tried[0]))
    if mesh is None:
        return None

    def face(index: int) -> NDArray[np.float32] | None:
        """Landmarks of a frame [L, 2]."""
        found = mesh if index == tried[0] else follow_landmarks(Frame(pixels=clip[index], index=index), mesh)
        return None if found is None else found[:, :2] / np.float32(side)

    faces = {index: points for index in tried if (points := face(index)) is not None}
    if len(faces) <= MOMENTS:
        return None
    starts, places = list(faces), np.stack(list(faces.values()))
    apart = np.square(places[:, None] - places).sum((2, 3))
    chosen = int(apart.sum(0).argmin()) if rng.random() < CENTRAL else int(rng.integers(len(starts)))
    reference, still_face = starts[chosen], places[chosen]
    order = np.argsort(-apart[chosen]) if rng.random() < FAR else np.arange(len(starts))
    starts = [starts[index] for index in order if index != chosen]
    indices = [start + step for start in starts[:MOMENTS] for step in range(RUN)]
    shown = [faces[index] if index in faces else face(index) for index in indices]
    if any(points is None for points in shown):
        return None
    # Nothing that resamples, softens or adds noise: the network would learn that true frames are soft.
    augmentation = Augmentation.draw_colors(rng, side)
    pictures = augmentation.pictures(np.stack([clip[index] for index in (reference, *indices)]))
    moved = np.stack([still_face, *(points for points in shown if points is not None)]).astype(np.float32)
    bits = int(np.exp(rng.uniform(np.log(LEAST_BITS), np.log(MOST_BITS))))
    return _guided(model, pictures, torch.from_numpy(moved), bits)


def _guided(model: CodecModel, pictures: NDArray[np.uint8], points: Tensor, bits: int) -> Pairs:
    """The reference, first of the pictures [1 + T, P, P, 3], coded, and warped to the others.

    points: landmarks of all [1 + T, L, 2].
    """
    content = coded_content(model, pictures[0], points[0], bits)
    moved = normalize_displacements(points[None, 1:], points[None, 0])
    codes, _ = model.bcd.analyze(None, content.map, moved)
    m_hat = model.bcd.quantizer.lookup(codes)
    guides = model.bcd.guides(content, m_hat)
    assert content.landmarks is not None and content.picture is not None, "a model with landmarks codes faces"
    return Pairs(
        to_uint8(content.picture),
        torch.from_numpy(pictures[1:]).permute(0, 3, 1, 2)[None].contiguous(),
        to_uint8(guides.warps)[None],
        to_uint8(guides.areas)[None],
        content.landmarks.half(),
        model.bcd.landmark_positions(m_hat, content.landmarks).half(),
        m_hat.half(),
    )


def coded_content(model: CodecModel, pixels: NDArray[np.uint8], face: Tensor, bits: int) -> Content:
    """A frame [P, P, 3] as the decoder has it, with its landmarks [L, 2]; a batch of one. bits: of the still."""
    assert model.tables.landmarks is not None, "a model with landmarks has tables for them"
    points = encode_landmarks(face.double().numpy() * model.config.pixels, model.tables.landmarks)
    still = encode_still(np.ascontiguousarray(pixels), budget_bits=bits)
    return stack_contents([decode_content(model, ContentCoding.FACE, join_face(points, still))])
