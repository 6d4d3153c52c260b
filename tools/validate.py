"""Measure the codec on a folder of clips. In: clips with a clips.csv. Out: numbers as JSON, a page, a contact sheet.

Finished clips are kept in a work folder by clip, weights and settings, so that the same command goes on where it
stopped. Without --publish the contact sheet stays there too; with it, only clips whose licence allows it are shown.
"""

import argparse
import dataclasses
import hashlib
import json
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from bcdcodec import BcdError, CodecModel
from bcdcodec.atomic import file_hash, write_bytes
from bcdcodec.cli.options import add_model_options, add_sampling_options, sampling_of
from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.codes import code_use
from bcdcodec.evaluation.harness.clips import Clip, choose, lender, read_clips
from bcdcodec.evaluation.measure import MeasureSettings, measure_clip
from bcdcodec.evaluation.report.sheets import contact_sheet
from bcdcodec.evaluation.scores import ClipScore
from bcdcodec.evaluation.validation_report import markdown, summary_json
from bcdcodec.video.png import pack_png
from bcdcodec.video.reader import VideoReader
from bcdcodec.weightfile import DEFAULT_NAME

ROOT = Path(__file__).resolve().parents[1]
#: Counts up when the same settings measure something else, by a changed encoder or decoder too, so that old results
#: are not taken for new ones.
MEASURE_VERSION = 4
SHEET_CLIPS = 5
RESULTS, PAGE, SHEET = "validation.json", "README.md", "contact_sheet.png"


class Cache:
    """Results of finished clips: <clip>-<key>.json and .png in one folder."""

    def __init__(self, folder: Path, model: CodecModel, settings: MeasureSettings) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._common = [MEASURE_VERSION, model.weights.model_id.hex(), dataclasses.asdict(settings)]

    def path(self, clip: Clip, other: Clip | None, suffix: str) -> Path:
        """Where something of one clip is kept; the key names both clips by their bytes."""
        files = [file_hash(part.path) for part in (clip, other) if part is not None]
        key = hashlib.sha256(json.dumps([*self._common, *files]).encode()).hexdigest()[:16]
        return self.folder / f"{clip.name}-{key}{suffix}"

    def load(self, clip: Clip, other: Clip | None) -> ClipScore | None:
        """The score of a finished clip, None where it has to be measured."""
        try:
            found = json.loads(self.path(clip, other, ".json").read_text(encoding="utf-8"))
            return ClipScore.from_json(found)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def save(self, clip: Clip, other: Clip | None, score: ClipScore, strip: NDArray[np.uint8]) -> None:
        """The picture first: where there is a score, there is a picture."""
        write_bytes(self.path(clip, other, ".png"), pack_png(strip))
        write_bytes(self.path(clip, other, ".json"), json.dumps(score.to_json()).encode())


def measure_all(
    clips: list[Clip], chosen: list[Clip], model: CodecModel, settings: MeasureSettings, cache: Cache
) -> list[ClipScore]:
    """The scores of the chosen clips. Content is borrowed from all clips of the folder: choices change no lender."""
    scores: list[ClipScore] = []
    with tqdm(total=sum(clip.seconds for clip in chosen), unit="s", disable=None, smoothing=0.05) as bar:
        for clip in chosen:
            bar.set_description(clip.name)
            start, other = bar.n, lender(clip, clips)
            score = cache.load(clip, other)
            if score is None:

                def update(done: int, total: int, clip: Clip = clip, start: float = start) -> None:
                    bar.update(start + clip.seconds * done / total - bar.n)

                stream = cache.path(clip, other, ".bcd")
                score, strip = measure_clip(model, clip, other, stream=stream, settings=settings, progress=update)
                cache.save(clip, other, score, strip)
            bar.update(start + clip.seconds - bar.n)
            scores.append(score)
    return scores


def sheet_clips(chosen: list[Clip], *, publish: bool) -> list[Clip]:
    """Up to five clips, spread evenly over the people in alphabetical order: nobody picks the good ones."""
    people: dict[str, Clip] = {}
    for clip in chosen:
        if clip.may_be_shown or not publish:
            people.setdefault(clip.person, clip)
    candidates = list(people.values())
    if not candidates:
        return []
    places = np.linspace(0, len(candidates) - 1, min(SHEET_CLIPS, len(candidates))).round().astype(int)
    return [candidates[place] for place in places]


