"""Scores -> a page and pictures. In: SpriteScores, a Transfer. Out: Markdown tables, a sheet as Figure A1, a raster of
codes.
"""

import numpy as np
from numpy.typing import NDArray

from bcdcodec.sprites.clips import ClipSet
from bcdcodec.sprites.measure import SpriteScores, confusion
from bcdcodec.sprites.transfer import Transfer

Pixels = NDArray[np.uint8]

#: Table A1 of the paper's supplement, percent.
PAPER = {"C-DSVAE (paper's Table A1)": 100.0, "BCD (paper's Table A1)": 100.0}
NAMES = {"action": "Action", "skin": "Skin", "pants": "Pants", "top": "Top", "hair": "Hair"}
#: White pixels between pictures of one clip and between clips, and how often a pixel is repeated.
GAP, BREAK, ENLARGED = 2, 12, 2
#: Side of a square of the raster of codes.
SQUARE = 8


def markdown(scores: SpriteScores) -> str:
    """The tables of docs/sprites.md."""
    names = list(NAMES)
    rows = [
        "| cross-driven accuracy, % | " + " | ".join(NAMES[name] for name in names) + " |",
        "| --- |" + " ---: |" * len(names),
        *(_row(title, [value] * len(names)) for title, value in PAPER.items()),
        _row(f"`{scores.model}`, {scores.clips:,} pairs", [100 * scores.accuracies[name] for name in names]),
        _row("the judge on the real clips", [100 * scores.real_accuracies[name] for name in names]),
        "",
        "| of the transferred clips | found | best |",
        "| --- | ---: | ---: |",
        f"| Inception score of actions | {scores.inception_score:.3f} | 9 |",
        f"| H(y given x), nats | {scores.conditional_entropy:.4f} | 0 |",
        f"| H(y), nats | {scores.marginal_entropy:.3f} | 2.197 |",
        f"| PSNR to the true picture, dB | {scores.psnr_db:.2f} | |",
        "",
        "| of the codes | found | truth |",
        "| --- | ---: | ---: |",
        f"| packed, bits a frame | {scores.packed_bits:g} | |",
        f"| order-0 entropy, bits a frame | {scores.entropy_bits:.2f} | {scores.true_entropy_bits:.2f} |",
        f"| used codes | {scores.used_codes} | 63 poses |",
        f"| normalised mutual information with the true poses | {scores.nmi:.3f} | 1 |",
        f"| content token, bits a clip | {scores.content_bits:,.0f} | 10.3 |",
        "",
        f"Sampled in {scores.sampler_steps} steps, guidance {scores.guidance:g}.",
        "",
    ]
    return "\n".join(rows)


def _row(title: str, values: list[float]) -> str:
    return f"| {title} | " + " | ".join(f"{value:.2f}" for value in values) + " |"


def transfer_sheet(clips: ClipSet, found: Transfer, *, count: int = 6) -> Pixels:
    """Each block from its top: whose looks, whose motion, what was decoded, what it should be. count: blocks."""
    blocks = []
    for i in range(min(count, len(found.decoded))):
        looks, moves = clips.clips(found.content[[i]])[0], clips.clips(found.motion[[i]])[0]
        blocks.append(_grid([looks, moves, found.decoded[i], found.truth[i]]))
    rows = [_beside(blocks[i : i + 2]) for i in range(0, len(blocks), 2)]
    width = rows[0].shape[1]  # the last row may be half as wide
    padded = [np.pad(r, ((0, BREAK), (0, width - r.shape[1]), (0, 0)), constant_values=255) for r in rows]
    return np.concatenate(padded)[:-BREAK]


def codes_raster(found: Transfer, poses: NDArray[np.int64], entries: int) -> Pixels:
    """A square for each true pose (rows) and code (columns): the darker, the more of the pose's frames have the code.

    One dark square a row, each in a column of its own, is a code for each pose.
    """
    share = confusion(found.codes, poses, entries)
    gray = np.round(255 * (1 - share)).astype(np.uint8)
    squares = np.kron(gray, np.ones((SQUARE, SQUARE), np.uint8))
    squares[::SQUARE] = np.minimum(squares[::SQUARE], 225)
    squares[:, ::SQUARE] = np.minimum(squares[:, ::SQUARE], 225)
    return np.repeat(squares[..., None], 3, axis=2)


def _grid(clips: list[Pixels]) -> Pixels:
    """Clips [T, 64, 64, 3] below one another, frames beside one another."""
    rows = []
    for clip in clips:
        large = clip.repeat(ENLARGED, axis=1).repeat(ENLARGED, axis=2)
        rows.append(np.concatenate([np.pad(f, ((0, GAP), (0, GAP), (0, 0)), constant_values=255) for f in large], 1))
    return np.concatenate(rows)


def _beside(blocks: list[Pixels]) -> Pixels:
    return np.concatenate([np.pad(b, ((0, 0), (0, BREAK), (0, 0)), constant_values=255) for b in blocks], 1)
