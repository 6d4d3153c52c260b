"""Integer symbols <-> bytes with integer tables (bitstream_spec.md, sections 5.2, 6 and 7). No torch, no float."""
