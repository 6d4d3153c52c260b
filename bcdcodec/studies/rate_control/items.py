"""Items of the rate-control study: a clip at a target bitrate, and the file of its record."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipTarget:
    """target: bit/s. variant: name of a variant of variants.py; empty for the encoder as it is."""

    clip: Path
    target: int
    record: Path
    variant: str = ""
