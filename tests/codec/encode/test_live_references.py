"""The rule of a call: which picture is used, when a new one is due, and which one it replaces."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from bcdcodec.bitstream.packet import MotionPayload, PacketKind
from bcdcodec.bitstream.records import ContentRecord
from bcdcodec.codec.decode.decoder import Decoder
from bcdcodec.codec.encode import live_references
from bcdcodec.codec.encode.encoder import Encoder
from bcdcodec.codec.encode.live_references import NEW_AFTER_PACKETS, LiveReferences
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.errors import ConfigError
from bcdcodec.frame import Frame

#: What `new_bits` stands for here: a picture that loses nothing by its coding.
MANY = 10**9


class Call:
    """The rule among pictures that are numbers: a packet at 0.3 loses 0.1 from a picture at 0.2."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, most: int = 8) -> None:
        self.sent = {0}
        monkeypatch.setattr(live_references, "WarpComparison", self._compare)
        frame = SimpleNamespace(of_shot=lambda model, packet, index: SimpleNamespace(content=packet.place))
        monkeypatch.setattr(live_references, "FrameReference", frame)
        rule: Any = LiveReferences
        self.rule: LiveReferences = rule(None, most, is_sent=self.sent.__contains__)
        self.picture(0, 0.0)

    def picture(self, number: int, place: float, *, drops: int = 0) -> None:
        reference: Any = SimpleNamespace(content=place, face=None)
        self.rule.add(number, reference, drops=drops)

    def packet(self, place: float, new_bits: int = MANY) -> int:
        packet: Any = SimpleNamespace(place=place, pixels=[0], landmarks=[None])
        return self.rule.choose(packet, new_bits=new_bits)

    def _compare(self, model: object, packet: Any, *, step: int) -> Any:
        return SimpleNamespace(losses=lambda reference: np.array([abs(reference.content - packet.place)]))


def test_a_picture_is_used_again_where_it_is_better(monkeypatch: pytest.MonkeyPatch) -> None:
    call = Call(monkeypatch)
    call.picture(1, 1.0)
    assert call.packet(0.9) == 0  # the other one is still on its way
    call.sent.add(1)
    assert [call.packet(place) for place in (0.9, 0.49, 0.1)] == [1, 1, 0]


def test_a_new_picture_is_due_where_all_are_far_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    call = Call(monkeypatch)
    for _ in range(NEW_AFTER_PACKETS - 1):
        call.packet(0.5)
    assert call.rule.due() is None
    call.packet(0.01)
    call.packet(0.5)
    assert call.rule.due() is None, "a stretch of near frames begins the count again"
    for _ in range(NEW_AFTER_PACKETS):
        call.packet(0.5)
    assert call.rule.due() == (1, 0)
    call.picture(1, 0.5)
    for _ in range(NEW_AFTER_PACKETS):
        call.packet(1.5)
    assert call.rule.due() is None, "one picture at a time"
    call.sent.add(1)
    assert call.rule.due() == (2, 0)


def test_a_coarse_picture_is_not_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    call = Call(monkeypatch)
    for _ in range(NEW_AFTER_PACKETS):
        call.packet(0.1, new_bits=3000)
    assert call.rule.due() is None


def test_a_full_set_drops_what_was_not_used_for_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    call = Call(monkeypatch, most=3)
    for number in (1, 2):
        call.picture(number, float(number))
        call.sent.add(number)
    call.packet(1.0)
    call.packet(2.0)
    for _ in range(NEW_AFTER_PACKETS):
        call.packet(9.0)
    assert call.rule.due() == (3, 1), "neither the first one nor the one in use"


def test_neither_the_first_nor_the_one_in_use_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    call = Call(monkeypatch, most=2)
    call.picture(1, 1.0)
    call.sent.add(1)
    for _ in range(NEW_AFTER_PACKETS):
        assert call.packet(5.0) == 1
    assert call.rule.due() is None


def test_one_picture_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    call = Call(monkeypatch, most=1)
    assert [call.packet(9.0) for _ in range(NEW_AFTER_PACKETS)] == [0] * NEW_AFTER_PACKETS
    assert call.rule.due() is None


@pytest.mark.parametrize("pictures", [0, 9])
def test_the_number_of_pictures_is_checked(model: CodecModel, pictures: int) -> None:
    with pytest.raises(ConfigError, match=f"live_references is {pictures}, allowed are 1 to 8"):
        Encoder(model, EncodeSettings(live_references=pictures))


def test_a_call_of_two_scenes_gets_a_picture_of_each(model: CodecModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """And goes back to the first without another one; its packets decode."""
    monkeypatch.setattr(live_references, "coding_loss", lambda bits: 0.0)
    rng = np.random.default_rng(5)
    scenes = [np.kron(rng.integers(0, 256, (4, 4, 3)), np.ones((24, 24, 1))).astype(np.uint8) for _ in range(2)]
    encoder = Encoder(model, EncodeSettings(bitrate=None, packet_windows=1, reference_windows=1))
    window = model.config.window_frames
    packets = []
    for index in range(24 * window):
        scene = scenes[index // (8 * window) % 2]
        packets += encoder.push(Frame(pixels=scene, index=index))
    packets += encoder.flush()
    records = [packet.record() for packet in packets]
    added = [record.number for record in records if isinstance(record, ContentRecord)]
    named = [record.reference for record in records if isinstance(record, MotionPayload)]
    assert added == [1] and named[:8] == [0] * 8 and named[15:] == [1] + [0] * 8
    decoder = Decoder(model, encoder.header)
    frames = [frame for packet in packets for frame in decoder.push(packet)] + decoder.flush()
    assert len(frames) == 24 * window
    assert packets[0].kind is PacketKind.MOTION
    assert torch.isfinite(torch.from_numpy(frames[-1].pixels.astype(float))).all()
