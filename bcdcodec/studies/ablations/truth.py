"""Transfers of sprites by each variant against the true clips, which the data set holds.

The paper measures identity and motion apart, by networks; here the picture itself is known, and the judge classifies
both apart.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bcdcodec.codec.model import CodecModel
from bcdcodec.evaluation.report.figures import picture_grid
from bcdcodec.sprites.clips import ClipSet
from bcdcodec.sprites.judge import bundled_judge
from bcdcodec.studies.sprites.measure import measure
from bcdcodec.studies.sprites.transfer import Transfer, pairs, transfer

#: Pairs of clips in the sheet.
SHOWN = 6


class TruthJudge:
    """Scores weights by transfers among `count` pairs of test clips; a `Judge` of scores.py."""

    def __init__(self, test: Path, *, count: int, device: str, seed: int = 0) -> None:
        self._clips, self._judge = ClipSet(test), bundled_judge()
        self._pairs = pairs(len(self._clips), limit=count, seed=seed)
        self._device, self._seed = device, seed
        #: Number of transfers.
        self.count = len(self._pairs[0])

    def __call__(self, weights: Path, content_frames: int | None, *, steps: int | None = None) -> dict[str, float]:
        """Numbers of some weights by name.

        psnr_db: of the transferred pictures against the true ones. action, appearance: share of clips whose action,
        and whose clothes and skin (mean of the four), are judged right. nmi: of codes and true poses.
        """
        model = CodecModel.load(weights, device=self._device)
        sampling = model.config.sampling["standard"]
        scores, _ = measure(
            model,
            self._judge,
            self._clips,
            sampling=sampling if steps is None else replace(sampling, steps=steps),
            limit=self.count,
            content_frames=content_frames,
            seed=self._seed,
        )
        appearance = [share for name, share in scores.accuracies.items() if name != "action"]
        return {
            "psnr_db": scores.psnr_db,
            "action": scores.accuracies["action"],
            "appearance": float(np.mean(appearance)),
            "nmi": scores.nmi,
        }

    def sheet(self, path: Path, weights: dict[str, Path]) -> None:
        """One row a pair: content clip, motion clip, truth, and the frame that each of the weights decodes."""
        content, motion = (part[:SHOWN] for part in self._pairs)
        transfers: list[Transfer] = []
        for file in weights.values():
            model = CodecModel.load(file, device=self._device)
            transfers.append(transfer(model, self._clips, content, motion, sampling=model.config.sampling["standard"]))
        appearance, moves = self._clips.clips(content), self._clips.clips(motion)
        frame = moves.shape[1] // 2
        columns = [appearance[:, 0], moves[:, frame], transfers[0].truth[:, frame]]
        columns += [one.decoded[:, frame] for one in transfers]
        rows: list[list[NDArray[np.uint8]]] = [list(row) for row in zip(*columns, strict=True)]
        titles = ["content", "motion", "truth", *weights]
        picture_grid(path, rows, columns=titles, captions=[[""] * len(titles)] * len(rows))
