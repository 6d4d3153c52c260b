"""Calls over LiveKit (extra `livekit`): motion by lossy data packets, pictures by reliable ones, and decoded tracks.

Data packets carry both ways of a call in every room, whatever the version of the server. A reliable packet is enough
for a datagram with a part of a picture; byte streams would only add a head to each.
"""

import contextlib
from typing import Self

import numpy as np

from bcdcodec.call.endpoint import Endpoint, Outgoing
from bcdcodec.call.playback import Playback
from bcdcodec.errors import MissingExtraError, install_command
from bcdcodec.video.audio import SAMPLE_RATE

try:
    from livekit import rtc
    from livekit.rtc.participant import PublishDataError
except ImportError as error:
    raise MissingExtraError(f"calls over LiveKit need livekit: {install_command('livekit')}") from error

#: Topic of the data packets of calls.
TOPIC = "bcdcodec"


class LiveKitLink:
    """Connects an endpoint to a room, until it is closed. Participants are named by their identity, which the server
    vouches for. Packets of other topics, and those that a server sent, are left alone.
    """

    def __init__(self, room: rtc.Room, endpoint: Endpoint) -> None:
        self._room, self._endpoint = room, endpoint
        room.on("data_received", self._take)
        room.on("participant_disconnected", self._forget)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._room.off("data_received", self._take)
        self._room.off("participant_disconnected", self._forget)

    async def send(self, out: Outgoing) -> None:
        """Publish what a step gave; what the room does not take now is lost, as on the way."""
        for data in out.references:
            await self._publish(data, reliable=True)
        for data in out.media:
            await self._publish(data, reliable=False)
        for name, reports in out.reports.items():
            for data in reports:
                await self._publish(data, reliable=False, to=[name])

    async def _publish(self, data: bytes, *, reliable: bool, to: list[str] | None = None) -> None:
        with contextlib.suppress(PublishDataError):
            await self._room.local_participant.publish_data(
                data, reliable=reliable, destination_identities=to or [], topic=TOPIC
            )

    def _take(self, packet: rtc.DataPacket) -> None:
        if packet.topic == TOPIC and packet.participant is not None:
            self._endpoint.put(packet.participant.identity, packet.data)

    def _forget(self, participant: rtc.RemoteParticipant) -> None:
        self._endpoint.leave(participant.identity)


class DecodedTracks:
    """Pictures and sound of one participant as ordinary tracks, to publish in a room. side: of the pictures, in pixels.
    Made in a running event loop.
    """

    def __init__(self, name: str, side: int) -> None:
        self._pictures, self._sound = rtc.VideoSource(side, side), rtc.AudioSource(SAMPLE_RATE, 1)
        #: The tracks.
        self.video = rtc.LocalVideoTrack.create_video_track(f"{name} video", self._pictures)
        self.audio = rtc.LocalAudioTrack.create_audio_track(f"{name} audio", self._sound)

    async def show(self, playback: Playback) -> None:
        """Give the tracks what is due: the last picture, where several are, and all sound."""
        for frame in playback.frames[-1:]:
            height, width, _ = frame.pixels.shape
            data = np.ascontiguousarray(frame.pixels).tobytes()
            self._pictures.capture_frame(rtc.VideoFrame(width, height, rtc.VideoBufferType.RGB24, data))
        for sound in playback.sounds:
            samples = np.rint(np.clip(sound.samples[0], -1, 1) * 32767).astype(np.int16)
            await self._sound.capture_frame(rtc.AudioFrame(samples.tobytes(), SAMPLE_RATE, 1, len(samples)))

    async def close(self) -> None:
        """Give up the sources."""
        await self._pictures.aclose()
        await self._sound.aclose()
