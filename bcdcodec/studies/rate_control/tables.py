"""Tables of docs/rate_control.md."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from bcdcodec.evaluation.report.tables import table
from bcdcodec.studies.rate_control import bitrates, variants

#: Length from which a file has to come within 1 % of its target; shorter ones may take what this length may.
LONG_S = 10.0
Record = dict[str, Any]


def bitrate_table(records: Sequence[Record]) -> list[str]:
    """One row a target, and the clips that were refused below the table."""
    head = ["target, bit/s", "clips", "refused", "long ones", "error, %, mean and worst", "fill, worst", "skipped"]
    head += ["fps", "codes a frame", "contents", "packed", "coded", "context", "model"]
    rows = []
    for target in bitrates.TARGETS:
        own = [record for record in records if record["target"] == target]
        coded = [record for record in own if "refused" not in record]
        if coded:
            rows.append([str(target), str(len(own)), str(len(own) - len(coded)), *_bitrate_cells(coded, target)])
    refused = [record for record in records if "refused" in record]
    lines = [f"- `{record['clip']}` at {record['target']}: {record['refused']}." for record in refused]
    return [*table(head, rows), *([""] if lines else []), *lines]


def _bitrate_cells(records: Sequence[Record], target: int) -> list[str]:
    errors = [100 * (r["bits"] / r["seconds"] / target - 1) for r in records if r["seconds"] >= LONG_S]
    error = f"{np.mean(errors):.2f}, {max(errors, key=abs):.2f}" if errors else f"- (none of {LONG_S:g} s or longer)"
    return [
        str(len(errors)),
        error,
        f"{100 * max(record['fill'] for record in records):.0f}",
        str(sum(record["skipped_frames"] for record in records)),
        *(_counts(records, name) for name in ("fps", "groups")),
        str(sum(record["contents"] for record in records)),
        *(_frame_bits(records, f"{name}_bits") for name in ("packed", "coded", "context", "model")),
    ]


def _counts(records: Sequence[Record], name: str) -> str:
    counts = Counter(record[name] for record in records)
    return ", ".join(f"{value:g} in {count}" for value, count in sorted(counts.items()))


def _frame_bits(records: Sequence[Record], name: str) -> str:
    known = [record for record in records if name in record]
    if not known:
        return "none"
    frames = sum(record["frames"] for record in known)
    return f"{sum(record[name] * record['frames'] for record in known) / frames:.1f}"


def variant_table(records: Sequence[Record]) -> list[str]:
    """One row a target and variant, means over the clips."""
    head = ["target, bit/s", "", "kbps", "PSNR", "LPIPS", "flicker", "mouth", "contour", "skipped", "refused"]
    rows = []
    for target in bitrates.TARGETS:
        for variant in variants.VARIANTS:
            own = [record for record in records if (record["target"], record["variant"]) == (target, variant.name)]
            coded = [record for record in own if "refused" not in record]
            if not coded:
                continue
            names = ("kbps", *variants.METRIC_NAMES)
            digits = (2, 2, 4, 2, 2, 2)
            means = [
                f"{float(np.mean([record[name] for record in coded])):.{count}f}"
                for name, count in zip(names, digits, strict=True)
            ]
            skipped = sum(record["skipped_frames"] for record in coded)
            rows.append([str(target), variant.name, *means, str(skipped), str(len(own) - len(coded))])
    return table(head, rows)
