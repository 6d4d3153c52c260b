"""Pictures of docs/sprites.md: transferred clips as in the paper's Figure A1, and codes against poses."""

import numpy as np
from numpy.typing import NDArray

from bcdcodec.evaluation.report.sheets import stack_pictures
from bcdcodec.sprites.clips import ClipSet
from bcdcodec.studies.sprites.measure import confusion
from bcdcodec.studies.sprites.transfer import Transfer

Pixels = NDArray[np.uint8]

#: White pixels between pictures of one clip and between clips, and how often a pixel is repeated.
GAP, BREAK, ENLARGED = 2, 12, 2
#: Side of a square of the raster of codes.
SQUARE = 8


def transfer_sheet(clips: ClipSet, found: Transfer, *, count: int = 6) -> Pixels:
    """Each block from its top: content clip, motion clip, decoded, truth. count: blocks."""
    blocks = []
    for i in range(min(count, len(found.decoded))):
        content, motion = clips.clips(found.content[[i]])[0], clips.clips(found.motion[[i]])[0]
        blocks.append(_grid([content, motion, found.decoded[i], found.truth[i]]))
    wide = [np.pad(block, ((0, 0), (0, BREAK), (0, 0)), constant_values=255) for block in blocks]
    rows = [np.concatenate(wide[i : i + 2], axis=1) for i in range(0, len(wide), 2)]
    return stack_pictures(rows, gap=BREAK)


def codes_raster(found: Transfer, poses: NDArray[np.int64], entries: int) -> Pixels:
    """A square for each true pose (rows) and code (columns), darker for a larger share of the pose's frames.

    One dark square a row, each in a column of its own, is a code for each pose.
    """
    share = confusion(found.codes, poses, entries)
    gray = np.round(255 * (1 - share)).astype(np.uint8)
    squares = np.kron(gray, np.ones((SQUARE, SQUARE), np.uint8))
    squares[::SQUARE] = np.minimum(squares[::SQUARE], 225)
    squares[:, ::SQUARE] = np.minimum(squares[:, ::SQUARE], 225)
    return np.repeat(squares[..., None], 3, axis=2)


def _grid(clips: list[Pixels]) -> Pixels:
    """Clips [T, 64, 64, 3] as rows, frames as columns."""
    rows = []
    for clip in clips:
        large = clip.repeat(ENLARGED, axis=1).repeat(ENLARGED, axis=2)
        rows.append(np.concatenate([np.pad(f, ((0, GAP), (0, GAP), (0, 0)), constant_values=255) for f in large], 1))
    return np.concatenate(rows)
