"""Plot of bitrate and bucket fill over time, for `bcd info --plot`."""

from pathlib import Path
from typing import Any

from bcdcodec.bitstream.packet import PacketKind
from bcdcodec.evaluation.report.figures import pyplot, save_figure
from bcdcodec.ratecontrol.bucket import LeakyBucket
from bcdcodec.ratecontrol.timeline import Timeline

WINDOW_S = 1.0
#: Sample times of the moving rate; more than a plot can resolve.
MAX_SAMPLES = 4000
SAMPLE_S = 0.02


def rate_plot(path: Path, timeline: Timeline, *, bitrate: float | None, bucket_s: float, title: str) -> None:
    """Rate of each packet and of the last second above, fill of a leaky bucket below.

    bitrate: target in bit/s, at which the bucket drains; None for the stream's own mean. MissingExtraError
    without matplotlib.
    """
    figure, (above, below) = pyplot().subplots(
        2, 1, figsize=(10, 6), sharex=True, height_ratios=(3, 2), layout="constrained"
    )
    drain = timeline.mean_rate if bitrate is None else bitrate
    spans = [packet for packet in timeline.packets if packet.end_s > packet.start_s]
    above.bar(
        [span.start_s for span in spans],
        [span.bits / (span.end_s - span.start_s) / 1000 for span in spans],
        width=[span.end_s - span.start_s for span in spans],
        align="edge",
        color="#c6d8ea",
        edgecolor="white",
        linewidth=0.8,
        label="motion, each packet over its frames",
    )
    times_s = _sample_times(timeline.duration_s)
    if times_s:
        rates = [rate / 1000 for rate in timeline.moving_rate(times_s, WINDOW_S)]
        above.plot(times_s, rates, color="#1f4e79", linewidth=1.4, label=f"last {WINDOW_S:g} s, without audio")
    name = "mean" if bitrate is None else "target"
    above.axhline(drain / 1000, color="#b03a2e", linestyle="--", label=f"{name}, {drain / 1000:.2f} kbps")
    contents = [packet for packet in timeline.packets if packet.kind == PacketKind.CONTENT]
    for index, content in enumerate(contents):
        label = "new content" if index == 0 else None
        above.axvline(content.start_s, color="#7d6608", linestyle=":", linewidth=1.2, label=label)
    above.set_ylim(bottom=0)
    above.set_ylabel("kbps")
    above.set_title(title, loc="left")
    _draw_bucket(below, timeline, LeakyBucket(drain, bucket_s), bucket_s)
    below.set_xlim(0, timeline.duration_s)
    for axes in (above, below):
        axes.grid(alpha=0.3)
        # Beside the title, where no line can be hidden.
        axes.legend(fontsize=8, loc="lower right", bbox_to_anchor=(1, 1), ncols=4, frameon=False)
    save_figure(figure, path)


def _draw_bucket(axes: Any, timeline: Timeline, bucket: LeakyBucket, bucket_s: float) -> None:
    times_s, fills = timeline.fill(bucket)
    kilobits, size = [fill / 1000 for fill in fills], bucket.size_bits / 1000
    axes.fill_between(times_s, kilobits, color="#a9cfa5", label="fill")
    if max(kilobits) > size:
        over = [fill > size for fill in kilobits]
        axes.fill_between(times_s, kilobits, size, where=over, interpolate=True, color="#e0a49d", label="too full")
    axes.axhline(
        size,
        color="#b03a2e",
        linestyle="--",
        label=f"{bucket_s:g} s at {bucket.bitrate / 1000:.2f} kbps; fullest {max(fills) / bucket.size_bits:.0%}",
    )
    axes.set_ylim(bottom=0)
    axes.set_ylabel("bucket, kbit")
    axes.set_xlabel("s; header and first content are sent before 0")


def _sample_times(duration_s: float) -> list[float]:
    """Ends of whole windows inside the stream, in seconds."""
    count = min(MAX_SAMPLES, int((duration_s - WINDOW_S) / SAMPLE_S) + 1) if duration_s >= WINDOW_S else 0
    step = (duration_s - WINDOW_S) / max(1, count - 1)
    return [WINDOW_S + index * step for index in range(count)]
