"""Generator of the tables in docs/training.md that say what a run of the paper's preset `lrs3` costs.

    python tools/training_cost.py            # writes the tables
    python tools/training_cost.py --check    # exit code 1 where they are others

Operations are counted on tensors without data, hours follow from the peak of a processor and a share of it.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bcdcodec.config import ModelConfig, preset
from bcdcodec.evaluation.report.tables import replace_tables, table
from bcdcodec.training.data.clips import THUMBNAIL, still_frames
from bcdcodec.training.objective.schedule import Schedule
from bcdcodec.training.run.cost import TrainingCost, training_cost
from bcdcodec.video.landmarks import POINTS

PAGE = Path(__file__).parents[1] / "docs" / "training.md"
#: Speech of the sets `pretrain` and `trainval` of LRS3, the paper's clips of it, and its epochs.
HOURS, CLIP_SECONDS, EPOCHS = 437, 4, 45
#: Dense peaks of an H100 SXM in TFLOP/s, by what --precision computes matrix products in.
PEAKS = {"fp32 (TF32)": 495, "bf16": 989}
GPUS, UTILISATIONS = (8, 32), (0.05, 0.2, 0.4)


@dataclass(frozen=True, slots=True)
class Run:
    """A run of the paper: updates in all, and how many of them train the temporal blocks; FLOP of both kinds."""

    clips: int
    updates: int
    temporal: int
    cost: TrainingCost

    @classmethod
    def of(cls, config: ModelConfig) -> "Run":
        """Count the run of a configuration."""
        clips = HOURS * 3600 // CLIP_SECONDS
        updates = EPOCHS * clips // config.optim.batch
        schedule = Schedule.of(config, updates)
        temporal = sum(schedule.temporal(step) for step in range(updates))
        return cls(clips, updates, temporal, training_cost(config, schedule))

    @property
    def flop(self) -> float:
        """Operations of all updates."""
        return (self.updates - self.temporal) * self.cost.first_flops + self.temporal * self.cost.last_flops

    def hours(self, gpus: int, peak_tflops: float, utilisation: float) -> float:
        """Hours on some GPUs at a share of their peak."""
        return self.flop / (gpus * peak_tflops * 1e12 * utilisation) / 3600


def clip_bytes(config: ModelConfig, seconds: float = CLIP_SECONDS) -> int:
    """Bytes of one clip in the clip cache (training/data/clips.py), without its row of the index."""
    frames = round(seconds * config.frame_rate[0] / config.frame_rate[1])
    latent = 2 * config.denoiser.channels * config.denoiser.resolution**2
    if not config.denoiser.warp_blocks:
        return frames * latent
    stills = len(still_frames(frames)) * (3 * config.pixels**2 + latent)
    return frames * (latent + 3 * THUMBNAIL**2 + 8 * POINTS) + stills


def tables(run: Run) -> dict[str, list[str]]:
    """Lines of both tables."""
    size = [
        ("clips", f"{run.clips:,}", f"{HOURS} hours in clips of {CLIP_SECONDS} s"),
        ("updates", f"{run.updates:,}", f"{EPOCHS} epochs, batches of {preset('lrs3').optim.batch}"),
        ("TFLOP an update", f"{run.cost.first_flops / 1e12:.1f}", f"{run.updates - run.temporal:,} updates"),
        ("with temporal blocks", f"{run.cost.last_flops / 1e12:.1f}", f"{run.temporal:,} updates"),
        ("FLOP in all", f"{run.flop:.2e}", ""),
        ("weights, gradients, moments", f"{run.cost.kept_bytes / 1e9:.1f} GB", "of each GPU; activations come on top"),
    ]
    for name in ("lrs3", "face"):
        each = clip_bytes(preset(name))
        size.append((f"cache, `{name}`", f"{run.clips * each / 1e9:,.0f} GB", f"{each / 1e6:.2f} MB a clip"))
    hours = [
        (f"{gpus} H100, {name}", *(f"{run.hours(gpus, peak, share):.1f}" for share in UTILISATIONS))
        for gpus in GPUS
        for name, peak in PEAKS.items()
    ]
    head = ("hours", *(f"at {share:.0%} of the peak" for share in UTILISATIONS))
    return {"size": table(("LRS3", "", "of"), size), "hours": table(head, hours, right=True)}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="tables of what a run costs in docs/training.md")
    parser.add_argument("--check", action="store_true", help="write nothing, say whether the page is current")
    options = parser.parse_args(arguments)
    written = PAGE.read_text(encoding="utf-8")
    wanted = replace_tables(written, tables(Run.of(preset("lrs3"))))
    if not options.check:
        PAGE.write_text(wanted, encoding="utf-8")
    return int(options.check and wanted != written)


if __name__ == "__main__":
    sys.exit(main())
