"""Ablations -> a page and a plot. In: `Ablations`, curves of the runs. Out: Markdown, the paper's numbers beside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bcdcodec.ablation.plan import AblationPlan
from bcdcodec.ablation.runs import Ablations
from bcdcodec.ablation.variants import BASE, NO_RATE_LOSS, NOT_CROSS_DRIVEN
from bcdcodec.evaluation.bench.markdown import table
from bcdcodec.evaluation.report.figures import pyplot, save_figure

#: FID, CSIM, shape error x 10, motion error x 100, cross error x 100 of the paper (LRS3): tables A2 and A3 of the
#: supplement, the bitrates and cross-driving of the main paper. By the variant here that does the same.
PAPER: Mapping[str, tuple[float, ...]] = {
    BASE: (86.0, 0.69, 0.41, 3.13, 3.67),
    "rate-half": (88.5, 0.71, 0.34, 5.26, 5.68),
    "rate-1.5": (87.6, 0.68, 0.56, 3.23, 4.13),
    "rate-2": (89.3, 0.66, 0.49, 3.04, 3.74),
    NO_RATE_LOSS: (92.7, 0.70, 0.59, 4.81, 6.21),
    NOT_CROSS_DRIVEN: (120.1, 0.64, 0.58, 41.5, 40.4),
}
#: The same for content from so many frames, None for all.
PAPER_CONTENTS: Mapping[int | None, tuple[float, ...]] = {
    1: (87.9, 0.692, 0.47, 3.13, 3.81),
    5: (86.0, 0.685, 0.43, 3.50, 4.21),
    15: (85.6, 0.685, 0.43, 3.47, 4.14),
    20: (86.6, 0.688, 0.44, 3.20, 3.78),
    None: (86.0, 0.692, 0.41, 3.13, 3.67),
}
PAPER_HEAD = ("FID", "CSIM", "shape", "motion", "cross")
SCORE_HEAD = (
    *("", "target, bits a frame", "kbps", "measured", "codebooks", "used entries", "dead"),
    *("error", "other motion", "other content"),
)
#: What a Judge may say, with the factor that it is written with.
TRUTH_HEAD = {
    "psnr_db": ("PSNR to the truth, dB", 1.0),
    "action": ("action right, %", 100.0),
    "looks": ("looks right, %", 100.0),
    "nmi": ("NMI with poses", 1.0),
}
ABOUT = {
    BASE: "nothing changed",
    "rate-half": "half the bitrate",
    "rate-1.5": "one and a half times the bitrate",
    "rate-2": "twice the bitrate",
    NO_RATE_LOSS: "without the rate loss",
    NOT_CROSS_DRIVEN: "content from the frames that are rebuilt",
}


#: Who drew what the sheet shows.
SPRITES = (
    "Looks of the first column, motion of the second; the third is the true clip. Art of the Liberated Pixel Cup "
    "(opengameart.org), by its many artists, CC-BY-SA 3.0 and GPL 3.0, from github.com/YingzhenLi/Sprites."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """Files beside the page; sheet: None where there is no truth to show."""

    curves: str
    sheet: str | None


def markdown(found: Ablations, plan: AblationPlan, *, pairs: int, pictures: Pictures) -> str:
    """The page. pairs: of transfers that the truth was measured on."""
    rate = float(plan.config.frame_rate[0]) / plan.config.frame_rate[1]
    truth = [name for name in TRUTH_HEAD if name in found.scores[0].truth]
    lines = [
        "# Ablations",
        "",
        "Written by `bcd ablate`; do not edit.",
        "",
        f"- Preset `{plan.config.name}`, every variant trained from nothing for {plan.steps:,} steps of "
        f"{plan.config.optim.batch} clips, seed {plan.seed}, {plan.precision}, and measured on clips of others. A "
        "model this small after so few steps shows which way a change goes; values are not to be compared with the "
        "paper's.",
        "- *Error*: of frames denoised from noise that shows nothing of them, with the right content and motion, with "
        "another clip's motion, with another's content. Where another's content costs little, motion tells looks; "
        "where another's motion costs little, content tells motion.",
    ]
    if truth:
        lines += [
            f"- *Truth*: {pairs} transfers between test clips, against the true clip of that character in that action, "
            f"{plan.config.sampling['standard'].steps} sampling steps."
        ]
    lines += ["", "## Bitrate, rate loss, cross-driving", ""]
    lines += table(
        (*SCORE_HEAD, *(TRUTH_HEAD[name][0] for name in truth)),
        [
            (
                f"`{one.name}`: {ABOUT[one.name]}",
                f"{one.target_bits:g}",
                f"{one.target_bits * rate / 1000:.3g}",
                f"{one.entropy_bits:.2f}",
                str(one.groups),
                f"{one.used:.1f}",
                str(one.dead),
                *(f"{one.errors[name]:.4f}" for name in ("true", "other_motion", "other_content")),
                *_truth(one.truth, truth),
            )
            for one in found.scores
        ],
    )
    lines += ["", f"![curves of the runs]({pictures.curves})", ""]
    if pictures.sheet is not None:
        lines += [f"![the same pairs of clips by every variant]({pictures.sheet})", "", SPRITES, ""]
    lines += ["The paper's, of LRS3 (lower is better but for CSIM; shape x 10, motion and cross x 100):", ""]
    lines += table(
        ("", *PAPER_HEAD), [(f"`{one.name}`", *(f"{value:g}" for value in PAPER[one.name])) for one in found.scores]
    )
    lines += ["", "## Frames that content comes from", ""]
    if not found.contents:
        lines += ["Content of this preset is always one frame.", ""]
        return "\n".join(lines)
    lines += [
        f"The base, which learned with content from a few frames, given more or fewer of them "
        f"({found.contents[0].clips} clips for the error).",
        "",
    ]
    lines += table(
        ("frames", "error", *(TRUTH_HEAD[name][0] for name in truth), *(f"paper: {name}" for name in PAPER_HEAD)),
        [
            (
                "all" if one.frames is None else str(one.frames),
                f"{one.error:.4f}",
                *_truth(one.truth, truth),
                *(f"{value:g}" for value in PAPER_CONTENTS[one.frames]),
            )
            for one in found.contents
        ],
    )
    return "\n".join([*lines, ""])


def curves_plot(path: Path, curves: Mapping[str, Sequence[Mapping[str, float]]]) -> None:
    """Over the steps of every run: bits a frame, errors with the right and with other conditions."""
    panels = {
        "bits": "bits a frame",
        "true": "error, right",
        "other_motion": "other motion",
        "other_content": "other content",
    }
    figure, axes = pyplot().subplots(1, len(panels), figsize=(15, 4), layout="constrained")
    for axis, (name, title) in zip(axes, panels.items(), strict=True):
        for run, lines in curves.items():
            axis.plot([line["step"] for line in lines], [line[name] for line in lines], label=run, linewidth=1.3)
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("step")
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize=7)
    save_figure(figure, path)


def _truth(values: Mapping[str, float], names: Sequence[str]) -> list[str]:
    return [f"{values[name] * TRUTH_HEAD[name][1]:.{3 if name == 'nmi' else 1}f}" for name in names]
