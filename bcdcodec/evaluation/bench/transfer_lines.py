"""Cross-identity transfer on the page. In: scores of every pair. Out: a verdict over a still picture, and a table."""

from collections.abc import Mapping, Sequence

from bcdcodec.evaluation.bench.markdown import table
from bcdcodec.evaluation.bench.matches import BETTER, BY_SIGN, EVEN, TOO_FEW, WORSE
from bcdcodec.evaluation.bench.transfer import CANDIDATES, HELD, MEASURES, SEED, TRANSFER, TransferScore
from bcdcodec.evaluation.interval import Interval, interval_of_people

#: In what a transfer has to be better than a still picture, or as good.
OVER_STILL = ("motion", "motion-from-start", "ard", "auh", "shape")


def transfer_lines(scores: Sequence[TransferScore], person_of: Mapping[str, str], *, seconds: float) -> list[str]:
    """The section, empty where transfer was not measured. person_of: clip -> person. seconds: of each clip."""
    if not scores:
        return []
    pairs = {(score.content, score.motion) for score in scores}
    people = {person_of[content] for content, _ in pairs}
    titles = [
        f"{name}{', ' + unit if unit else ''} {'↑' if higher else '↓'}" for name, (unit, higher) in MEASURES.items()
    ]
    return [
        "## Cross-identity transfer",
        "",
        f"{len(pairs)} pairs of a fixed list, {len(people)} people whose looks are taken, {seconds:g} s of each clip, "
        f"noise of seed {SEED}.",
        *_ABOUT,
        "",
        _over_still(scores, person_of),
        "",
        *table(
            ["candidate", *titles],
            [[name, *(_cell(scores, person_of, name, measure) for measure in MEASURES)] for name in CANDIDATES],
        ),
        "",
    ]


_ABOUT = """The content of one person's clip moves as another person's clip does. Two candidates stand beside: the
motion clip as it is, which moves perfectly with the wrong face, and the content clip's first frame held, which has
the right face and does not move. *csim*: likeness to the content clip's first frame. *shape*, *motion*, *cross*:
errors of a 3D face fitted to the videos (docs/face3d.md), against the content clip, the motion clip, and the identity
of the one with the motion of the other. *motion-from-start*: after the pose of the first frame was laid onto the
motion clip's, as the codec's motion counts from the start of a clip, so that a head that starts elsewhere stays
elsewhere. *ard*, *auh*: turn of the head and action units against the motion clip. Intervals are over the people
whose looks are taken.""".splitlines()


def gain_over_still(scores: Sequence[TransferScore], person_of: Mapping[str, str], measure: str) -> Interval | None:
    """How much better the transfer is than the held content, pair by pair, over people; None without a pair."""
    of = {(score.content, score.motion, score.candidate): score.values[measure] for score in scores}
    gains: dict[str, list[float]] = {}
    for content, motion in dict.fromkeys((score.content, score.motion) for score in scores):
        moved, still = (of.get((content, motion, name)) for name in (TRANSFER, HELD))
        if moved is not None and still is not None:
            gain = moved - still if MEASURES[measure][1] else still - moved
            gains.setdefault(person_of[content], []).append(gain)
    return interval_of_people(gains) if gains else None


def _over_still(scores: Sequence[TransferScore], person_of: Mapping[str, str]) -> str:
    """One plain sentence a verdict."""
    groups: dict[str, list[str]] = {}
    for measure in OVER_STILL:
        if gain := gain_over_still(scores, person_of, measure):
            unit = MEASURES[measure][0]
            said = f"{measure} ({gain.text(2)}{' ' + unit if unit else ''})"
            groups.setdefault(BY_SIGN[gain.sign], []).append(said)
    words = {
        BETTER: "Transfer is better than a still picture by",
        WORSE: "It is worse than a still picture by",
        EVEN: "It is not clearly apart from a still picture by",
        TOO_FEW: "There are too few people to tell by",
    }
    found = [f"{text} {', '.join(groups[verdict])}." for verdict, text in words.items() if verdict in groups]
    if BETTER not in groups and TOO_FEW not in groups:
        found.insert(0, "Transfer is better than a still picture by none of these.")
    return "**Against the held content:** " + " ".join(found) + " Positive is better."


def _cell(scores: Sequence[TransferScore], person_of: Mapping[str, str], candidate: str, measure: str) -> str:
    values: dict[str, list[float]] = {}
    missing = 0
    for score in scores:
        if score.candidate == candidate:
            value = score.values[measure]
            if value is None:
                missing += 1
            else:
                values.setdefault(person_of[score.content], []).append(value)
    if not values:
        return "-"
    return interval_of_people(values).text(2) + (f", {missing} without" if missing else "")
