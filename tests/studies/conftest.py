"""Clips and `bcd` for tests of studies."""

from bcd_kit import bcd
from clips_kit import clips_folder, write_list

__all__ = ["bcd", "clips_folder", "write_list"]
