"""Settings of small calls for tests of the page."""

from pathlib import Path

from bcdcodec.call.serve.worker import WorkerSettings
from bcdcodec.codec.decode.concealment import HoldConcealer
from bcdcodec.codec.decode.settings import DecodeSettings
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.config import SamplingConfig

#: The tiny model has no use for less.
BITRATE_KBPS = 20.0


def worker_settings(weights: Path, file: Path | None) -> WorkerSettings:
    """Settings of a call of the tiny model that takes milliseconds a frame."""
    decoding = DecodeSettings(concealer=HoldConcealer(), sampling=SamplingConfig(steps=0, guidance=1.0))
    return WorkerSettings(
        model=CodecModel.load(weights, device="cpu"),
        file=None if file is None else str(file),
        encoding=EncodeSettings.live(bitrate=1000 * BITRATE_KBPS),
        decoding=decoding,
        audio_bitrate=6000,
    )
