"""Tables of the page of speed, from its numbers."""

from typing import Any

from bcdcodec.evaluation.report.tables import number, table

Row = dict[str, Any]


def tables(numbers: dict[str, Any]) -> dict[str, list[str]]:
    """Lines of the tables by name."""
    found = {"encoding": stage_table(_jobs(numbers, "encode")), "decoding": stage_table(_jobs(numbers, "decode"))}
    return found | ({"batches": batch_table(numbers["batches"])} if numbers["batches"] else {})


def stage_table(profiles: list[Row]) -> list[str]:
    """A row a stage: milliseconds a frame and share of the whole, of each profile."""
    head, rows = ["stage"], {name: [name] for profile in profiles for name in profile["stages"]}
    whole = ["whole"]
    for profile in profiles:
        preset = profile["job"].partition(", ")[2]
        head += [f"{preset + ', ' if preset else ''}{profile['cores']} core{'s' * (profile['cores'] > 1)}, ms", "%"]
        total = sum(profile["stages"].values())
        for name, cells in rows.items():
            stage_ms = profile["stages"][name]
            cells += [number(stage_ms, 2), number(100 * stage_ms / total, 1)]
        whole += [number(total, 1), "100"]
    return table(head, [*rows.values(), whole], right=True)


def batch_table(rows: list[Row]) -> list[str]:
    """A row a number of segments: frames a second and memory."""
    lines = [
        [row["preset"], str(row["segments"]), number(row["frames_per_second"], 0), number(row["peak_mib"], 0)]
        for row in rows
    ]
    return table(["preset", "segments", "frames a second", "memory, MiB"], lines)


def _jobs(numbers: dict[str, Any], job: str) -> list[Row]:
    """Profiles of a kind of job, by preset and then by cores."""
    chosen = [profile for profile in numbers["profiles"] if profile["job"].startswith(job)]
    return sorted(chosen, key=lambda profile: (profile["job"], profile["cores"]))
