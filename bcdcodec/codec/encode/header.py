"""The stream header that a model, a plan and a first reference make."""

from fractions import Fraction

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.records import AudioInfo, CodingInfo, CodingMode, ContentRecord, VideoInfo
from bcdcodec.codec.model import CodecModel


def make_header(
    model: CodecModel,
    content: ContentRecord,
    *,
    size: tuple[int, int],
    cropped: bool,
    frame_rate: Fraction,
    mode: CodingMode,
    groups: int,
    seed: int = 0,
    audio: AudioInfo | None = None,
    metadata: dict[str, str] | None = None,
    background: bytes | None = None,
) -> StreamHeader:
    """Make the header of a stream. size: width and height of the source; cropped: whether a face was followed."""
    config = model.config
    return StreamHeader(
        model_id=model.weights.model_id,
        video=VideoInfo(
            width=size[0],
            height=size[1],
            model_pixels=config.pixels,
            rate_num=frame_rate.numerator,
            rate_den=frame_rate.denominator,
            cropped=cropped,
        ),
        coding=CodingInfo(
            mode=mode,
            groups=groups,
            bits_per_code=config.quantizer.bits_per_code,
            seed=seed,
            window_frames=config.window_frames + config.context_frames,
            context_frames=config.context_frames,
        ),
        content=content,
        audio=audio,
        metadata=metadata or {},
        plate=background,
    )
