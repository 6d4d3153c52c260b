"""Processor time of decoding several calls of one model: side by side in batches, and one after the other.

Every participant sends the same clip. The repeats of both ways take turns, and the table has the medians. Nothing else
should run meanwhile.
"""

import argparse
import itertools
import statistics
import sys
import time
from collections.abc import Sequence

from bcdcodec import CodecModel, Decoder, DecodeSettings, Encoder, EncodeSettings
from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import Packet, PacketKind
from bcdcodec.codec.decode.together import decode_together
from bcdcodec.config import SamplingConfig
from bcdcodec.errors import BcdError
from bcdcodec.video.reader import VideoReader

Stream = tuple[StreamHeader, list[Packet]]


def encode(model: CodecModel, clip: str, frames: int) -> Stream:
    """A call of the first frames of a clip, a frame in a packet."""
    encoder = Encoder(model, EncodeSettings.live(bitrate=4000))
    with VideoReader(clip, encoder.frame_rate) as reader:
        packets = [packet for frame in itertools.islice(reader, frames) for packet in encoder.push(frame)]
    return encoder.header, packets


def seconds(model: CodecModel, stream: Stream, sampling: SamplingConfig, count: int, *, together: bool) -> float:
    """Processor time for each frame of all participants, in seconds."""
    header, packets = stream
    decoders = [Decoder(model, header, DecodeSettings(sampling=sampling)) for _ in range(count)]
    frames, started = 0, 0.0
    for index, packet in enumerate(packets):
        if index == len(packets) // 5:  # the first ones warm up
            frames, started = 0, time.process_time()
        for decoder in decoders:
            decoder.add(packet)
        if packet.kind is not PacketKind.MOTION:
            continue
        decoded = decode_together(decoders) if together else [decoder.decode_waiting() for decoder in decoders]
        frames += sum(map(len, decoded))
    return (time.process_time() - started) / frames


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", metavar="CLIP")
    parser.add_argument("--participants", type=int, default=4, metavar="N", help="(default: 4)")
    parser.add_argument("--frames", type=int, default=25, metavar="N", help="of the clip (default: 25)")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="(default: 3)")
    options = parser.parse_args(arguments)
    try:
        model = CodecModel.load()
        stream = encode(model, options.clip, options.frames)
    except BcdError as error:
        print(f"participants: {error}", file=sys.stderr)
        return 1
    for name in ("standard", "warp"):
        standard = model.config.sampling["standard"]
        sampling = standard if name == "standard" else SamplingConfig(steps=0, guidance=1.0)
        taken: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(options.repeats):
            for together in taken:
                taken[together].append(seconds(model, stream, sampling, options.participants, together=together))
        alone, batched = (1000 * statistics.median(taken[together]) for together in (False, True))
        print(
            f"{name:8} {options.participants} participants  alone {alone:5.1f} ms a frame, "
            f"together {batched:5.1f} ms, ratio {batched / alone:.2f}"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
