"""Training curves of the variants."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from bcdcodec.evaluation.report.figures import pyplot, save_figure


def curves_plot(path: Path, curves: Mapping[str, Sequence[Mapping[str, float]]]) -> None:
    """Bits a frame, and errors with the right and with other conditions, over the updates of every run."""
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
