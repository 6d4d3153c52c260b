"""Opening of media files, paths or binary files, as PyAV containers.

Only local bytes are ever read: nested references to network protocols inside a playlist are refused.
"""

import os
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from bcdcodec.errors import VideoError

#: A path, or a binary file object open for reading (reader, audio) or writing (writer).
MediaFile = str | os.PathLike[str] | BinaryIO

#: Names of videos: what folders are searched for.
VIDEO_SUFFIXES = frozenset({".mp4", ".mkv", ".mov", ".webm", ".avi", ".m4v", ".mpg", ".ts"})

#: Formats that FFmpeg opens but that are no recording: plain text is "ANSI art" to it, the others name further files.
_NOT_MEDIA = frozenset({"tty", "bin", "xbin", "adf", "idf", "concat", "hls", "dash", "imf", "sdp"})

#: Kinds of streams that are pictures beside a video, and the share of the largest stream's area, as a divisor, below
#: which a stream is a thumbnail as well.
_PICTURES = Disposition.attached_pic | Disposition.timed_thumbnails
LEAST_SHARE = 8

#: A jump of the timestamps beyond this is taken as a broken clock (a joined recording), not as a pause.
MAX_GAP_SECONDS = 60


def media_name(source: MediaFile) -> str:
    """Name of a source in error messages."""
    return os.fspath(source) if isinstance(source, (str, os.PathLike)) else "<stream>"


def open_media(source: MediaFile) -> InputContainer:
    """Open a file for demuxing; VideoError when it is missing or not media."""
    name = media_name(source)
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        if not path.exists():
            raise VideoError(f"{name}: no such file")
        if path.is_dir():
            raise VideoError(f"{name} is a folder, needs a media file")
        source = str(path)
        if ":" in source.split(os.sep)[0]:  # "a:b.mp4" would be read as the protocol "a"
            source = os.path.abspath(source)
    try:
        container = av.open(source, "r", options={"protocol_whitelist": "file"}, metadata_errors="replace")
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise VideoError(f"{name} is not a media file that can be read: {reason(error)}") from error
    if container.format.name.split(",")[0] in _NOT_MEDIA:
        container.close()
        raise VideoError(f"{name} is not a media file but text or a list of files ({container.format.long_name})")
    return container


def main_video_stream(container: InputContainer, name: str) -> VideoStream:
    """The stream that players show: no cover or thumbnail beside a moving picture, the default one, the largest.

    VideoError where none can be decoded.
    """
    streams = [stream for stream in container.streams.video if stream.codec_context is not None]
    if not streams:
        raise VideoError(f"{name} has no video stream that can be decoded")
    largest = max(map(_area, streams))

    def order(stream: VideoStream) -> tuple[bool, bool, bool, bool, int, int]:
        return (
            bool(stream.disposition & _PICTURES),
            stream.frames == 1,
            _area(stream) * LEAST_SHARE < largest,
            not stream.disposition & Disposition.default,
            -_area(stream),
            stream.index,
        )

    return min(streams, key=order)


def main_audio_stream(container: InputContainer) -> AudioStream | None:
    """The sound track that players play: of those that can be decoded the default one, or else the first; or None."""
    known = [track for track in container.streams.audio if track.codec_context is not None]
    return min(known, key=lambda track: (not track.disposition & Disposition.default, track.index), default=None)


def _area(stream: VideoStream) -> int:
    return (stream.width or 0) * (stream.height or 0)


def seconds(stamp: int | None, time_base: Fraction | None) -> Fraction | None:
    """A timestamp as exact seconds, None where either half is unknown."""
    return None if stamp is None or time_base is None else stamp * Fraction(time_base)


def reason(error: Exception) -> str:
    """The cause in FFmpeg's words, without the error number and file name that PyAV puts around them."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
