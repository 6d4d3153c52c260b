"""Tables of docs/calls.md from results/call.json."""

from collections.abc import Callable
from typing import Any

from bcdcodec.evaluation.report.tables import number, table

Row = dict[str, Any]
FRAMES = ("decoded", "concealed", "frozen")


def tables(results: dict[str, Any]) -> dict[str, list[str]]:
    """Lines of the tables by name, of the parts that were measured."""
    makers: dict[str, Callable[[Any], list[str]]] = {
        "wire": wire_table,
        "loss": loss_table,
        "outage": outage_table,
        "soak": soak_table,
        "pace": pace_table,
    }
    return {name: maker(results[name]) for name, maker in makers.items() if name in results}


def wire_table(rows: list[Row]) -> list[str]:
    """Cost by frames a packet, and by bitrate of the wire."""
    head = ["asked of the wire", "frames a packet", "sound", "on the wire, kbps", "reports, kbps", *_SHOWN]
    lines = []
    for row in rows:
        asked = "no limit" if row["wire_bitrate"] is None else f"{row['wire_bitrate'] / 1000:g} kbps"
        frames = "as planned" if row["packet_frames"] is None else str(row["packet_frames"])
        kbps = [number(row["wire_kbps"], 1), number(row["report_kbps"], 1)]
        lines.append([asked, frames, "yes" if row["sound"] else "no", *kbps, *_shown(row)])
    return table(head, lines)


def loss_table(rows: list[Row]) -> list[str]:
    """What is shown by network, with and without copies and concealment."""
    head = ["network", "wire", "copies", "lost frames", "on the wire, kbps", *_SHOWN, "LPIPS", "expression", "mouth"]
    lines = []
    for row in rows:
        copies = "yes" if row["repeats"] else "no"
        around = [row["impair"], f"{row['wire_bitrate'] / 1000:g} kbps", copies, row["conceal"]]
        quality = [number(row["lpips"], 3), number(row["expression"], 2), number(row["mouth"], 2)]
        lines.append([*around, number(row["wire_kbps"], 1), *_shown(row), *quality])
    return table(head, lines)


def outage_table(rows: list[Row]) -> list[str]:
    """Recovery after an outage."""
    head = ["wire", "first decoded picture after, ms", "frames decoded, concealed, frozen"]
    lines = [
        [f"{row['wire_bitrate'] / 1000:g} kbps", number(row["recovery_ms"], 0), _counts(row["frames"])] for row in rows
    ]
    return table(head, lines)


def soak_table(rows: list[Row]) -> list[str]:
    """Memory and delay by minute."""
    head = ["minute", "memory, MiB", "playout delay, ms"]
    lines = [[str(row["minute"]), number(row["rss_mib"], 1), number(row["delay_ms"], 0)] for row in rows]
    return table(head, lines)


def pace_table(result: Row) -> list[str]:
    """Parts of the time from capture to being shown."""
    head = ["part", "median, ms", "95th percentile, ms"]
    parts = result["parts"].items()
    lines = [[name, number(values["median"], 0), number(values["p95"], 0)] for name, values in parts]
    return table(head, lines)


_SHOWN = ("frames decoded, concealed, frozen", "sound made up, s", "latency, ms", "lip sync, ms")


def _shown(row: Row) -> list[str]:
    sync = row["lip_sync_ms"]
    return [
        _counts(row["frames"]),
        number(row["sound_ms"]["concealed"] / 1000, 1),
        number(row["latency_ms"]["median"], 0),
        "" if sync is None else number(sync["p95"], 0),
    ]


def _counts(frames: dict[str, int]) -> str:
    return ", ".join(str(frames[name]) for name in FRAMES)
