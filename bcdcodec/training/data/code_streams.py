"""Code streams of training clips, as the encoder would write them.

A clip is a shot: its content is one of its stills (or what the encoder makes of its frames), its windows follow one
another from the first frame on.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bcdcodec.model.bcd import Bcd
from bcdcodec.model.content import dequantize_content, quantize_content
from bcdcodec.model.landmarks import normalize_displacements
from bcdcodec.training.data.clips import ClipCache, ClipEntry, still_frames

#: Frames of a clip that its content is encoded from, where the cache has no stills.
CONTENT_FRAMES = 8


@dataclass(frozen=True, slots=True, eq=False)
class CodeStream:
    """All codes of one clip, uint8 [n, groups].

    content: the content map float16 [C, H, W] that both ends of its stream have, None where only codes are needed.
    landmarks: of the face in the content float32 [L, 2], as fractions of the picture, NaN without a face; None for a
    model without landmarks. downsampled: codes of every other frame of the clip, encoded without those between, uint8
    [ceil(n / 2), groups]; None where they are not needed, or the video is not at hand.
    """

    person: str
    codes: NDArray[np.uint8]
    content: NDArray[np.float16] | None = None
    landmarks: NDArray[np.float32] | None = None
    downsampled: NDArray[np.uint8] | None = None

    def packets(self, packet_frames: int) -> list[NDArray[np.uint8]]:
        """The codes of each packet; the last one may be shorter."""
        return [self.codes[start : start + packet_frames] for start in range(0, len(self.codes), packet_frames)]


@torch.inference_mode()
def read_streams(
    bcd: Bcd,
    cache: ClipCache,
    *,
    passes: int = 1,
    seed: int = 0,
    downsampled: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[CodeStream]:
    """Encode every clip once a pass: unchanged, then with other stills and, half the time, mirrored.

    downsampled: also at half of the frame rate. progress: clips.
    """
    streams: list[CodeStream] = []
    for index in range(passes):
        rng = np.random.default_rng((seed, index))
        for entry in cache.entries:
            mirrored = index > 0 and cache.may_mirror and rng.random() < 0.5
            content, still = _content(bcd, cache, entry, rng, mirrored)
            frames = slice(entry.start, entry.start + entry.frames)
            z, moved, reference = _tensor(cache.latents[frames], mirrored), None, None
            if still is not None:
                reference = cache.faces(still, mirrored)
                faces = torch.from_numpy(cache.faces(np.arange(frames.start, frames.stop), mirrored))
                moved = normalize_displacements(faces[None], torch.from_numpy(reference)[None])[0]
            codes, shown = _codes(bcd, content, z, moved), content[0].half().numpy()
            halved = None
            if downsampled:
                halved = _codes(bcd, content, z[::2], None if moved is None else moved[::2])
            streams.append(CodeStream(entry.person, codes, shown, reference, halved))
            progress(len(streams), passes * len(cache.entries))
    return streams


def _codes(bcd: Bcd, content: Tensor, z: Tensor, moved: Tensor | None) -> NDArray[np.uint8]:
    """Codes [n, G] of latents [n, C, H, W] in windows, with the displacements [n, L, 2] of a model with landmarks."""
    windows = [
        bcd.analyze(z[rows], content.expand(len(rows), -1, -1, -1), None if moved is None else moved[rows])[0]
        for rows in _windows(len(z), bcd.config.window_frames)
    ]
    return torch.cat([window.flatten(0, 1) for window in windows]).numpy().astype(np.uint8)


def _content(
    bcd: Bcd, cache: ClipCache, entry: ClipEntry, rng: np.random.Generator, mirrored: bool
) -> tuple[Tensor, int | None]:
    """The content map [1, C, H, W] that both ends of a stream would have, and the frame of the still, of all frames."""
    frame = None
    if cache.has_faces:
        still = int(rng.integers(entry.stills))
        shown = cache.still_latents[[entry.first_still + still]]
        frame = entry.start + int(still_frames(entry.frames)[still])
    else:
        shown = cache.latents[entry.start + np.linspace(0, entry.frames - 1, CONTENT_FRAMES).round().astype(int)]
    content = bcd.encoder.content(_tensor(shown, mirrored)[None])
    if bcd.config.content.picture_bits:
        return content, frame
    return dequantize_content(quantize_content(content, bcd.config.content), bcd.config.content), frame


def _windows(frames: int, size: int) -> Iterator[Tensor]:
    """Frames of the whole windows of a clip [N, size], then of the remaining ones [1, n]."""
    index, whole = torch.arange(frames), frames // size * size
    if whole:
        yield index[:whole].unflatten(0, (-1, size))
    if whole < frames:
        yield index[whole:][None]


def _tensor(latents: NDArray[np.float16], mirrored: bool) -> Tensor:
    return torch.from_numpy(latents[..., :: -1 if mirrored else 1].astype(np.float32))
