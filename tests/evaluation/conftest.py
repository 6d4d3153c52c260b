"""Clips for tests of the harness."""

from clips_kit import clips_folder, write_list

__all__ = ["clips_folder", "write_list"]
