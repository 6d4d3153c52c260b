"""What ablations do to sprites, whose truth is known. In: weights of each variant. Out: numbers, and a sheet.

The truth of a transfer is a clip of the data set: the paper has to measure identity and motion apart and by networks,
here the picture itself tells both, and the judge says which of them is wrong.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bcdcodec.codec.model import CodecModel
from bcdcodec.evaluation.bench.plots import picture_sheet
from bcdcodec.sprites.clips import ClipSet
from bcdcodec.sprites.commands import bundled_judge
from bcdcodec.sprites.measure import measure
from bcdcodec.sprites.transfer import Transfer, pairs, transfer

#: Pairs of clips in the sheet.
SHOWN = 6


class TruthJudge:
    """Judges weights by transfer among so many pairs of test clips; a `Judge` of runs.py."""

    def __init__(self, test: Path, *, count: int, device: str, seed: int = 0) -> None:
        self._clips, self._judge = ClipSet(test), bundled_judge()
        self._pairs = pairs(len(self._clips), limit=count, seed=seed)
        self._device, self._seed = device, seed
        #: Transfers that are judged.
        self.count = len(self._pairs[0])

    def __call__(self, weights: Path, content_frames: int | None) -> dict[str, float]:
        """psnr_db: of the transferred pictures against the true ones; action, looks: share of the clips whose action,
        and whose clothes and skin (mean of the four), are judged right; nmi: of codes and true poses.
        """
        model = CodecModel.load(weights, device=self._device)
        scores, _ = measure(
            model,
            self._judge,
            self._clips,
            sampling=model.config.sampling["standard"],
            limit=self.count,
            content_frames=content_frames,
            seed=self._seed,
        )
        looks = [share for name, share in scores.accuracies.items() if name != "action"]
        return {
            "psnr_db": scores.psnr_db,
            "action": scores.accuracies["action"],
            "looks": float(np.mean(looks)),
            "nmi": scores.nmi,
        }

    def sheet(self, path: Path, weights: dict[str, Path]) -> None:
        """Some pairs below one another: whose looks, whose motion, the truth, what each of the weights decodes."""
        content, motion = (part[:SHOWN] for part in self._pairs)
        found: list[Transfer] = []
        for place in weights.values():
            model = CodecModel.load(place, device=self._device)
            found.append(transfer(model, self._clips, content, motion, sampling=model.config.sampling["standard"]))
        looks, moves = self._clips.clips(content), self._clips.clips(motion)
        frame = moves.shape[1] // 2
        columns = [looks[:, 0], moves[:, frame], found[0].truth[:, frame], *(one.decoded[:, frame] for one in found)]
        rows: list[list[NDArray[np.uint8]]] = [list(row) for row in zip(*columns, strict=True)]
        above = ["looks", "motion", "truth", *weights]
        picture_sheet(path, rows, above=above, captions=[[""] * len(above)] * len(rows))
