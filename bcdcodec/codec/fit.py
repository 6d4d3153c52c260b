"""Whether a stream is one that a model can read. In: a header, a configuration. Out: nothing, or BitstreamError.

No torch: `bcd verify` asks too.
"""

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.config import ModelConfig
from bcdcodec.errors import BitstreamError


def check_sizes(header: StreamHeader, config: ModelConfig) -> None:
    """Refuse a stream whose declared sizes are none of its model's."""
    coding, quantizer = header.coding, config.quantizer
    found = (coding.groups, 1 << coding.bits_per_code, header.video.model_pixels)
    if coding.groups not in config.group_counts or found[1:] != (quantizer.entries, config.pixels):
        needed = " or ".join(str((count, quantizer.entries, config.pixels)) for count in config.group_counts)
        raise BitstreamError(f"stream has (groups, entries, pixels) {found}, its model needs {needed}")
