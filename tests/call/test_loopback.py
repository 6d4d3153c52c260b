"""Whole calls in one process: what the receiver shows on bad networks."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bcdcodec.call.feed import FileFeed
from bcdcodec.call.impair import Impairment
from bcdcodec.call.loopback import run_loopback
from bcdcodec.call.playback import Playback, Shown
from bcdcodec.call.receiver import Receiver
from bcdcodec.call.recorder import Recorder
from bcdcodec.call.seal import Seal
from bcdcodec.call.sender import Sender
from bcdcodec.codec.decode.concealment import HoldConcealer
from bcdcodec.codec.decode.settings import DecodeSettings
from bcdcodec.codec.encode.encoder import Encoder
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.config import SamplingConfig
from bcdcodec.frame import Frame
from bcdcodec.video.audio import OpusPacket
from bcdcodec.video.media import MediaFile
from bcdcodec.video.reader import VideoReader

KEY = bytes(range(32))
#: The clip's frames at the rate of the model.
FRAMES = 25


@pytest.fixture(scope="module")
def model(tiny_weights: Path) -> CodecModel:
    return CodecModel.load(tiny_weights, device="cpu")


class Call:
    """A call of the clip with everything that was shown."""

    def __init__(
        self, model: CodecModel, clip: Path, impair: str = "", *, key: bytes | None = None, seed: int = 1
    ) -> None:
        encoder = Encoder(model, EncodeSettings.live(bitrate=20_000))
        settings = DecodeSettings(concealer=HoldConcealer(), sampling=SamplingConfig(steps=0, guidance=1.0))
        self.sender = Sender(encoder, bitrate=20_000, session=7, envelope=(key and Seal(key)) or None)
        self.receiver = Receiver(model, settings, envelope=(key and Seal(key)) or None)
        self.shown: list[Playback] = []
        self.lines: list[str] = []
        with FileFeed(clip, encoder.frame_rate, sound_bitrate=6000, frame_ms=20) as feed:
            self.numbers = run_loopback(
                self.sender,
                self.receiver,
                feed,
                impairment=Impairment.parse(impair),
                seed=seed,
                show=self.shown.append,
                report=self.lines.append,
            )

    @property
    def frames(self) -> list[tuple[int, Shown]]:
        return [(frame.index, frame.shown) for playback in self.shown for frame in playback.frames]

    def write(self, target: MediaFile) -> None:
        assert self.receiver.frame_rate is not None
        with Recorder(target) as recorder:
            for playback in self.shown:
                recorder.write(playback, self.receiver.frame_rate, has_sound=True)


def test_all_is_shown_in_order_on_a_good_network(model: CodecModel, talking_clip: Path) -> None:
    call = Call(model, talking_clip)
    assert call.frames == [(index, Shown.DECODED) for index in range(FRAMES)]
    assert call.receiver.is_over
    sounds = [sound for playback in call.shown for sound in playback.sounds]
    assert [sound.tick for sound in sounds] == list(range(len(sounds)))
    assert 95 <= len(sounds) <= 105
    assert not any(sound.concealed for sound in sounds[:90])
    assert call.numbers["loss"] == 0
    assert call.numbers["bits"]["motion"] > 0
    assert len(call.lines) >= 2
    assert json.loads(json.dumps(call.numbers)) == call.numbers


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nothing_stops_on_a_bad_network(model: CodecModel, talking_clip: Path, seed: int) -> None:
    impair = "loss=20%,burst=2,jitter=60ms,reorder=5%,duplicate=5%,delay=30ms"
    call = Call(model, talking_clip, impair, seed=seed)
    indices = [index for index, _ in call.frames]
    # While the end is on its way, pictures are made up.
    assert indices == list(range(indices[0], max(FRAMES, len(indices) + indices[0])))
    assert all(index < FRAMES for index, shown in call.frames if shown is Shown.DECODED)
    assert call.receiver.references.header is not None
    assert call.receiver.refused == 0


def test_a_sealed_call_shows_the_same(model: CodecModel, talking_clip: Path) -> None:
    sealed, plain = Call(model, talking_clip, key=KEY), Call(model, talking_clip)
    assert sealed.frames == plain.frames
    for call, size in ((sealed, 10 + 16), (plain, 10 + 2)):
        assert call.numbers["bits"]["framing"] == 8 * (size * call.numbers["datagrams"] + 4)


def test_the_same_seed_gives_the_same_call(model: CodecModel, talking_clip: Path) -> None:
    one, other = (Call(model, talking_clip, "loss=30%,jitter=80ms").numbers for _ in range(2))
    assert one == other


def test_the_recording_has_what_was_shown(model: CodecModel, talking_clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "shown.mp4"
    Call(model, talking_clip, "loss=20%").write(path)
    with VideoReader(path, Encoder(model, EncodeSettings.live(bitrate=20_000)).frame_rate) as reader:
        assert reader.has_audio
        assert 20 <= len(list(reader)) <= FRAMES


class PatternFeed:
    """A camera of another rate than the model's that stops after some pictures."""

    def __init__(self, pictures: int) -> None:
        self._left = pictures

    @property
    def is_over(self) -> bool:
        return not self._left

    def frames(self, media_ms: float) -> Iterator[Frame]:
        if self._left:
            self._left -= 1
            yield Frame(pixels=np.full((64, 64, 3), self._left, np.uint8), index=7 * (100 - self._left))

    def sound(self, media_ms: float) -> list[OpusPacket]:
        return []


def test_a_source_that_does_not_wait_is_followed_by_the_clock_of_the_machine(model: CodecModel) -> None:
    encoder = Encoder(model, EncodeSettings.live(bitrate=20_000))
    settings = DecodeSettings(concealer=HoldConcealer(), sampling=SamplingConfig(steps=0, guidance=1.0))
    receiver, shown = Receiver(model, settings), list[Playback]()
    sender, lines = Sender(encoder, bitrate=20_000), list[str]()
    numbers = run_loopback(
        sender,
        receiver,
        PatternFeed(150),
        impairment=Impairment(),
        is_live=True,
        show=shown.append,
        report=lines.append,
    )
    indices = [frame.index for playback in shown for frame in playback.frames]
    assert receiver.is_over and len(indices) > 3
    assert indices == list(range(indices[-1] + 1)), "ticks of the call, not of the camera"
    assert len(indices) <= numbers["duration_s"] * 12.5 + 2
    assert "speed" in lines[0]


def test_whoever_has_had_enough_ends_a_call(model: CodecModel, talking_clip: Path) -> None:
    encoder, shown = Encoder(model, EncodeSettings.live(bitrate=20_000)), list[Playback]()
    settings = DecodeSettings(concealer=HoldConcealer(), sampling=SamplingConfig(steps=0, guidance=1.0))
    receiver = Receiver(model, settings)
    with FileFeed(talking_clip, encoder.frame_rate, sound_bitrate=None, frame_ms=20) as feed:
        run_loopback(
            Sender(encoder, bitrate=20_000),
            receiver,
            feed,
            impairment=Impairment(),
            show=shown.append,
            is_stopped=lambda: len(shown) >= 50,
        )
    assert len(shown) == 50 and not receiver.is_over


def test_a_recording_without_pictures_writes_nothing() -> None:
    target = io.BytesIO()
    with Recorder(target) as recorder:
        assert not recorder.has_begun
    assert target.getvalue() == b""
