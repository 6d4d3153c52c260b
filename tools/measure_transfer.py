"""Does transfer keep one person and take the motion of another? In: clips with a clips.csv. Out: JSON, page, sheet.

    content clip --.
                   +-> transfer_files, as `bcd transfer` does -> result -> likeness to either clip's person
    motion clip  --'                                                   '-> motion, against either clip's motion

Of every pair both clips are held against the result, at the same times. Only clips whose licence allows it are shown.
"""

import argparse
import dataclasses
import itertools
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from bcdcodec import BcdError, CodecModel
from bcdcodec.atomic import write_bytes
from bcdcodec.cli.options import add_model_options, add_sampling_options, sampling_of, seconds, whole_number
from bcdcodec.codec.transfer import transfer_files
from bcdcodec.config import SamplingConfig
from bcdcodec.evaluation.clips import read_clips
from bcdcodec.evaluation.measure import STRIP_COLUMNS
from bcdcodec.evaluation.metrics.pair import Video
from bcdcodec.evaluation.sheet import contact_sheet
from bcdcodec.evaluation.transfer import VERDICTS, Pair, PairScore, choose_pairs, may_be_shown, score
from bcdcodec.evaluation.transfer_page import SHEET, about_line, page
from bcdcodec.video.clip import read_clip
from bcdcodec.video.png import pack_png
from bcdcodec.weightfile import DEFAULT_NAME

ROOT = Path(__file__).resolve().parents[1]
PAIRS = 10
#: Compared at the start of a clip.
SECONDS = 4.0
#: Of the decoder's noise.
SEED = 0
PAGE, RESULTS = "transfer.md", "transfer/transfer.json"


def measure_pair(pair: Pair, model: CodecModel, sampling: SamplingConfig, limit_s: float) -> tuple[PairScore, Video]:
    """Transfer whole files, compare the first seconds. Also a strip of content, motion, result [3 * side, ...]."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "result.mp4"
        transfer_files(pair[0].path, pair[1].path, target, model=model, sampling=sampling, seed=SEED, crop=False)
        frames = max(2, round(limit_s * model.frame_rate))
        videos = [
            np.stack([*itertools.islice(read_clip(path, rate=model.frame_rate, pixels=model.config.pixels), frames)])
            for path in (pair[0].path, pair[1].path, target)
        ]
    # The result is as long as the motion; what is compared has to be there three times.
    count = min(len(video) for video in videos)
    content, motion, result = (video[:count] for video in videos)
    shown = np.linspace(0, count - 1, min(STRIP_COLUMNS, count)).round().astype(int)
    strip = np.concatenate([np.concatenate(list(video[shown]), axis=1) for video in (content, motion, result)])
    return score((pair[0].name, pair[1].name), result, content, motion), strip


def run(options: argparse.Namespace) -> None:
    """Measure, write the three files."""
    pairs = choose_pairs(read_clips(options.folder), options.pairs)
    model = CodecModel.load(options.weights or DEFAULT_NAME, device=options.device)
    sampling = sampling_of(options, model.config)
    found = [measure_pair(pair, model, sampling, options.seconds) for pair in tqdm(pairs, unit="pair", disable=None)]
    scores = [item for item, _ in found]
    shown = [pair for pair in pairs if may_be_shown(pair)]
    strips = [strip for pair, (_, strip) in zip(pairs, found, strict=True) if pair in shown]
    results = {
        "weights": {"name": model.config.name, "id": model.weights.model_id.hex()},
        "seconds": options.seconds,
        "sampling": dataclasses.asdict(sampling),
        "pairs": [dataclasses.asdict(item) | {name: getattr(item, name) for name in VERDICTS} for item in scores],
        "sheet": [[clip.name for clip in pair] for pair in shown],
    }
    write_bytes(options.out / RESULTS, (json.dumps(results, indent=1) + "\n").encode())
    if strips:
        # A sheet counts two rows of pictures a strip; these have three.
        sheet = contact_sheet(strips, cell=options.cell * 3 // 2)
        text = "; ".join(f"{clip.name}: {clip.source}, {clip.license}" for pair in shown for clip in pair)
        write_bytes(options.out / SHEET, pack_png(sheet, text=text))
    about = about_line(
        name=model.config.name,
        model_id=model.weights.model_id.hex(),
        frame_rate=float(model.frame_rate),
        sampling=sampling,
        seed=SEED,
        limit_s=options.seconds,
    )
    write_bytes(options.out / PAGE, page(scores, pairs, about=about).encode())


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="measure_transfer", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="CLIPS_FOLDER", help="folder with clips.csv and its clips")
    parser.add_argument("--pairs", type=whole_number(1, 1000), default=PAIRS, metavar="N", help=f"how many ({PAIRS})")
    parser.add_argument("--seconds", type=seconds, default=SECONDS, help=f"of each clip, compared ({SECONDS:g})")
    add_model_options(parser, weights=DEFAULT_NAME)
    add_sampling_options(parser)
    parser.add_argument("--out", type=Path, default=ROOT / "docs", metavar="FOLDER", help="for page, JSON and sheet")
    parser.add_argument("--cell", type=int, default=128, metavar="PIXELS", help="side of a picture in the sheet (128)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    options = build_parser().parse_args(argv)
    try:
        run(options)
    except (BcdError, OSError) as error:
        print(f"measure_transfer: {error}", file=sys.stderr)
        return 2
    print(options.out / PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
