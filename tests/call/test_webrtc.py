"""A call between two peers of aiortc in this process."""

import asyncio
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from bcdcodec.call.endpoint import Endpoint
from bcdcodec.call.feed import FileFeed
from bcdcodec.call.participants import Participants
from bcdcodec.call.playback import Playback, PlayedFrame, Shown
from bcdcodec.call.sender import Sender
from bcdcodec.codec.decode.concealment import HoldConcealer
from bcdcodec.codec.decode.settings import DecodeSettings
from bcdcodec.codec.encode.encoder import Encoder
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.config import SamplingConfig

aiortc = pytest.importorskip("aiortc")
from bcdcodec.call.webrtc import MAX_WAITING, DecodedTrack, WebRtcLink  # noqa: E402

RATE = Fraction(25, 2)


async def connect(caller: "aiortc.RTCPeerConnection", callee: "aiortc.RTCPeerConnection") -> None:
    """Offer and answer, as a signalling server would carry them."""
    await caller.setLocalDescription(await caller.createOffer())
    await callee.setRemoteDescription(caller.localDescription)
    await callee.setLocalDescription(await callee.createAnswer())
    await caller.setRemoteDescription(callee.localDescription)


async def opened(*links: WebRtcLink) -> None:
    while not all(link.is_open for link in links):
        await asyncio.sleep(0.01)


class Shows:
    """Counts what is shown."""

    def __init__(self) -> None:
        self.pictures: Counter[tuple[str, Shown]] = Counter()
        self.sound = 0

    async def __call__(self, playbacks: dict[str, Playback]) -> None:
        for name, playback in playbacks.items():
            self.pictures.update((name, one.shown) for one in playback.frames)
            self.sound += sum(not one.concealed for one in playback.sounds)


def participants(model: CodecModel) -> Participants:
    settings = DecodeSettings(concealer=HoldConcealer(), sampling=SamplingConfig(steps=0, guidance=1.0))
    return Participants(model, settings)


@pytest.mark.slow
def test_a_call_over_data_channels(tiny_weights: Path, talking_clip: Path) -> None:
    model = CodecModel.load(tiny_weights, device="cpu")
    encoder = Encoder(model, EncodeSettings.live(bitrate=20_000))
    sender = Sender(encoder, bitrate=20_000)

    async def call() -> tuple[Shows, Endpoint]:
        ann, bob, stop, shows = aiortc.RTCPeerConnection(), aiortc.RTCPeerConnection(), asyncio.Event(), Shows()
        with FileFeed(talking_clip, encoder.frame_rate, sound_bitrate=6000, frame_ms=20) as feed:
            sends = WebRtcLink(ann, first := Endpoint(participants(model), sender, feed), "bob")
            watches = WebRtcLink(bob, second := Endpoint(participants(model)), "ann")
            await connect(ann, bob)
            await opened(sends, watches)

            async def until_sent(playbacks: dict[str, Playback]) -> None:
                if first.has_sent_all:
                    stop.set()

            await asyncio.gather(first.run(sends.send, until_sent, stop), second.run(watches.send, shows, stop))
        await asyncio.gather(ann.close(), bob.close())
        return shows, second

    async def bounded() -> tuple[Shows, Endpoint]:
        async with asyncio.timeout(240):
            return await call()

    shows, second = asyncio.run(bounded())
    assert {name for name, _ in shows.pictures} == {"ann"}
    assert shows.pictures["ann", Shown.DECODED] > 0
    assert shows.sound > 0
    assert sender.report is not None
    assert sender.is_over
    assert second.participants.receivers["ann"].refused == 0


def test_decoded_pictures_are_a_track_with_the_times_of_their_indices() -> None:
    def playback(*indices: int) -> Playback:
        return Playback(
            [PlayedFrame(np.full((64, 64, 3), 80, np.uint8), index, Shown.DECODED) for index in indices], []
        )

    async def read() -> list[tuple[int | None, Fraction | None, str]]:
        track = DecodedTrack(RATE)
        track.show(playback(*range(10, 10 + MAX_WAITING + 3)))  # the oldest three are dropped
        frames = [await track.recv() for _ in range(MAX_WAITING)]
        track.stop()
        with pytest.raises(aiortc.mediastreams.MediaStreamError):
            await track.recv()
        return [(one.pts, one.time_base, one.format.name) for one in frames]

    expected = [(7200 * index, Fraction(1, 90_000), "yuv420p") for index in range(13, 13 + MAX_WAITING)]
    assert asyncio.run(read()) == expected


def test_a_decoded_track_reaches_a_peer() -> None:
    async def call() -> np.ndarray:
        ann, bob = aiortc.RTCPeerConnection(), aiortc.RTCPeerConnection()
        track, tracks = DecodedTrack(RATE), asyncio.Queue[aiortc.MediaStreamTrack]()
        ann.addTrack(track)
        bob.on("track", tracks.put_nowait)
        await connect(ann, bob)
        remote = await tracks.get()
        received = asyncio.create_task(remote.recv())
        pixels = np.full((64, 64, 3), (200, 60, 40), np.uint8)
        for index in range(1000):
            track.show(Playback([PlayedFrame(pixels, index, Shown.DECODED)], []))
            if (await asyncio.wait([received], timeout=0.03))[0]:
                break
        shown = (await received).to_ndarray(format="rgb24")
        await asyncio.gather(ann.close(), bob.close())
        return shown

    async def bounded() -> np.ndarray:
        async with asyncio.timeout(120):
            return await call()

    shown = asyncio.run(bounded())
    assert np.abs(shown[32, 32].astype(int) - (200, 60, 40)).max() <= 12
