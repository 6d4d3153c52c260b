"""Clips for tests of studies."""

from clips_kit import clips_folder, write_list

__all__ = ["clips_folder", "write_list"]
