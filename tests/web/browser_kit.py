"""Headless Chromium for tests of pages, driven over its debugging socket."""

import asyncio
import base64
import contextlib
import json
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import aiohttp

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
#: A camera that shows a test pattern, and no question whether it may be used.
FAKE_CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
START_S, POLL_S = 60, 0.1


class Page:
    """A tab of the browser."""

    def __init__(self, socket: "aiohttp.ClientWebSocketResponse") -> None:
        self._socket, self._number = socket, 0
        #: Errors in the console, and exceptions that nothing caught.
        self.complaints: list[str] = []

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the debugging protocol; returns its result."""
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        while True:
            answer = await self._socket.receive_json(timeout=START_S)
            told = answer.get("params", {})
            if "exceptionDetails" in told or told.get("entry", {}).get("level") == "error":
                self.complaints.append(json.dumps(told))
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result

    async def evaluate(self, script: str) -> Any:
        """The value of an expression."""
        result = await self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True, userGesture=True
        )
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def wait_for(self, script: str, *, timeout_s: float = 120) -> Any:
        """Wait until an expression is true; returns its value."""
        end_s = time.monotonic() + timeout_s
        while not (value := await self.evaluate(script)):
            assert time.monotonic() < end_s, f"{script} is {value!r} after {timeout_s} s"
            await asyncio.sleep(POLL_S)
        return value

    async def screenshot(self, path: Path) -> None:
        """Write a PNG file of the whole page."""
        shot = await self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))


@contextlib.asynccontextmanager
async def browser(folder: Path, *options: str, width: int = 1200, height: int = 1000) -> AsyncIterator["Browser"]:
    """A browser with a profile of its own in a folder."""
    import aiohttp

    assert CHROMIUM is not None
    line = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]
    line += [f"--user-data-dir={folder}", f"--window-size={width},{height}", "--remote-allow-origins=*", *options]
    with subprocess.Popen([*line, "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            async with aiohttp.ClientSession() as session:
                yield Browser(session, await _port(folder, process))
        finally:
            process.terminate()


class Browser:
    """A running browser."""

    def __init__(self, session: "aiohttp.ClientSession", port: int) -> None:
        self._session, self._address = session, f"http://127.0.0.1:{port}"

    @contextlib.asynccontextmanager
    async def open(self, address: str) -> AsyncIterator[Page]:
        """A tab that shows an address, closed at the end of the block."""
        async with self._session.put(f"{self._address}/json/new?about:blank") as response:
            target = await response.json()
        async with self._session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
            page = Page(socket)
            for domain in ("Page", "Runtime", "Log"):
                await page.call(f"{domain}.enable")
            await page.call("Page.navigate", url=address)
            await page.wait_for("location.href != 'about:blank' && document.readyState == 'complete'")
            yield page
        async with self._session.get(f"{self._address}/json/close/{target['id']}"):
            pass


async def _port(folder: Path, process: subprocess.Popen[bytes]) -> int:
    end_s = time.monotonic() + START_S
    while True:
        with contextlib.suppress(OSError, IndexError):
            return int((folder / "DevToolsActivePort").read_text().split()[0])
        assert process.poll() is None and time.monotonic() < end_s, "the browser does not start"
        await asyncio.sleep(POLL_S)
