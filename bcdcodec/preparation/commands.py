"""Implementation of `bcd data prepare`: from media files to a folder of clips with clips.csv.

Columns of clips.csv: clip, person, frames, seconds, source (the first digits of its SHA-256), start_s, x, y and size
of the square in the source, and file, the name of the source. Rows are in the order of the sources, then of time,
however many processes work.
"""

import csv
import dataclasses
import io
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bcdcodec.atomic import write_bytes
from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.harness.timing import now
from bcdcodec.preparation.engine import run_jobs
from bcdcodec.preparation.people import FaceVectors, number_people
from bcdcodec.preparation.record import ClipRecord, SourceRecord
from bcdcodec.preparation.source import RATE, RECORDS, Job, Settings
from bcdcodec.video.media import VIDEO_SUFFIXES

_log = logging.getLogger(__name__)

LIST, MADE_WITH = "clips.csv", "made_with.json"
COLUMNS = ("clip", "person", "frames", "seconds", "source", "start_s", "x", "y", "size", "file")
#: (sources done, sources in all, seconds left or None while nothing is known)
Progress = Callable[[int, int, float | None], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Counts of a finished folder. repeated: sources with the same bytes as another, which are processed once."""

    sources: int
    broken: int
    repeated: int
    shots: int
    shots_without_face: int
    clips: int
    seconds: float
    people: int


def prepare(
    sources: list[Path],
    folder: Path,
    *,
    settings: Settings,
    workers: int = 1,
    ray: str | None = None,
    progress: Progress = lambda done, total, left: None,
) -> Summary:
    """Process the sources that have no record yet, then write the list of clips, if there are any.

    workers, ray: as of `run_jobs`. A source that cannot be read is logged, left out and counted. ConfigError where
    there is no source, or the folder was made with other settings; MissingExtraError where faces cannot be compared.
    """
    paths = find_sources(sources, beside=folder)
    if settings.person == "faces":
        FaceVectors()  # fail here rather than in every process
    _claim(folder, settings)
    jobs = [Job(source=path, folder=folder.resolve(), settings=settings) for path in paths]
    records: dict[int, SourceRecord] = {}
    # What a source takes is about proportional to its bytes; those that were made before take next to nothing.
    sizes, began = [path.stat().st_size for path in paths], now()
    made, left = 0, sum(sizes)
    try:
        for done, (index, outcome) in enumerate(run_jobs(jobs, workers=workers, ray=ray), 1):
            if outcome.record is None:
                _log.error("left out: %s", outcome.failure)
            else:
                records[index] = outcome.record
            made, left = made + sizes[index] * outcome.made, left - sizes[index]
            progress(done, len(jobs), (now() - began).wall * left / made if made else None)
    finally:
        for parent in (folder, folder / RECORDS):  # partial files of killed processes
            for partial in (*parent.glob(".*.part"), *parent.glob(".part.*")):
                partial.unlink(missing_ok=True)
    kept = list({records[index].source: records[index] for index in sorted(records)}.values())
    names = {records[index].source: paths[index].name for index in sorted(records, reverse=True)}
    unnamed = len(list((folder / RECORDS).glob("[!.]*.json"))) - len(kept)
    if unnamed:
        _log.warning("%d finished sources in %s are not named now, their clips are not in the list", unnamed, folder)
    clips = [(record, clip) for record in kept for clip in record.clips]
    people = _people(kept, settings)
    if clips:
        _write_list(folder / LIST, clips, people, names)
    return Summary(
        sources=len(paths),
        broken=len(paths) - len(records),
        repeated=len(records) - len(kept),
        shots=sum(record.shots for record in kept),
        shots_without_face=sum(record.shots_without_face for record in kept),
        clips=len(clips),
        seconds=round(sum(clip.frames for _, clip in clips) / float(RATE), 2),
        people=len(set(people)),
    )


def find_sources(sources: list[Path], *, beside: Path) -> list[Path]:
    """Media files by name, and those in folders sorted by path, each once.

    Files below `beside` are excluded: the output folder may lie in an input folder. ConfigError where there are none.
    """
    paths: list[Path] = []
    for source in sources:
        if not source.exists():
            raise ConfigError(f"{source} does not exist, needs a media file or a folder of them")
        if source.resolve() == beside.resolve():
            raise ConfigError(f"{source} is both read and written, needs another folder for the clips")
        paths += sorted(filter(_is_media, source.rglob("*"))) if source.is_dir() else [source]
    written = beside.resolve()
    own = [path for path in dict.fromkeys(path.resolve() for path in paths) if not path.is_relative_to(written)]
    if not own:
        raise ConfigError(
            f"no media files in {', '.join(map(str, sources))}; looked for {' '.join(sorted(VIDEO_SUFFIXES))}"
        )
    return own


def _is_media(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES and not path.name.startswith(".") and path.is_file()


def _claim(folder: Path, settings: Settings) -> None:
    """Write the settings of the folder, or check them. ConfigError where it holds anything else."""
    path, wanted = folder / MADE_WITH, dataclasses.asdict(settings)
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if folder.exists() and any(folder.iterdir()):
            raise ConfigError(f"{folder} is not empty and was not made by bcd data prepare") from None
        write_bytes(path, json.dumps(wanted).encode())
        return
    except ValueError as error:
        raise ConfigError(f"{path} is damaged: {error}") from error
    if written != wanted:
        raise ConfigError(
            f"{folder} was made with {_spelled(written)}, not with {_spelled(wanted)}; name another folder"
        )


def _spelled(settings: dict[str, object]) -> str:
    return " ".join(f"--{name.replace('_', '-')} {value}" for name, value in settings.items())


def _people(records: list[SourceRecord], settings: Settings) -> list[int]:
    """The person of every clip, from 1 on in order of appearance; clips of one shot show the same person."""
    by_faces = settings.person == "faces"
    groups = [(source, clip.shot if by_faces else 0) for source, record in enumerate(records) for clip in record.clips]
    distinct = list(dict.fromkeys(groups))
    numbers = number_people([records[source].faces[shot] if by_faces else None for source, shot in distinct])
    person_of = dict(zip(distinct, numbers, strict=True))
    return [1 + person_of[group] for group in groups]


def _write_list(
    path: Path, clips: list[tuple[SourceRecord, ClipRecord]], people: list[int], names: dict[str, str]
) -> None:
    """Write clips.csv. names: source -> name of its file, the first of equal ones."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for (record, clip), person in zip(clips, people, strict=True):
        seconds, start_s = clip.frames / float(RATE), clip.start / float(RATE)
        square = (clip.x, clip.y, clip.size)
        facts = (clip.frames, seconds, record.source, start_s, *square, names[record.source])
        writer.writerow([clip.clip, f"p{person:04d}", *facts])
    write_bytes(path, text.getvalue().encode(errors="backslashreplace"))  # a name may be no valid Unicode
