"""Web server of the page: its files, and a WebSocket for each tab. Only its own page may open one.

text from the page: a request (controls.py); bytes: a JPEG picture of its camera
text to the page:   `hello` once, numbers, `camera` where another tab took it, `error`; bytes: a picture of either end
"""

import asyncio
import contextlib
import importlib.resources
import ipaddress
import json
from collections.abc import Callable
from typing import Any

from aiohttp import WSMsgType, web

from bcdcodec.call.serve.browser_feed import MAX_BYTES
from bcdcodec.call.serve.controls import LIMITS, Controls, parse_request
from bcdcodec.call.serve.worker import Slot, Worker, WorkerSettings
from bcdcodec.errors import BcdError, ConfigError, VideoError

#: Files of the page, and what they are.
FILES = {"index.html": "text/html", "page.css": "text/css", "page.js": "text/javascript", "graph.js": "text/javascript"}
#: Tabs at a time. Each costs what sending it pictures costs.
MAX_TABS = 8
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Tab:
    """A page that is open: the newest message of each kind waits for it to take it."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self.socket = socket
        self._waiting: dict[Slot, str | bytes] = {}
        self._has_some = asyncio.Event()

    def put(self, slot: Slot, message: str | bytes) -> None:
        """Put a message in place of the one before of its kind."""
        self._waiting[slot] = message
        self._has_some.set()

    async def send(self) -> None:
        """Send what is put, for ever."""
        while True:
            await self._has_some.wait()
            self._has_some.clear()
            waiting, self._waiting = self._waiting, {}
            for message in waiting.values():
                if isinstance(message, bytes):
                    await self.socket.send_bytes(message)
                else:
                    await self.socket.send_str(message)


class PageServer:
    """The page of one worker. host: address to listen at."""

    def __init__(self, settings: WorkerSettings, controls: Controls, *, host: str) -> None:
        self._host = host
        self._loop = asyncio.get_running_loop()
        self._tabs: list[Tab] = []
        self._camera: Tab | None = None  # the tab whose camera is the source
        self.worker = Worker(settings, controls, self._publish)
        package = importlib.resources.files("bcdcodec.call.serve") / "page"
        self._files = {name: (package / name).read_bytes() for name in FILES}

    def application(self) -> web.Application:
        """Routes of the page."""
        application = web.Application(middlewares=[self._checked])
        application.router.add_get("/live", self._live)
        application.router.add_get("/", self._file)
        application.router.add_get("/{name}", self._file)
        application.on_shutdown.append(self._close_tabs)
        return application

    def _publish(self, slot: Slot, message: str | bytes) -> None:
        """Hand a message of the worker's thread to all tabs."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left
            self._loop.call_soon_threadsafe(self._put, slot, message)

    def _put(self, slot: Slot, message: str | bytes) -> None:
        for tab in self._tabs:
            tab.put(slot, message)

    @web.middleware
    async def _checked(self, request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
        """Refuse a page of another name that leads to this address (DNS rebinding)."""
        if not is_own_host(request.host, self._host):
            raise web.HTTPForbidden(text=f"host is {request.host!r}, allowed are addresses and localhost")
        response: web.StreamResponse = await handler(request)
        return response

    async def _file(self, request: web.Request) -> web.Response:
        name = request.match_info.get("name", "index.html")
        if name not in FILES:
            raise web.HTTPNotFound(text=f"no page {name!r}")
        return web.Response(body=self._files[name], content_type=FILES[name], charset="utf-8", headers=HEADERS)

    async def _live(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Origin") != f"http://{request.host}":
            raise web.HTTPForbidden(text="only the page of this server may open its socket")
        if len(self._tabs) >= MAX_TABS:
            raise web.HTTPServiceUnavailable(text=f"{MAX_TABS} tabs are open, no more are allowed")
        socket = web.WebSocketResponse(max_msg_size=MAX_BYTES, heartbeat=20, compress=False)
        tab = Tab(socket)
        self._tabs.append(tab)
        try:
            await socket.prepare(request)
            await socket.send_str(json.dumps({"hello": self._hello()}))
            self.worker.watch(True)
            await self._talk(tab)
        finally:
            self._tabs.remove(tab)
            if self._camera is tab:
                self._take_camera(None)
            self.worker.watch(bool(self._tabs))
        return socket

    def _hello(self) -> dict[str, Any]:
        return {
            "file": self.worker.file_name,
            "is_fast": self.worker.is_fast,
            "limits": LIMITS,
            "controls": _values(self.worker.controls),
        }

    async def _talk(self, tab: Tab) -> None:
        """Take what a tab sends until it leaves."""
        sending = asyncio.create_task(tab.send())
        try:
            async for message in tab.socket:
                if message.type is WSMsgType.BINARY and tab is self._camera:
                    self.worker.put_picture(message.data)
                elif message.type is WSMsgType.TEXT:
                    await self._answer(tab, message.data)
        finally:
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await sending

    async def _answer(self, tab: Tab, text: str) -> None:
        try:
            request = parse_request(text)
            if "controls" in request:
                self.worker.set_controls(self.worker.controls.changed(request["controls"]))
                values = json.dumps({"controls": _values(self.worker.controls)})
                for other in [other for other in self._tabs if other is not tab]:
                    await other.socket.send_str(values)
            elif request["camera"]:
                before, self._camera = self._camera, tab
                if before is not None and before is not tab:
                    await before.socket.send_str(json.dumps({"camera": False}))
                self.worker.use_camera(True)
            elif self._camera is tab:
                self._take_camera(None)
        except BcdError as error:
            await tab.socket.send_str(json.dumps({"error": str(error)}))

    def _take_camera(self, tab: Tab | None) -> None:
        self._camera = tab
        self.worker.use_camera(tab is not None)

    async def _close_tabs(self, _: web.Application) -> None:
        for tab in [*self._tabs]:
            await tab.socket.close(code=1001, message=b"the server ended")


def is_own_host(header: str, host: str) -> bool:
    """Whether a Host header names this machine by an address, as localhost, or as it was told to listen."""
    name = header.rsplit(":", 1)[0] if not header.endswith("]") else header
    if name in ("localhost", host):
        return True
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


async def serve_page(
    settings: WorkerSettings, controls: Controls, *, host: str, port: int, announce: Callable[[str], object]
) -> None:
    """Serve until cancelled. announce: gets the address. ConfigError for a port that cannot be listened at."""
    server = PageServer(settings, controls, host=host)
    runner = web.AppRunner(server.application(), access_log=None, handle_signals=False, shutdown_timeout=2)
    await runner.setup()
    server.worker.start()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise ConfigError(f"{host}, port {port} cannot be listened at: {error.strerror or error}") from error
        bound = runner.addresses[0]
        name = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
        announce(f"http://{name}:{bound[1]}/")
        while server.worker.failure is None:
            await asyncio.sleep(0.5)
        raise VideoError(f"the call ended: {server.worker.failure!r}") from server.worker.failure
    finally:
        await asyncio.to_thread(server.worker.stop)
        await runner.cleanup()


def _values(controls: Controls) -> dict[str, float]:
    return {name: getattr(controls, name) for name in LIMITS}
