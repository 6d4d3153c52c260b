"""Calls over WebRTC by aiortc (extra `webrtc`): two data channels for a peer, and a track of decoded pictures."""

import asyncio
from fractions import Fraction

from bcdcodec.call.endpoint import Endpoint, Outgoing
from bcdcodec.call.playback import Playback, PlayedFrame
from bcdcodec.errors import MissingExtraError, install_command
from bcdcodec.video.color import YuvFrame, from_rgb_bt601

try:
    from aiortc import RTCDataChannel, RTCPeerConnection, VideoStreamTrack
    from aiortc.mediastreams import VIDEO_CLOCK_RATE, VIDEO_TIME_BASE, MediaStreamError
except ImportError as error:
    raise MissingExtraError(f"calls over WebRTC need aiortc: {install_command('webrtc')}") from error

#: Numbers of the channels, which both ends open without an announcement.
LOSSY_ID, RELIABLE_ID = 100, 101
#: Bytes that wait in a channel; with more, datagrams that may get lost are dropped.
MAX_BUFFERED_BYTES = 16_384
#: Pictures that wait for a track that nobody reads; the oldest are dropped.
MAX_WAITING = 4


class WebRtcLink:
    """Connects an endpoint to one peer, until the peer is gone. name: of the participant at its other end.

    Made before the offer and the answer, at both ends. Several links may share an endpoint.
    """

    def __init__(self, connection: RTCPeerConnection, endpoint: Endpoint, name: str) -> None:
        self._endpoint, self._name = endpoint, name
        self._lossy = connection.createDataChannel(
            "bcdcodec motion", ordered=False, maxRetransmits=0, negotiated=True, id=LOSSY_ID
        )
        self._reliable = connection.createDataChannel(
            "bcdcodec pictures", ordered=False, negotiated=True, id=RELIABLE_ID
        )
        for channel in (self._lossy, self._reliable):
            channel.on("message", self._take)
        self._lossy.on("close", self._forget)

    @property
    def is_open(self) -> bool:
        """Whether both channels can carry datagrams."""
        return self._lossy.readyState == self._reliable.readyState == "open"

    async def send(self, out: Outgoing) -> None:
        """Send the peer what a step gave it and all; what the channels do not take now is lost."""
        for data in out.references:
            self._send(self._reliable, data)
        for data in [*out.media, *out.reports.get(self._name, [])]:
            if self._lossy.bufferedAmount <= MAX_BUFFERED_BYTES:
                self._send(self._lossy, data)

    def _send(self, channel: RTCDataChannel, data: bytes) -> None:
        if channel.readyState == "open":
            channel.send(data)

    def _take(self, message: bytes | str) -> None:
        if isinstance(message, bytes):
            self._endpoint.put(self._name, message)

    def _forget(self) -> None:
        self._endpoint.leave(self._name)


class DecodedTrack(VideoStreamTrack):
    """Pictures of one participant as an ordinary track. rate: pictures a second. Made in a running event loop.

    Each picture leaves when it is shown, at the time of its index; the clock of the base class, of 30 pictures a
    second, is not used.
    """

    def __init__(self, rate: Fraction) -> None:
        super().__init__()
        self._rate = rate
        self._pictures: asyncio.Queue[PlayedFrame] = asyncio.Queue(MAX_WAITING)

    def show(self, playback: Playback) -> None:
        """Give the track the pictures that are due."""
        for frame in playback.frames:
            if self._pictures.full():
                self._pictures.get_nowait()
            self._pictures.put_nowait(frame)

    async def recv(self) -> YuvFrame:
        """The next picture, once it is due. MediaStreamError after the end."""
        if self.readyState != "live":
            raise MediaStreamError
        frame = await self._pictures.get()
        pts = int(frame.index / self._rate * VIDEO_CLOCK_RATE)
        return from_rgb_bt601(frame.pixels, pts=pts, time_base=VIDEO_TIME_BASE)
