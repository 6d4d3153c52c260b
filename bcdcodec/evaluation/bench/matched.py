"""All codecs side by side at matched rate. In: results and kept pictures. Out: rows of a sheet with their captions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bcdcodec.evaluation.bench.cell import Cell, CellResult, read_all, shown_frame
from bcdcodec.evaluation.bench.series import HELD, OWN, Series
from bcdcodec.evaluation.bench.store import Store


@dataclass(frozen=True, slots=True)
class Sheet:
    """rows of pictures; above: the codec of each column; captions: clip or kbps under each picture."""

    rows: list[list[NDArray[np.uint8]]]
    above: list[str]
    captions: list[list[str]]


def matched_sheet(
    results: Mapping[Cell, CellResult], store: Store, *, own: Series, point: int, clips: Sequence[str]
) -> Sheet:
    """One row a clip: the source, bcdcodec at `point`, and every other series of its frame rate at the point whose rate
    is nearest (by ratio); nobody picks the good ones. Clips that lack a cell of any series are left out.
    """
    others = [item for item in dict.fromkeys(cell.series for cell in results) if item.rate == own.rate]
    columns = [own, *(item for item in others if item.codec not in (OWN, HELD))]
    rows, captions = [], []
    for clip in clips:
        at = next((cell for cell in results if (cell.clip, cell.series, cell.point) == (clip, own, point)), None)
        if at is None or {*columns} - {cell.series for cell in results if cell.clip == clip}:
            continue
        chosen = [at, *(_nearest(results, clip, series, results[at].kbps) for series in columns[1:])]
        source = read_all(at.source, own.rate)
        rows.append([source[shown_frame(len(source))], *(store.picture(cell) for cell in chosen)])
        captions.append([clip, *(f"{results[cell].kbps:.2f} kbps" for cell in chosen)])
    return Sheet(rows, ["source", *(item.name for item in columns)], captions)


def _nearest(results: Mapping[Cell, CellResult], clip: str, series: Series, kbps: float) -> Cell:
    cells = [cell for cell in results if (cell.clip, cell.series) == (clip, series)]
    return min(cells, key=lambda cell: abs(np.log(results[cell].kbps / kbps)))
