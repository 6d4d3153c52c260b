"""The most memory this process held since a moment. Linux alone keeps a mark that can be reset."""

from pathlib import Path

_CLEAR, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")
#: What resets the mark of the resident set (proc(5)).
_RESET_PEAK = "5"


def reset_peak() -> None:
    """Begin to look. Does nothing where it cannot."""
    if _CLEAR.exists():
        _CLEAR.write_text(_RESET_PEAK)


def peak_mib() -> float | None:
    """The mark in MiB, with everything the process held before; None on other systems."""
    if not _CLEAR.exists():
        return None
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
    return round(int(line.split()[1]) / 1024, 1)
