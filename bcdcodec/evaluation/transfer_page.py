"""Scores of transfers as a page. In: PairScores, their pairs of clips. Out: counts, table and failures as Markdown."""

import itertools
from collections.abc import Sequence

import numpy as np

from bcdcodec.config import SamplingConfig
from bcdcodec.evaluation.bench.markdown import table
from bcdcodec.evaluation.measure import STRIP_COLUMNS
from bcdcodec.evaluation.opening import Following
from bcdcodec.evaluation.transfer import FOLLOWS, Pair, PairScore, may_be_shown

#: Place of the pictures, from the page.
SHEET = "transfer/sheet.png"


def page(scores: Sequence[PairScore], pairs: Sequence[Pair], *, about: str) -> str:
    """Markdown. Credits are of the pairs that may be shown."""
    shown = [pair for pair in pairs if may_be_shown(pair)]
    pictures = ["No pair has two sources whose licences allow it to be shown."]
    if shown:
        credits = {clip.name: clip for pair in shown for clip in pair}.values()
        pictures = [
            f"The {len(shown)} of {len(pairs)} pairs whose licences both allow it. Three rows a pair: content source, "
            "motion source, transferred;",
            f"{STRIP_COLUMNS} times spread evenly over what was compared.",
            "",
            f"![content source, motion source, transferred]({SHEET})",
            "",
            *(f"- {clip.name}: {clip.source}, {clip.license}" for clip in credits),
        ]
    parts = [
        ["# Motion transfer", "", "Written by `tools/measure_transfer.py CLIPS`; do not edit.", ""],
        [about, "", *_ABOUT, "", "## How many", "", *summary_lines(scores), "", "## Pairs", "", *pair_lines(scores)],
        ["", "## What fails", "", *failure_lines(scores), "", "## Pictures", "", *pictures],
    ]
    return "\n".join(itertools.chain.from_iterable(parts)) + "\n"


_ABOUT = """## What is compared

One clip gives the person (*content*), another one of another person gives the motion. Both go through what `bcd
transfer` calls, uncropped, the motion without a limit on its bits; the result is read back from the video file. Result
and both clips are compared frame by frame at the same times. Only frames that show a face in all three count for
motion, those that show one in both for likeness.

- **Identity**: *csim*, the cosine of two face embeddings, mean of the frames; more is more alike. It stands against
  both sources. *sources*: how like the two people are to each other. The motion source has an advantage here: at the
  same time its pose is the one that the result should have.
- **Motion**: points of a face mesh (478), each as its way from its own mean over time, divided by the distance of the
  outer corners of the eyes in that video (mean over time). The *error* is the mean distance of such ways between result
  and source, over points and frames, in % of the eyes' distance. It stands against the motion source and against what
  the content source itself does at these times.
- **Why relative**: the codec moves the content's picture by the movement since the motion source's own content frame.
  Where a head is, its size and the shape of its face come from the content; only the movement is taken. So each
  sequence's own mean is subtracted, and where a head starts is left out, as well as which frame motion counts from.
  Even a perfect transfer has an error here: two faces of different shape that turn alike do not have the same ways.
- **Still**: the error that a face which does not move has against the motion source, that is, how much there is to
  take. A result may be nearer to a calm motion source by not moving; only one that is also better than still has taken
  its motion.
- **Head**, **mouth**, **eyes**: correlation with the motion source, and amplitude (slope, 1 is all of it), of the
  middle of the face and of how far mouth and eyes are open. "-": the source's does too little to tell.
- **Size**: the eyes' distance in the motion source over that in the result. The codec moves by parts of the picture,
  not of the face: a small face that takes the motion of a large one moves too far for its size, about *size* times.
""".splitlines()


