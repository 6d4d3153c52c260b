"""The page of `bcd call serve` in a browser, served by the program itself."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("aiohttp")

from browser_kit import CHROMIUM, FAKE_CAMERA, Browser, Page, browser

from bcdcodec.cli.main import SIGNALED

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="the page is looked at by Chromium")]
ROOT = Path(__file__).parents[3]
GRAPHS = ("wire", "kinds", "loss", "delay")
#: Sums of the pixels of both pictures.
SUMS = """['source', 'shown'].map(id => { const c = document.getElementById(id);
  return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.reduce((a, b) => a + b, 0) })"""


@contextlib.contextmanager
def served(weights: Path, *words: str | Path) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """The address of a page with small weights, and its process."""
    line = [sys.executable, "-m", "bcdcodec", "call", "serve", *map(str, words), "--weights", str(weights)]
    line += ["--device", "cpu", "--steps", "0", "--bitrate", "20k"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[0], process
        finally:
            process.kill()


def look(folder: Path, address: str, use: Callable[[Browser, Page], Coroutine[Any, Any, None]]) -> None:
    """Open the page in a browser with a made-up camera, and end with no complaint of it."""

    async def main() -> None:
        async with browser(folder, *FAKE_CAMERA) as chromium, chromium.open(address) as page:
            await use(chromium, page)
            assert page.complaints == []

    asyncio.run(main())


def text(name: str) -> str:
    return f"document.getElementById('{name}').innerText"


def pictures(name: str) -> str:
    return f"Number(document.getElementById('{name}').dataset.pictures ?? 0)"


def notice(kind: str) -> str:
    return f"document.querySelector('#notices [data-kind={kind}]')?.innerText"


def slide(name: str, value: float) -> str:
    return (
        f"{{ const it = document.getElementById('{name}'); it.value = {value}; it.dispatchEvent(new Event('input')) }}"
    )


def test_a_file_is_shown_with_graphs_and_loss_conceals_frames(
    tiny_weights: Path, talking_clip: Path, tmp_path: Path
) -> None:
    async def use(chromium: Browser, page: Page) -> None:
        await page.wait_for(f"{pictures('source')} > 3 && {pictures('shown')} > 3")
        before = await page.evaluate(SUMS)
        await page.wait_for(f"{SUMS}.every((sum, i) => sum != {before}[i])")
        for graph in GRAPHS:
            points = f"Number(document.querySelector('#graph-{graph} canvas').dataset.points)"
            assert await page.wait_for(f"{points} > 3 && {points}") < 200
        assert await page.evaluate(text("source-name")) == "talk.mp4"
        assert await page.evaluate("document.querySelector('#graph-wire b').innerText.endsWith(' kbps')")
        await page.evaluate(slide("burst", 3))
        await page.evaluate(slide("loss_percent", 40))
        await page.wait_for(f"Number({text('concealed')}) > 2")
        assert float(await page.evaluate("parseFloat(document.querySelector('#graph-loss b').innerText)")) >= 0
        async with chromium.open(address) as other:  # a second tab has the sliders of the first
            await other.wait_for(f"{pictures('shown')} > 1")
            assert await other.evaluate("document.getElementById('loss_percent').value") == "40"
            await other.evaluate(slide("loss_percent", 5))
            await page.wait_for("document.getElementById('loss_percent').value == '5'")
        await page.wait_for(f"{pictures('shown')} > {await page.evaluate(pictures('shown'))}")

    with served(tiny_weights, talking_clip) as (address, process):
        look(tmp_path / "profile", address, use)
        process.send_signal(signal.SIGTERM)  # SIGINT is ignored below shells that run tests in the background
        assert process.wait(60) == SIGNALED + signal.SIGTERM


def test_a_camera_is_sent_and_a_picture_without_a_face_is_told(tiny_weights: Path, tmp_path: Path) -> None:
    async def use(chromium: Browser, page: Page) -> None:
        await page.wait_for("!document.getElementById('camera').hidden")
        assert "press Use camera" in await page.evaluate(notice("camera"))
        await page.evaluate("document.getElementById('camera').click()")
        await page.wait_for(f"{pictures('source')} > 3 && {pictures('shown')} > 3")
        assert await page.evaluate(text("source-name")) == "the browser's camera"
        assert "No face in the picture" in await page.wait_for(notice("face"))
        async with chromium.open(address) as other:
            await other.wait_for("!document.getElementById('camera').hidden")
            await other.evaluate("document.getElementById('camera').click()")
            await page.wait_for(f"{notice('camera')} == 'Another tab sends its camera now.'")
            assert await page.evaluate(text("camera")) == "Use camera"

    with served(tiny_weights) as (address, _):
        look(tmp_path / "profile", address, use)


def test_narrow_windows_show_all_of_it(tiny_weights: Path, talking_clip: Path, tmp_path: Path) -> None:
    async def use(_: Browser, page: Page) -> None:
        await page.wait_for(f"{pictures('shown')} > 1")
        for width in (320, 390, 800, 1600):
            await page.call(
                "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False
            )
            assert await page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")

    with served(tiny_weights, talking_clip) as (address, _):
        look(tmp_path / "profile", address, use)


def test_the_page_says_when_its_process_ended(tiny_weights: Path, talking_clip: Path, tmp_path: Path) -> None:
    async def main() -> None:
        async with browser(tmp_path / "profile") as chromium, chromium.open(address) as page:
            await page.wait_for(f"{pictures('shown')} > 1")
            process.send_signal(signal.SIGTERM)
            assert "No connection to the process" in await page.wait_for(notice("connection"))

    with served(tiny_weights, talking_clip) as (address, process):
        asyncio.run(main())
