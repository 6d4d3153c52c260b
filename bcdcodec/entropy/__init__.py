"""Entropy coding of motion codes and content levels (bitstream_spec.md, sections 5.2, 6 and 7), in integers alone."""
