"""Quick versions of studies: the starts of a few clips, and a note on the page that says so."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from bcdcodec.atomic import replacing
from bcdcodec.evaluation.harness.clips import Clip, Excerpts
from bcdcodec.evaluation.report.sheets import spread_indices
from bcdcodec.evaluation.report.tables import counted

#: Name of the note among the tables of a page.
NOTE = "quick"


def choose_quick(clips: Sequence[Clip], count: int) -> list[Clip]:
    """Up to `count` clips, spread evenly over the people: the first one of each, then others where people are few."""
    people: dict[str, Clip] = {}
    for clip in clips:
        people.setdefault(clip.person, clip)
    first = list(people.values())
    if len(first) < count:
        others = [clip for clip in clips if clip not in first]
        chosen = [*first, *(others[index] for index in spread_indices(len(others), count - len(first)))]
    else:
        chosen = [first[index] for index in spread_indices(len(first), count)]
    return [clip for clip in clips if clip in chosen]


def shorten(clips: Sequence[Clip], excerpts: Excerpts, *, rate: Fraction, seconds: float, side: int) -> list[Clip]:
    """The first seconds of clips, lossless and framed, as clips of the same names. Raises VideoError."""
    short = []
    for clip in clips:
        excerpt = excerpts.prepare(clip, rate=rate, seconds=seconds, side=side)
        path = excerpt.with_suffix("") / f"{clip.name}{excerpt.suffix}"
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            with replacing(path) as partial:
                shutil.copyfile(excerpt, partial)
        short.append(replace(clip, path=path, seconds=min(clip.seconds, seconds), framed=True))
    return short


def quick_note(measured: int, found: int, *, seconds: float, others: str = "") -> dict[str, list[str]]:
    """The note by its marker: how much was measured. others: what else is less than in the study, a whole sentence."""
    clips = f"{measured} of {counted(found, 'clip')}"
    text = f"**Quick version**: the first {seconds:g} s of {clips}. {others}{' ' * bool(others)}"
    return {NOTE: [text + "Take it for a trial, not for a result."]}
