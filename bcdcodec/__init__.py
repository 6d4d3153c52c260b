"""bcdcodec: a talking-head video codec. In: nothing. Out: the public names, each imported when it is first used.

`import bcdcodec` loads neither torch nor numpy, so that tools that only look at streams start at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bcdcodec.bitstream.stream import StreamReader, StreamWriter
    from bcdcodec.codec.decode.decoder import Decoder
    from bcdcodec.codec.decode.file import decode_file
    from bcdcodec.codec.decode.settings import DecodeSettings
    from bcdcodec.codec.encode.encoder import Encoder
    from bcdcodec.codec.encode.file import encode_file
    from bcdcodec.codec.encode.settings import EncodeSettings
    from bcdcodec.codec.model import CodecModel
    from bcdcodec.codec.transcode.transcode import TranscodeResult, transcode
    from bcdcodec.errors import (
        BcdError,
        BitstreamError,
        ConfigError,
        DamagedError,
        FaceError,
        MissingExtraError,
        RateError,
        TruncatedError,
        VideoError,
        WeightsError,
    )
    from bcdcodec.frame import Frame

__version__ = "0.1.0"

__all__ = [
    "BcdError",
    "BitstreamError",
    "CodecModel",
    "ConfigError",
    "DamagedError",
    "DecodeSettings",
    "Decoder",
    "EncodeSettings",
    "Encoder",
    "FaceError",
    "Frame",
    "MissingExtraError",
    "RateError",
    "StreamReader",
    "StreamWriter",
    "TranscodeResult",
    "TruncatedError",
    "VideoError",
    "WeightsError",
    "__version__",
    "decode_file",
    "encode_file",
    "transcode",
]

_HOMES = {
    "CodecModel": "codec.model",
    "DecodeSettings": "codec.decode.settings",
    "Decoder": "codec.decode.decoder",
    "EncodeSettings": "codec.encode.settings",
    "Encoder": "codec.encode.encoder",
    "Frame": "frame",
    "StreamReader": "bitstream.stream",
    "StreamWriter": "bitstream.stream",
    "TranscodeResult": "codec.transcode.transcode",
    "decode_file": "codec.decode.file",
    "encode_file": "codec.encode.file",
    "transcode": "codec.transcode.transcode",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES.get(name, 'errors')}"), name)
    globals()[name] = value  # the next access does not come here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
