"""What the command `bcd call serve` does."""

import asyncio
import contextlib
from collections.abc import Callable

from bcdcodec.call.commands import decode_settings
from bcdcodec.call.feed import FileFeed
from bcdcodec.call.loopback import SOUND_FRAME_MS
from bcdcodec.call.serve.controls import Controls
from bcdcodec.call.serve.worker import WorkerSettings
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.config import SamplingConfig
from bcdcodec.errors import MissingExtraError, install_command


def serve(
    source: str | None,
    *,
    model: CodecModel,
    sampling: SamplingConfig,
    conceal: str,
    bitrate: int,
    packet_frames: int,
    audio_bitrate: int | None,
    host: str,
    port: int,
    announce: Callable[[str], object],
) -> None:
    """Serve the page of a call until an interrupt. announce: gets its address.

    Raises VideoError for a source that cannot be read, ConfigError for settings out of range, MissingExtraError without
    aiohttp.
    """
    try:
        from bcdcodec.call.serve.server import serve_page
    except ImportError as error:
        raise MissingExtraError(f"a page needs aiohttp: {install_command('serve')}") from error
    encoding = EncodeSettings.live(bitrate=bitrate, packet_frames=packet_frames)
    encoding.check(model)
    if source is not None:  # refused here, and not in a thread
        rate = encoding.frame_rate or model.frame_rate
        FileFeed(source, rate, sound_bitrate=audio_bitrate, frame_ms=SOUND_FRAME_MS).__exit__()
    settings = WorkerSettings(model, source, encoding, decode_settings(model, sampling, conceal), audio_bitrate)
    controls = Controls(bitrate_kbps=bitrate / 1000)
    with contextlib.suppress(KeyboardInterrupt):  # which is how it ends
        asyncio.run(serve_page(settings, controls, host=host, port=port, announce=announce))