def write_sheet(path: Path, shown: list[Clip], clips: list[Clip], cache: Cache, *, cell: int) -> None:
    """The strips that were kept, one above the other, with their sources as text inside the file."""
    strips = []
    for clip in shown:
        with VideoReader(cache.path(clip, lender(clip, clips), ".png"), Fraction(1)) as picture:
            strips.append(next(iter(picture)).pixels)
    write_bytes(path, pack_png(contact_sheet(strips, cell=cell), text="; ".join(captions(shown))))


def captions(shown: list[Clip]) -> list[str]:
    return [f"{clip.name}: {clip.source}, {clip.license}" for clip in shown]


def about_lines(model: CodecModel, settings: MeasureSettings) -> list[str]:
    sampling = settings.sampling
    limit = "" if settings.limit_s is None else f" Only the first {settings.limit_s:g} s of each clip were compared."
    return [
        f"Weights `{model.config.name}`, id `{model.weights.model_id.hex()}`; {sampling.steps} sampling "
        f"step{'s' * (sampling.steps != 1)}, guidance {sampling.guidance:g}; limit {settings.bitrate / 1000:g} kbps; "
        f"{float(model.frame_rate):g} frames a second.{limit}",
    ]


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure, write the three files; returns what the JSON holds."""
    clips = read_clips(options.folder)
    chosen = choose(clips, options.clips) if options.clips else clips
    model = CodecModel.load(options.weights or DEFAULT_NAME, device=options.device)
    if options.preset not in model.config.sampling:
        raise ConfigError(f"preset is {options.preset!r}, the weights know {', '.join(model.config.sampling)}")
    settings = MeasureSettings(
        sampling=sampling_of(options, model.config), limit_s=options.limit_seconds, faces=options.landmarks
    )
    cache = Cache(options.work, model, settings)
    scores = measure_all(clips, chosen, model, settings, cache)
    codes = code_use(model, [cache.path(clip, lender(clip, clips), ".bcd") for clip in chosen])
    shown = sheet_clips(chosen, publish=options.publish)
    sheet_folder: Path = options.out if options.publish else options.work
    lines: list[str] = []
    if shown:
        write_sheet(sheet_folder / SHEET, shown, clips, cache, cell=options.cell)
    if shown and options.publish:
        lines = ["## Pictures", "", "Source above, decoded below; clips spread evenly over the people, not chosen.", ""]
        lines += [f"![source above, decoded below]({SHEET})", "", *(f"- {line}" for line in captions(shown)), ""]
    results = {
        "weights": {"name": model.config.name, "id": model.weights.model_id.hex()},
        "settings": dataclasses.asdict(settings),
        **summary_json(scores, codes),
        "sheet": [{"clip": clip.name, "source": clip.source, "license": clip.license} for clip in shown],
    }
    write_bytes(options.out / RESULTS, (json.dumps(results, indent=1) + "\n").encode())
    page = markdown(scores, about=about_lines(model, settings), codes=codes, sheet=lines)
    write_bytes(options.out / PAGE, page.encode())
    return results


def seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no length, needs seconds above 0")
    return value


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="validate", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, metavar="CLIPS_FOLDER", help="folder with clips.csv and its clips")
    parser.add_argument(
        "--clips", type=lambda text: text.split(","), metavar="A,B,C", help="only these clips (all of the folder)"
    )
    parser.add_argument("--limit-seconds", type=seconds, metavar="S", help="compare only the first seconds of a clip")
    parser.add_argument(
        "--landmarks",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="measure face landmarks, which needs the extra of that name (landmarks)",
    )
    add_model_options(parser, weights=DEFAULT_NAME)
    add_sampling_options(parser)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "validation", metavar="FOLDER", help="for results")
    parser.add_argument(
        "--work", type=Path, default=ROOT / "build" / "validation", metavar="FOLDER", help="finished clips"
    )
    parser.add_argument("--cell", type=int, default=128, metavar="PIXELS", help="side of a picture in the sheet (128)")
    parser.add_argument(
        "--publish", action="store_true", help="put the sheet beside the results, with permissively licensed clips only"
    )
    parser.add_argument("--json", action="store_true", help="print the results")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    options = build_parser().parse_args(argv)
    try:
        results = run(options)
    except (BcdError, OSError) as error:
        print(f"validate: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(results))
    else:
        print(options.out / PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
