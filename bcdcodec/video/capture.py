"""Capture devices, cameras and microphones: their names on this system, and a thread that reads one.

A device is read as fast as it gives frames, whatever its reader does meanwhile, so that what is old is dropped here and
not kept by the driver.
"""

import contextlib
import os
import stat
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import av
from av.audio.frame import AudioFrame
from av.container import InputContainer
from av.video.frame import VideoFrame

from bcdcodec.errors import ConfigError, VideoError
from bcdcodec.video.media import reason

#: Names of cameras: this word, or this word, a colon and a number.
CAMERA = "camera"
MAX_CAMERA = 63
#: How long a device may take to give up after `close`.
CLOSE_S = 2.0
#: Damaged frames in a row (a camera's first JPEG pictures often are) that end a capture.
MAX_DAMAGED = 100
#: FFmpeg's input format for cameras and for microphones, and the microphone it is asked for, by system.
_SYSTEMS = {
    "linux": ("v4l2", (("pulse", "default"), ("alsa", "default"))),
    "darwin": ("avfoundation", (("avfoundation", ":default"),)),
    "win32": ("dshow", ()),
}
_ALSA_DEVICES, _ALSA_SETTINGS = Path("/dev/snd"), Path("/usr/share/alsa/alsa.conf")


@dataclass(frozen=True, slots=True)
class CaptureDevice:
    """What FFmpeg opens: a name within an input format, such as `/dev/video0` in `v4l2`."""

    name: str
    format: str
    options: dict[str, str] = field(default_factory=dict)


def is_camera(name: str) -> bool:
    """Whether a source is a camera: `camera`, `camera:1`, or the path of a device."""
    word, colon, _ = name.partition(":")
    return (word == CAMERA and (bool(colon) or not Path(name).exists())) or _is_device(name)


def find_camera(name: str) -> CaptureDevice:
    """The device of a camera's name. ConfigError for a number out of range, and where the system has no camera."""
    format, _ = _system()
    if _is_device(name):
        return CaptureDevice(name, format)
    _, colon, number = name.partition(":")
    if colon and (not number.isdecimal() or int(number) > MAX_CAMERA):
        raise ConfigError(f"camera is {name!r}, allowed are camera, camera:0 to camera:{MAX_CAMERA}, and a device")
    index = int(number or 0)
    if format == "v4l2":
        return CaptureDevice(f"/dev/video{index}", format)
    if format == "avfoundation":
        return CaptureDevice(f"{index}:none", format, {"framerate": "30"})  # its default is none that cameras offer
    cameras = _listed(format, "video")
    if index >= len(cameras):
        raise ConfigError(f"camera is {name!r}, this system lists {len(cameras)}")
    return CaptureDevice(f"video={cameras[index]}", format)


def find_microphones() -> list[CaptureDevice]:
    """Devices of the system's microphone, to be tried in this order; none where there is none, or it is not known."""
    format, known = _system()
    if format == "dshow":
        return [CaptureDevice(f"audio={name}", format) for name in _listed(format, "audio")[:1]]
    if format == "v4l2" and not _ALSA_DEVICES.exists():
        return []
    if _ALSA_SETTINGS.exists():  # PyAV's own ALSA looks for them where it was built
        os.environ.setdefault("ALSA_CONFIG_PATH", str(_ALSA_SETTINGS))
    return [CaptureDevice(name, known_format) for known_format, name in known]


def _system() -> tuple[str, tuple[tuple[str, str], ...]]:
    if sys.platform not in _SYSTEMS:
        raise ConfigError(f"system is {sys.platform!r}, cameras are known on {', '.join(_SYSTEMS)}")
    return _SYSTEMS[sys.platform]


def _listed(format: str, kind: str) -> list[str]:
    """Names of the devices that a format lists; none where it cannot."""
    try:
        return [device.name for device in av.enumerate_input_devices(format) if kind in device.media_types]
    except (av.error.FFmpegError, OSError, ValueError):
        return []


def _is_device(name: str) -> bool:
    try:
        return stat.S_ISCHR(Path(name).stat().st_mode)
    except (OSError, ValueError):
        return False


class Capture:
    """Reads one kind of frame of a device in a thread. Raises VideoError where it cannot be opened.

    take: gets each frame, and the time of its arrival in s of `time.monotonic`, in that thread; not after `close`.
    """

    def __init__(
        self,
        device: CaptureDevice,
        kind: Literal["video", "audio"],
        take: Callable[[VideoFrame | AudioFrame, float], None],
    ) -> None:
        self.name, self._kind, self._take = device.name, kind, take
        self._container = _open(device)
        if not getattr(self._container.streams, kind):
            self._container.close()
            raise VideoError(f"{device.name} gives no {kind}")
        #: Why no more frames come; None while they do.
        self.failure: VideoError | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"capture of {device.name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread, which closes the device; one that hangs is left to the end of the process."""
        self._stop.set()
        self._thread.join(CLOSE_S)

    def _run(self) -> None:
        damaged = 0
        with contextlib.closing(self._container):
            stream = getattr(self._container.streams, self._kind)[0]
            try:
                for packet in self._container.demux(stream):
                    if self._stop.is_set():
                        return
                    try:
                        frames = packet.decode()
                        damaged = 0
                    except av.error.InvalidDataError:
                        damaged += 1
                        if damaged >= MAX_DAMAGED:
                            raise
                        continue
                    for frame in frames:
                        if isinstance(frame, VideoFrame | AudioFrame):
                            self._take(frame, time.monotonic())
                self.failure = VideoError(f"{self.name} gives no more frames")
            except (av.error.FFmpegError, OSError, VideoError) as error:
                self.failure = VideoError(f"{self.name} cannot be read further: {reason(error)}")


def _open(device: CaptureDevice) -> InputContainer:
    try:
        return av.open(device.name, "r", format=device.format, options=dict(device.options))
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise VideoError(f"{device.name} cannot be opened as {device.format}: {reason(error)}") from error
