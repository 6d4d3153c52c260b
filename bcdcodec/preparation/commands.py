"""`bcd prepare` without its options. In: media files and folders. Out: DST with clips, clips.csv and DST/sources.

The columns of clips.csv: clip, person, frames, seconds, source (the first digits of its SHA-256), start_s, and x, y and
size of the square in the source. Rows are in the order of the sources, then of time, whoever did the work.
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
from bcdcodec.preparation.engine import run_jobs
from bcdcodec.preparation.people import FaceVectors, number_people
from bcdcodec.preparation.record import ClipRecord, SourceRecord
from bcdcodec.preparation.source import RATE, RECORDS, Job, Settings

_log = logging.getLogger(__name__)

SUFFIXES = frozenset({".mp4", ".mkv", ".mov", ".webm", ".avi", ".m4v", ".mpg", ".ts"})
LIST, MADE_WITH = "clips.csv", "made_with.json"
COLUMNS = ("clip", "person", "frames", "seconds", "source", "start_s", "x", "y", "size")
#: (sources done, sources in all)
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Counts of a finished folder. repeated: sources whose bytes are another's, which are taken once."""

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
    progress: Progress = lambda done, total: None,
) -> Summary:
    """Make what is not made yet, then the list, if there is a clip. workers, ray: as of `run_jobs`.

    ConfigError where there is no source, or the folder was made with other settings; MissingExtraError where people
    cannot be told by faces. A source that cannot be read is logged, left out and counted.
    """
    found = find_sources(sources, beside=folder)
    if settings.person == "faces":
        FaceVectors()  # fails here rather than in every process
    _claim(folder, settings)
    jobs = [Job(source=path, folder=folder.resolve(), settings=settings) for path in found]
    records: dict[int, SourceRecord] = {}
    try:
        for done, (number, outcome) in enumerate(run_jobs(jobs, workers=workers, ray=ray), 1):
            if outcome.record is None:
                _log.error("left out: %s", outcome.failure)
            else:
                records[number] = outcome.record
            progress(done, len(jobs))
    finally:
        for place in (folder, folder / RECORDS):  # of processes that were killed, now or in a run before
            for partial in (*place.glob(".*.part"), *place.glob(".part.*")):
                partial.unlink(missing_ok=True)
    kept = list({records[number].source: records[number] for number in sorted(records)}.values())
    unnamed = len(list((folder / RECORDS).glob("[!.]*.json"))) - len(kept)
    if unnamed:
        _log.warning("%d finished sources in %s are not named now, their clips are not in the list", unnamed, folder)
    clips = [(record, clip) for record in kept for clip in record.clips]
    people = _people(kept, settings)
    if clips:
        _write_list(folder / LIST, clips, people)
    return Summary(
        sources=len(found),
        broken=len(found) - len(records),
        repeated=len(records) - len(kept),
        shots=sum(record.shots for record in kept),
        shots_without_face=sum(record.shots_without_face for record in kept),
        clips=len(clips),
        seconds=round(sum(clip.frames for _, clip in clips) / float(RATE), 2),
        people=len(set(people)),
    )


def find_sources(sources: list[Path], *, beside: Path) -> list[Path]:
    """Files as they are named, and the media files in folders, by path; each once. Nothing below `beside` is a source:
    the folder that is written may lie in one that is read. ConfigError where there is none.
    """
    found: list[Path] = []
    for source in sources:
        if not source.exists():
            raise ConfigError(f"{source} does not exist, needs a media file or a folder of them")
        found += sorted(filter(_is_media, source.rglob("*"))) if source.is_dir() else [source]
    written = beside.resolve()
    own = [path for path in dict.fromkeys(path.resolve() for path in found) if not path.is_relative_to(written)]
    if not own:
        raise ConfigError(f"no media files in {', '.join(map(str, sources))}; looked for {' '.join(sorted(SUFFIXES))}")
    return own


def _is_media(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def _claim(folder: Path, settings: Settings) -> None:
    """Write down what the folder is made with, or check it. ConfigError where it holds anything else."""
    place, wanted = folder / MADE_WITH, dataclasses.asdict(settings)
    try:
        found = json.loads(place.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if folder.exists() and any(folder.iterdir()):
            raise ConfigError(f"{folder} is not empty and was not made by bcd data prepare") from None
        write_bytes(place, json.dumps(wanted).encode())
        return
    except ValueError as error:
        raise ConfigError(f"{place} is damaged: {error}") from error
    if found != wanted:
        raise ConfigError(f"{folder} was made with {_spelled(found)}, not with {_spelled(wanted)}; name another folder")


def _spelled(settings: dict[str, object]) -> str:
    return " ".join(f"--{name.replace('_', '-')} {value}" for name, value in settings.items())


def _people(records: list[SourceRecord], settings: Settings) -> list[int]:
    """The person of every clip, from 1 on in order of appearance; clips of one shot show the same."""
    by_faces = settings.person == "faces"
    groups = [(at, clip.shot if by_faces else 0) for at, record in enumerate(records) for clip in record.clips]
    distinct = list(dict.fromkeys(groups))
    numbers = number_people([records[at].faces[shot] if by_faces else None for at, shot in distinct])
    person_of = dict(zip(distinct, numbers, strict=True))
    return [1 + person_of[group] for group in groups]


def _write_list(path: Path, clips: list[tuple[SourceRecord, ClipRecord]], people: list[int]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for (record, clip), person in zip(clips, people, strict=True):
        seconds, start_s = clip.frames / float(RATE), clip.start / float(RATE)
        place = (clip.x, clip.y, clip.size)
        writer.writerow([clip.clip, f"p{person:04d}", clip.frames, seconds, record.source, start_s, *place])
    write_bytes(path, text.getvalue().encode())
