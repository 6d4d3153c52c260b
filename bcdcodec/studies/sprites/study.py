"""Sprites study: transfers among test clips whose truth is known, the paper's Table A1; docs/sprites.md."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bcdcodec.atomic import write_bytes, write_text
from bcdcodec.codec.model import CodecModel
from bcdcodec.config import SamplingConfig
from bcdcodec.evaluation.report.tables import update_page
from bcdcodec.sprites.clips import ClipSet
from bcdcodec.sprites.judge import bundled_judge, load_judge
from bcdcodec.studies.sprites.measure import SpriteScores, measure
from bcdcodec.studies.sprites.pictures import codes_raster, transfer_sheet
from bcdcodec.studies.sprites.tables import page_tables
from bcdcodec.studies.sprites.transfer import Transfer
from bcdcodec.video.lossless import pack_png

PAGE, FOLDER, NUMBERS, SHEET, RASTER = "sprites.md", "sprites", "scores.json", "transfer.png", "codes.png"


def run_study(
    data: Path,
    out: Path,
    *,
    model: CodecModel,
    sampling: SamplingConfig,
    judge: Path | None = None,
    limit: int | None = None,
    seed: int = 0,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> SpriteScores:
    """Score a model on data/test and write page, pictures and scores.json. judge: None for the package's own.

    limit: pairs of clips, None for all.
    """
    clips = ClipSet(data / "test")
    scores, transferred = measure(
        model,
        bundled_judge() if judge is None else load_judge(judge),
        clips,
        sampling=sampling,
        limit=limit,
        seed=seed,
        progress=lambda done, total: progress("clips", done, total),
    )
    folder = out / FOLDER
    write_text(folder / NUMBERS, scores.to_json())
    write_bytes(folder / SHEET, pack_png(transfer_sheet(clips, transferred)))
    write_bytes(folder / RASTER, pack_png(_raster(model, clips, transferred)))
    update_page(out / PAGE, page_tables(scores))
    return scores


def _raster(model: CodecModel, clips: ClipSet, transferred: Transfer) -> np.ndarray:
    quantizer, poses = model.config.quantizer, clips.poses[transferred.motion]
    if quantizer.groups == 1:
        return codes_raster(transferred, poses, quantizer.entries)
    # Combinations of codes of several groups may be millions: columns for those that occur alone.
    occurring, codes = np.unique(transferred.codes, return_inverse=True)
    compact = dataclasses.replace(transferred, codes=codes.reshape(transferred.codes.shape))
    return codes_raster(compact, poses, len(occurring))
