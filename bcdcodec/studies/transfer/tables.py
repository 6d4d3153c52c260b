"""Tables of docs/transfer.md: means of the candidates, and gains of the transfer over the freeze frame."""

from collections.abc import Mapping, Sequence

from bcdcodec.evaluation.harness.intervals import Interval, interval_of_people
from bcdcodec.evaluation.report.tables import table
from bcdcodec.studies.transfer.protocol import CANDIDATES, FREEZE_FRAME, MEASURES, TRANSFER, TransferScore

#: Measures in which a transfer has to be better than the freeze frame, or as good.
COMPARED = ("motion", "motion-from-start", "ard", "auh", "shape")


def page_tables(scores: Sequence[TransferScore], person_of: Mapping[str, str]) -> dict[str, list[str]]:
    """Lines by marker. person_of: clip -> person."""
    titles = [f"{_title(name)} {'↑' if higher else '↓'}" for name, (_, higher) in MEASURES.items()]
    means = [[name, *(_mean_cell(scores, person_of, name, measure) for measure in MEASURES)] for name in CANDIDATES]
    gains = []
    for measure in COMPARED:
        gain = gain_over_freeze_frame(scores, person_of, measure)
        if gain is not None:
            gains.append([_title(measure), gain.text(2), gain.verdict])
    return {
        "means": table(["candidate", *titles], means),
        "gains": table(["gain over the freeze frame", "mean (95 % interval)", "transfer is"], gains),
    }


def gain_over_freeze_frame(
    scores: Sequence[TransferScore], person_of: Mapping[str, str], measure: str
) -> Interval | None:
    """Gain of the transfer over the freeze frame, positive where better, over people; None without a pair."""
    values = {(score.content, score.motion, score.candidate): score.values[measure] for score in scores}
    gains: dict[str, list[float]] = {}
    for (content, motion, candidate), moved in values.items():
        frozen = values.get((content, motion, FREEZE_FRAME))
        if candidate == TRANSFER and moved is not None and frozen is not None:
            gain = moved - frozen if MEASURES[measure][1] else frozen - moved
            gains.setdefault(person_of[content], []).append(gain)
    return interval_of_people(gains) if gains else None


def _title(measure: str) -> str:
    unit = MEASURES[measure][0]
    return f"{measure}{', ' + unit if unit else ''}"


def _mean_cell(scores: Sequence[TransferScore], person_of: Mapping[str, str], candidate: str, measure: str) -> str:
    of_candidate = [score for score in scores if score.candidate == candidate]
    values: dict[str, list[float]] = {}
    for score in of_candidate:
        if (value := score.values[measure]) is not None:
            values.setdefault(person_of[score.content], []).append(value)
    if not values:
        return "-"
    missing = sum(score.values[measure] is None for score in of_candidate)
    return interval_of_people(values).text(2) + (f", {missing} without" if missing else "")
