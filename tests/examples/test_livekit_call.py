"""examples/livekit_call.py in rooms of this process: three participants, two of whom send."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from livekit_kit import FakeRoom, Server

from bcdcodec import CodecModel
from bcdcodec.call.playback import Shown

pytest.importorskip("livekit.rtc")


@pytest.fixture(scope="module")
def example(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("examples/livekit_call.py")


@pytest.mark.slow
def test_a_room_of_three(
    example: ModuleType, tiny_weights: Path, talking_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = CodecModel.load(tiny_weights, device="cpu")
    monkeypatch.setattr(FakeRoom, "server", Server())
    monkeypatch.setattr(example.rtc, "Room", FakeRoom)
    monkeypatch.setattr(CodecModel, "follows_faces", False)

    async def room() -> list[object]:
        stop, stops = asyncio.Event(), {name: asyncio.Event() for name in ("ann", "bob")}
        watches = asyncio.create_task(
            example.call("wss://nowhere", "eve", model, None, preset="fast", publish=True, stop=stop)
        )
        sends = [
            example.call(
                "wss://nowhere", name, model, str(talking_clip), preset="fast", publish=False, stop=stops[name]
            )
            for name in ("ann", "bob")
        ]
        async with asyncio.timeout(240):
            await asyncio.gather(*sends)
            await asyncio.sleep(0.2)
            stop.set()
            return [await watches]

    (stage,) = asyncio.run(room())
    assert set(stage.pictures) == set(stage.tracks) == {"ann", "bob"}  # type: ignore[attr-defined]
    for counts in stage.pictures.values():  # type: ignore[attr-defined]
        assert counts[Shown.DECODED] > 0
    packets = FakeRoom.server.packets
    assert {sender for sender, *_ in packets} == {"ann", "bob", "eve"}
    assert all(to in (("ann",), ("bob",)) for sender, _, _, to in packets if sender == "eve")  # reports alone
    assert FakeRoom.server.rooms == {}


def test_a_token_is_needed(example: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.delenv("LIVEKIT_TOKEN", raising=False)
    with pytest.raises(SystemExit) as exit_info:
        example.main(["wss://nowhere"])
    assert exit_info.value.code == 2
    assert "LIVEKIT_TOKEN" in capsys.readouterr().err
