"""Decoding of several streams side by side: their windows share batches."""

from collections.abc import Sequence

from bcdcodec.codec.decode.decoder import DecodedFrame, Decoder
from bcdcodec.codec.decode.segment import DecodedWindow, Segment, WindowSettings


def decode_together(decoders: Sequence[Decoder], *, one_window: bool = False) -> list[list[DecodedFrame]]:
    """Decode what waits in decoders after `Decoder.add`; returns the frames of each, the same as alone up to rounding.

    one_window: the next window of each decoder, not all that wait. Windows share a batch where the model, the sampling
    and the lengths of windows are the same, and are decoded apart where they are not. Until it returns no other thread
    may use any of the decoders.
    """
    # By the model's networks, of which a decoder keeps them alive.
    groups: dict[tuple[int, WindowSettings], list[Decoder]] = {}
    for decoder in decoders:
        groups.setdefault((id(decoder.backend.networks), decoder.windows), []).append(decoder)
    windows: dict[int, list[DecodedWindow]] = {id(decoder): [] for decoder in decoders}
    for (_, settings), group in groups.items():
        owners: dict[int, int] = {}
        segments: list[Segment] = []
        for decoder in group:
            taken = decoder.take_next() if one_window else decoder.take_segments()
            owners |= dict.fromkeys(map(id, taken), id(decoder))
            segments += taken
        for window in group[0].backend.decode(segments, settings, one_window=one_window):
            windows[owners[id(window.segment)]].append(window)
    return [decoder.frames(windows[id(decoder)]) for decoder in decoders]
