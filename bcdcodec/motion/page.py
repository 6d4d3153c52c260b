"""Results of motion generation as a page. In: what tools/measure_motion.py collected. Out: markdown."""

from typing import Any

Results = dict[str, Any]

HEAD = """# Motion generation and loss concealment

Made by `python tools/measure_motion.py CLIPS --learned RUN/streams.safetensors`; do not edit by hand. The numbers are
in [{folder}/generation.json]({folder}/generation.json); what follows from them stands in the
[model card](model_card.md).

Motion model `{motion}` ({parameters:.2f} million parameters), for the codes of codec
`{codec}`; {clips} clips of {people} people that neither has seen. Distances are in % of the distance of the eyes' outer
corners.
"""

ENTROPY = """## What the codes could cost

Cross-entropy in bits a frame; packed codes take 320. Counts are of the training people. The GPT-2 predicts all 64 codes
of a frame at once from the content and the frames before. The integer context model, which is what the codec codes
with, has no content and sees two frames, but knows the codes of the frame itself that come before; it has learned from
the people held out here, so that its number there is too good.
"""

GENERATED = """## Generated motion

{frames} frames (4 s) for the content of {sequences} clips, from the content alone, against the first {frames} frames of
those clips. Points of the face are read off the codes.

- Speed: of a point, a second. Spread: standard deviation of a point about its mean place.
- Blinks, mouth openings: events a minute, told by the same thresholds in all rows (`motion/statistics.py`).
- Diversity: mean distance of two sequences of different contents, and of two draws for one content.
- Distance: Frechet distance of spread and speed in twelve directions to the real clips. That of other real people says
  how small it can get; sets have different people, and few sequences.
"""

RASTERS = """![codes over time]({folder}/rasters.png)

Codes of 4 s, one row a group, a colour a code. From above: {rows}.

![frames of the same]({folder}/sheet.png)

Eight frames of each, painted, in the same order. {clip}: {source}, {license}.
"""

CONCEALED = """## Lost packets

Packets of the streams are dropped, at random one by one or in bursts of three on average, never the first; of every
stream {draws} times anew.

- Error: distance of the points from where they were, over the lost frames.
- Flicker: how differently the points step from frame to frame, into and out of the gap included.
- Against hold: difference of the error, mean over people with its 95 % interval; below 0 is better.
- A decoder of files knows what follows a gap, and `model` ends there. "Not blended" is what a call could show at once;
  "blended alone" goes from the last codes to the next ones in a straight line, without a model.
"""

PAINTED = """{count} clips decoded with {lost_frames} lost frames (20 %, bursts, packets of 16) against the same clips
decoded without loss: landmarks found in the pictures, and flicker in 8-bit levels.
"""


def markdown(results: Results, *, folder: str) -> str:
    """The whole page; folder: where pictures and numbers are, beside it."""
    generated, painted = results["generated"], results["painted"]
    parts = [
        HEAD.format(**{**results, "parameters": results["parameters"] / 1e6}, folder=folder),
        ENTROPY,
        _table(["bits/frame", *results["entropy"]], _columns(results["entropy"], digits=1)),
        GENERATED.format(**generated),
        _table(
            ["", "speed", "spread", "blinks", "mouth openings", "diversity", "of one content", "distance"],
            [[name, *_generated_row(facts)] for name, facts in generated["sets"].items()],
        ),
    ]
    if "pictures" in results:
        parts.append(
            RASTERS.format(**{**results["pictures"], "rows": ", ".join(results["pictures"]["rows"])}, folder=folder)
        )
    parts.append(CONCEALED.format(**results))
    for packet, patterns in results["concealed"].items():
        parts.append(f"### Packets of {packet} frames ({int(packet) / 12.5:.2f} s)\n")
        rows = [
            [f"{pattern}, {trial['gaps']} gaps", name, *_concealed_row(found)]
            for pattern, trial in patterns.items()
            for name, found in trial["results"].items()
        ]
        parts.append(_table(["loss", "", "error", "flicker", "against hold"], rows))
    parts += [
        "### Painted\n",
        PAINTED.format(count=len(painted["clips"]), lost_frames=painted["lost_frames"]),
        _table(
            ["", "landmark distance, %", "flicker"],
            [
                [name, f"{distance:.2f}", f"{painted['flicker_levels'][name]:.2f}"]
                for name, distance in painted["landmark_distance"].items()
            ],
        ),
    ]
    return "\n".join(parts)


def _columns(found: dict[str, dict[str, float]], *, digits: int) -> list[list[str]]:
    """One row a name that all columns share."""
    first = next(iter(found.values()))
    return [[name, *(f"{column[name]:.{digits}f}" for column in found.values())] for name in first]


def _generated_row(facts: dict[str, float]) -> list[str]:
    one = facts.get("diversity_of_one_content")
    numbers = [f"{facts[key]:.1f}" for key in ("speed", "spread", "blinks", "mouth_openings", "diversity")]
    return [*numbers, "" if one is None else f"{one:.1f}", f"{facts['distance']:.2f}"]


def _concealed_row(found: dict[str, Any]) -> list[str]:
    against = found["against_first"]
    difference = f"{against['mean']:+.2f} ({against['low']:+.2f} to {against['high']:+.2f})"
    return [f"{found['error']:.2f}", f"{found['flicker']:.2f}", difference]


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]
    return "\n".join(lines) + "\n"
