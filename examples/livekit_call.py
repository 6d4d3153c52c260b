"""A talking head in a LiveKit room at a few kilobits per second: sends a video as codes, and shows others decoded.

    LIVEKIT_TOKEN=... python examples/livekit_call.py wss://example.livekit.cloud talk.mp4

Without a video it only receives. Codes travel as data packets. With --publish the decoded pictures and sound of every
other participant are published in the room as ordinary tracks, for those that have no decoder. Needs the extras
`livekit` and `encode`. It ends with the video, or by Ctrl-C.
"""

import argparse
import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator, Sequence

from livekit import rtc

from bcdcodec import BcdError, CodecModel, DecodeSettings, Encoder, EncodeSettings
from bcdcodec.call.budget import PACKET_FRAMES, SOUND_FRAME_MS
from bcdcodec.call.endpoint import Endpoint
from bcdcodec.call.feed import FileFeed
from bcdcodec.call.livekit import DecodedTracks, LiveKitLink
from bcdcodec.call.participants import Participants
from bcdcodec.call.playback import Playback, Shown
from bcdcodec.call.sender import Sender
from bcdcodec.codec.decode.concealment import HoldConcealer
from bcdcodec.codec.decode.presets import PRESETS, preset_sampling

BITRATE, SOUND_BITRATE = 4000, 6000


@contextlib.contextmanager
def open_endpoint(model: CodecModel, video: str | None, preset: str) -> Iterator[Endpoint]:
    """An endpoint that sends a video, or nothing."""
    settings = DecodeSettings(sampling=preset_sampling(model.config, preset), concealer=HoldConcealer())
    participants = Participants(model, settings)
    if video is None:
        yield Endpoint(participants)
        return
    encoder = Encoder(model, EncodeSettings.live(bitrate=BITRATE, packet_frames=PACKET_FRAMES))
    with FileFeed(video, encoder.frame_rate, sound_bitrate=SOUND_BITRATE, frame_ms=SOUND_FRAME_MS) as feed:
        yield Endpoint(participants, Sender(encoder, bitrate=BITRATE), feed)


class Stage:
    """Shows everybody: counts pictures, and publishes tracks where asked to."""

    def __init__(self, room: rtc.Room, side: int, *, publish: bool) -> None:
        self._room, self._side, self._publish = room, side, publish
        self.tracks: dict[str, DecodedTracks] = {}
        #: Pictures by participant, and by where they come from.
        self.pictures: dict[str, dict[Shown, int]] = {}

    async def show(self, playbacks: dict[str, Playback]) -> None:
        for name, playback in playbacks.items():
            counts = self.pictures.setdefault(name, dict.fromkeys(Shown, 0))
            for frame in playback.frames:
                counts[frame.shown] += 1
            if self._publish and playback.frames and name not in self.tracks:
                tracks = self.tracks[name] = DecodedTracks(name, self._side)
                for track in (tracks.video, tracks.audio):
                    await self._room.local_participant.publish_track(track)
            if name in self.tracks:
                await self.tracks[name].show(playback)

    async def close(self) -> None:
        for name, counts in self.pictures.items():
            print(f"{name}: " + ", ".join(f"{count} {shown.value}" for shown, count in counts.items()))
        for tracks in self.tracks.values():
            await tracks.close()


async def call(
    url: str, token: str, model: CodecModel, video: str | None, *, preset: str, publish: bool, stop: asyncio.Event
) -> Stage:
    """Take part in a room until `stop` is set, or the video is over."""
    room = rtc.Room()
    await room.connect(url, token)
    stage = Stage(room, model.config.pixels, publish=publish)
    try:
        with open_endpoint(model, video, preset) as endpoint, LiveKitLink(room, endpoint) as link:

            async def show(playbacks: dict[str, Playback]) -> None:
                await stage.show(playbacks)
                if video is not None and endpoint.has_sent_all:
                    stop.set()

            await endpoint.run(link.send, show, stop)
    finally:
        await stage.close()
        await room.disconnect()
    return stage


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", metavar="URL", help="of the server")
    parser.add_argument("video", metavar="VIDEO", nargs="?", help="to send (default: none)")
    parser.add_argument("--publish", action="store_true", help="publish what was decoded as tracks")
    parser.add_argument("--preset", choices=PRESETS, default="fast", help="of the decoder (default: fast)")
    options = parser.parse_args(arguments)
    token = os.environ.get("LIVEKIT_TOKEN")
    if not token:
        parser.error("LIVEKIT_TOKEN is not set")
    try:
        model, stop = CodecModel.load(), asyncio.Event()
        asyncio.run(
            call(options.url, token, model, options.video, preset=options.preset, publish=options.publish, stop=stop)
        )
    except KeyboardInterrupt:
        return 130
    except (BcdError, rtc.ConnectError) as error:
        print(f"livekit_call: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
