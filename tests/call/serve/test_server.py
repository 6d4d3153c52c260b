"""The web server of the page: what it gives, and to whom."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from serve_kit import BITRATE_KBPS, worker_settings

from bcdcodec.call.serve.controls import Controls
from bcdcodec.errors import ConfigError
from bcdcodec.video.jpeg import encode_jpeg

aiohttp = pytest.importorskip("aiohttp")

from bcdcodec.call.serve.server import MAX_TABS, is_own_host, serve_page  # noqa: E402

CONTROLS = Controls(bitrate_kbps=BITRATE_KBPS)
Use = Callable[["Served"], Coroutine[Any, Any, None]]


class Served:
    """A page that is served, and a client of it."""

    def __init__(self, address: str, session: "aiohttp.ClientSession") -> None:
        self.address, self.session = address, session
        self.own = {"Origin": address.rstrip("/")}

    def tab(self, **options: Any) -> Any:
        return self.session.ws_connect(f"{self.address}live", headers=self.own, **options)


async def message(tab: Any, wanted: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """The next text message that fits."""
    while True:
        found = await tab.receive(timeout=120)
        assert found.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), found
        if found.type is aiohttp.WSMsgType.TEXT and wanted(told := json.loads(found.data)):
            return dict(told)


@contextlib.asynccontextmanager
async def served(weights: Path, file: Path | None) -> AsyncIterator[Served]:
    address = asyncio.get_running_loop().create_future()
    page = serve_page(worker_settings(weights, file), CONTROLS, host="127.0.0.1", port=0, announce=address.set_result)
    task = asyncio.create_task(page)
    await asyncio.wait([task, address], return_when=asyncio.FIRST_COMPLETED)
    try:
        async with aiohttp.ClientSession() as session:
            yield Served(address.result(), session)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def run(weights: Path, file: Path | None, use: Use) -> None:
    async def main() -> None:
        async with served(weights, file) as page:
            await use(page)

    asyncio.run(main())


def test_the_page_and_its_files_need_nothing_else(tiny_weights: Path) -> None:
    async def use(page: Served) -> None:
        assert page.address.startswith("http://127.0.0.1:")
        async with page.session.get(page.address) as response:
            text = await response.text()
            assert response.content_type == "text/html" and "frame-ancestors 'none'" in str(response.headers)
        for name in ("page.css", "page.js", "graph.js"):
            assert name in text or name == "graph.js"
            async with page.session.get(page.address + name) as response:
                assert response.status == 200
                text += await response.text()
        assert "https:" not in text and "http:" not in text
        for name in ("server.py", "..%2fserver.py", "none.html"):
            async with page.session.get(page.address + name) as response:
                assert response.status == 404

    run(tiny_weights, None, use)


def test_only_the_own_page_may_open_the_socket(tiny_weights: Path) -> None:
    async def use(page: Served) -> None:
        for origin in (None, "http://example.com", "https://" + page.address[7:-1], "null"):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await page.session.ws_connect(f"{page.address}live", headers=origin and {"Origin": origin})
            assert refused.value.status == 403
        name = {"Host": "example.com:80", "Origin": "http://example.com:80"}  # a name that leads here
        async with page.session.get(page.address, headers=name) as response:
            assert response.status == 403
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await page.session.ws_connect(f"{page.address}live", headers=name)
        async with page.tab() as tab:
            hello = (await message(tab, lambda told: "hello" in told))["hello"]
            assert hello["file"] is None and hello["controls"]["bitrate_kbps"] == BITRATE_KBPS

    run(tiny_weights, None, use)


@pytest.mark.parametrize(
    ("header", "is_own"),
    [
        ("127.0.0.1:80", True),
        ("localhost:80", True),
        ("[::1]:80", True),
        ("192.0.2.7:80", True),
        ("box.local:80", True),
        ("evil.example:80", False),
        ("127.0.0.1.evil.example", False),
        ("", False),
    ],
)
def test_hosts(header: str, is_own: bool) -> None:
    assert is_own_host(header, "box.local") is is_own


def test_two_tabs_see_one_call_and_share_controls(tiny_weights: Path, talking_clip: Path) -> None:
    async def use(page: Served) -> None:
        async with page.tab() as one, page.tab() as other:
            calls = [(await message(tab, lambda told: "call" in told))["call"] for tab in (one, other)]
            assert calls[0] == calls[1]
            await one.send_str('{"controls": {"loss_percent": 30}}')
            told = await message(other, lambda told: "controls" in told)
            assert told["controls"]["loss_percent"] == 30
            for wrong in ("x", '{"controls": {"loss_percent": 300}}', '{"controls": {"host": 1}}'):
                await one.send_str(wrong)
                assert (await message(one, lambda told: "error" in told))["error"]
            await message(one, lambda told: "call" in told)  # goes on

    run(tiny_weights, talking_clip, use)


def test_one_tab_at_a_time_sends_its_camera(tiny_weights: Path, talking_clip: Path) -> None:
    picture = encode_jpeg(np.full((256, 256, 3), 90, np.uint8))

    async def use(page: Served) -> None:
        async with page.tab() as one:
            async with page.tab() as other:
                await one.send_bytes(picture)  # not asked for
                await one.send_str('{"camera": true}')
                await one.send_bytes(picture)
                await message(one, lambda told: told.get("source") == "camera" and told["has_frames"])
                await other.send_str('{"camera": true}')
                assert await message(one, lambda told: told.get("camera") is False)
                await one.send_bytes(picture)  # of no use any more
                await other.send_bytes(b"no picture")
                await message(other, lambda told: told.get("refused") == 1 and not told["has_frames"])
            await message(one, lambda told: told.get("source") == "file")

    run(tiny_weights, talking_clip, use)


def test_messages_and_tabs_are_bounded(tiny_weights: Path) -> None:
    async def use(page: Served) -> None:
        async with page.tab() as tab:
            await message(tab, lambda told: "hello" in told)
            await tab.send_bytes(bytes(1 << 19))
            assert (await tab.receive(timeout=60)).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
            assert tab.close_code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(MAX_TABS):
                tab = await stack.enter_async_context(page.tab())
                await message(tab, lambda told: "hello" in told)
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await page.tab()
            assert refused.value.status == 503

    run(tiny_weights, None, use)


def test_a_taken_port_is_an_error(tiny_weights: Path) -> None:
    async def use(page: Served) -> None:
        port = int(page.address.rstrip("/").rsplit(":", 1)[1])
        with pytest.raises(ConfigError, match=f"127.0.0.1, port {port} cannot be listened at"):
            settings = worker_settings(tiny_weights, None)
            await serve_page(settings, CONTROLS, host="127.0.0.1", port=port, announce=lambda address: None)

    run(tiny_weights, None, use)


def test_tabs_are_told_when_it_ends(tiny_weights: Path, talking_clip: Path) -> None:
    async def main() -> None:
        async with contextlib.AsyncExitStack() as stack:
            async with served(tiny_weights, talking_clip) as page:
                session = await stack.enter_async_context(aiohttp.ClientSession())
                tab = await session.ws_connect(f"{page.address}live", headers=page.own)
                await message(tab, lambda told: "call" in told)
            while (found := await tab.receive(timeout=60)).type is not aiohttp.WSMsgType.CLOSE:
                assert found.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY)
            assert found.data == aiohttp.WSCloseCode.GOING_AWAY

    asyncio.run(main())
