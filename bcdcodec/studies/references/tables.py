"""Tables of docs/references.md."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np

from bcdcodec.evaluation.metrics.pair import known_mean
from bcdcodec.evaluation.report.tables import metric_digits, metric_title, number, table
from bcdcodec.studies.references.measure import HELD_METRICS, METRICS, TARGETS, VARIANTS

Record = dict[str, Any]


def group_table(records: Sequence[Record]) -> list[str]:
    """One row a target and variant, means over the clips; those that a variant cannot code are named below.

    Without a clip it says so: a folder of one clip has no other for the second group.
    """
    if not records:
        return ["- (no clip is left for this group)"]
    head = ["bit/s", "", "pictures a clip", "kbps of pictures", "kbps of motion", "kbps in all"]
    head += [*map(metric_title, METRICS), *(f"held: {name}" for name in HELD_METRICS)]
    rows = []
    for target in TARGETS:
        for variant in VARIANTS:
            own = [record for record in records if (record["target"], record["variant"]) == (target, variant)]
            if coded := [record for record in own if "refused" not in record]:
                rows.append([str(target), variant, *_cells(coded)])
    refused = [record for record in records if "refused" in record]
    lines = [f"- `{item['clip']}` at {item['target']}, {item['variant']}: {item['refused']}." for item in refused]
    return [*table(head, rows), *([""] if lines else []), *lines]


def _cells(coded: Sequence[Record]) -> list[str]:
    cells = [f"{fmean(record['pictures'] for record in coded):.1f}"]
    cells += [f"{fmean(record['kbps'][part] for record in coded):.2f}" for part in ("pictures", "motion", "all")]
    for column, names in (("decoded", METRICS), ("held", HELD_METRICS)):
        for name in names:
            values = np.array([record[column][name] for record in coded], dtype=np.float64)  # NaN for None
            cells.append(number(known_mean(values), metric_digits(name)))
    return cells


def motion_lines(names: Sequence[str], motion: Mapping[str, float]) -> list[str]:
    """The clips of a group that was chosen, and how much each moves; none where its clips were named."""
    known = [f"`{name}` ({motion[name]:.1f} %)" for name in names if name in motion]
    return ["", f"Chosen by the motion of the face, in % of its size: {', '.join(known)}."] if known else []