def about_line(
    *, name: str, model_id: str, frame_rate: float, sampling: SamplingConfig, seed: int, limit_s: float
) -> str:
    """What was measured with: weights, sampling, how much of each pair."""
    return (
        f"Weights `{name}`, id `{model_id}`; {sampling.steps} sampling "
        f"step{'s' * (sampling.steps != 1)}, guidance {sampling.guidance:g}, noise of seed {seed}; "
        f"{frame_rate:g} frames a second. At most {limit_s:g} s\n"
        "of each pair are compared; the pairs are of different people, spread evenly over the list and not chosen\n"
        "(`choose_pairs`)."
    )


def summary_lines(scores: Sequence[PairScore]) -> list[str]:
    """n of all, for the criterion and what bounds it."""
    both = [item.keeps_identity and item.takes_motion for item in scores]
    counts = [
        ("Identity is nearer to the content source", [item.keeps_identity for item in scores]),
        ("Motion is nearer to the motion source", [item.takes_motion for item in scores]),
        ("**Both**", both),
        ("Motion is also nearer than that of a still face", [item.beats_still for item in scores]),
        ("Nearer to the motion source even where each head starts counts", [item.moves_in_place for item in scores]),
    ]
    lines = [f"- {said}: {sum(hits)} of {len(hits)}." for said, hits in counts]
    for name, said in (("error_still", "that of a still face"), ("error_content", "that to the content source")):
        shares = [item.error_motion / high for item in scores if item.error_motion and (high := getattr(item, name))]
        if shares:
            lines.append(f"- Error to the motion source over {said}, median: {np.median(shares):.2f}.")
    for part in ("head", "mouth", "eyes"):
        known: list[Following] = [found for item in scores if (found := getattr(item, part)) is not None]
        if known:
            correlation, amplitude = (
                float(np.median([getattr(item, name) for item in known])) for name in ("correlation", "amplitude")
            )
            lines.append(
                f"- {part.capitalize()}, median of {len(known)}: correlation {correlation:.2f}, "
                f"amplitude {amplitude:.2f}."
            )
    return lines


def pair_lines(scores: Sequence[PairScore]) -> list[str]:
    """The table."""
    head = ["content", "motion", "faces", "csim to content", "to motion", "sources"]
    head += ["error to motion, %", "to content, %", "still, %", "size", "head", "mouth", "eyes", "identity", "motion"]
    rows = [
        [
            *(f"`{item.content}`", f"`{item.motion}`", f"{item.faces} of {item.frames}"),
            *map(_number, (item.csim_content, item.csim_motion, item.csim_sources)),
            *map(_number, (item.error_motion, item.error_content, item.error_still, item.size)),
            *map(_following, (item.head, item.mouth, item.eyes)),
            *("yes" if is_so else "no" for is_so in (item.keeps_identity, item.takes_motion)),
        ]
        for item in scores
    ]
    return table(head, rows)


def failure_lines(scores: Sequence[PairScore]) -> list[str]:
    """One line for every pair of which something does not hold."""
    lines = []
    for item in scores:
        unknown = item.error_motion is None
        reach = _number(None if item.head is None else item.head.amplitude)
        found = {
            "too few frames show a face in all three videos": unknown,
            "identity is not nearer to the content source": not (unknown or item.keeps_identity),
            "motion is not nearer to the motion source": not (unknown or item.takes_motion),
            "a still face is as near to the motion source": not (unknown or item.beats_still),
            f"the head moves {reach} times as far (size {_number(item.size)})": not item.head_as_far,
            f"the mouth does not follow (correlation below {FOLLOWS:g})": not item.mouth_follows,
            f"in {item.lost} of {item.frames} frames no face is found, where the motion source has one": item.lost > 0,
        }
        if any(found.values()):
            said = "; ".join(text for text, is_so in found.items() if is_so)
            lines.append(f"- `{item.content}` moved by `{item.motion}`: {said}.")
    return lines or ["None of what is looked for, in these pairs."]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _following(value: Following | None) -> str:
    return "-" if value is None else f"{value.correlation:.2f}, {value.amplitude:.2f}"
