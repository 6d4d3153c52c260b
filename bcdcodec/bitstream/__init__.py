"""Syntax of `.bcd` streams: header, packets, index (bitstream_spec.md, sections 1 to 5). Standard library only."""
