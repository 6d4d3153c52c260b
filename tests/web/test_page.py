"""The page in headless Chromium: its pictures against those of the decoder in Python.

It needs the folder `dist` of the npm package onnxruntime-web, which the variable BCD_ONNXRUNTIME_WEB names.
"""

import asyncio
import base64
import functools
import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("aiohttp")
pytest.importorskip("onnx")

from browser_kit import CHROMIUM, browser
from media_kit import tone, write_video

from bcdcodec.codec.decode.presets import preset_sampling
from bcdcodec.codec.model import CodecModel
from bcdcodec.evaluation.harness.decoding import decoded_frames
from bcdcodec.web.export import export_page
from bcdcodec.weightfile import find_weights

RUNTIME = os.environ.get("BCD_ONNXRUNTIME_WEB", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="the page is looked at by Chromium"),
    pytest.mark.skipif(not RUNTIME, reason="the page needs onnxruntime-web, BCD_ONNXRUNTIME_WEB"),
]
ROOT, FRAMES = Path(__file__).parents[2], 12
#: Seconds between which a tone is heard.
TONE_S = (0.3, 0.7)
#: Levels by which pictures differ at most: in the mean, and but for one of a thousand values.
MEAN_LEVELS, MOST_LEVELS = 0.5, 4
#: The pixels of a frame, as text that crosses the debugging socket.
PIXELS = """(() => { const data = window.bcdFrames[%d].data; let text = '';
  for (let at = 0; at < data.length; at += 8192) text += String.fromCharCode.apply(null, data.subarray(at, at + 8192));
  return btoa(text) })()"""
#: Loudness of each tenth of a second of the sound.
LOUDNESS = """(() => { const { channels: [heard], rate } = window.bcdSound, size = rate / 10, parts = [];
  for (let at = 0; at + size <= heard.length; at += size) {
    parts.push(Math.sqrt(heard.subarray(at, at + size).reduce((sum, value) => sum + value * value, 0) / size));
  } return parts })()"""
END = "document.body.dataset.done || document.getElementById('problem').textContent"


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files with the types that modules need, in silence."""

    extensions_map: ClassVar = {**http.server.SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page with the shipped weights, a stream of a face that moves, and one that is damaged."""
    from skimage import data

    folder = tmp_path_factory.mktemp("page") / "site"
    export_page(folder, find_weights("face"), runtime=Path(RUNTIME))
    face = np.ascontiguousarray(data.astronaut()[:256, 96:352])
    pictures = [np.roll(face, index, axis=1) for index in range(2 * FRAMES)]
    write_video(folder / "clip.mp4", pictures, sound=tone(*TONE_S, 2 * FRAMES / 25))
    line = [sys.executable, "-m", "bcdcodec", "encode", "clip.mp4", "talk.bcd", "--bitrate", "20k", "--no-crop", "-q"]
    subprocess.run(line, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True)
    stream = (folder / "talk.bcd").read_bytes()
    (folder / "damaged.bcd").write_bytes(stream[:-40] + bytes([stream[-40] ^ 1]) + stream[-39:])
    return folder


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/index.html"
        server.shutdown()


def look(folder: Path, address: str) -> tuple[str, list[NDArray[np.uint8]], list[str]]:
    """What the page says at the end, the frames that it decoded, and complaints of the browser."""

    async def visit() -> tuple[str, list[NDArray[np.uint8]], list[str]]:
        async with browser(folder) as chromium, chromium.open(address) as page:
            end = str(await page.wait_for(END, timeout_s=300))
            count = int(end) if end.isdigit() else 0
            texts = [await page.evaluate(PIXELS % index) for index in range(count)]
            frames = [np.frombuffer(base64.b64decode(text), np.uint8).reshape(256, 256, 4)[..., :3] for text in texts]
            return end, frames, page.complaints

    return asyncio.run(visit())


@pytest.mark.parametrize("preset", ["standard", "fast"])
def test_the_page_shows_what_the_decoder_decodes(site: Path, address: str, tmp_path: Path, preset: str) -> None:
    end, frames, complaints = look(tmp_path, f"{address}?src=talk.bcd&preset={preset}")
    assert not complaints and end == str(FRAMES), end
    model = CodecModel.load("face", device="cpu")
    true = [frame.pixels for frame in decoded_frames(model, site / "talk.bcd", preset_sampling(model.config, preset))]
    errors = np.abs(np.stack(frames).astype(int) - np.stack(true))
    assert errors.mean() < MEAN_LEVELS and np.percentile(errors, 99.9) <= MOST_LEVELS
    assert np.abs(np.diff(np.stack(frames).astype(int), axis=0)).mean() > 1  # they move


def test_the_page_has_the_sound_at_its_time(address: str, tmp_path: Path) -> None:
    async def visit() -> list[float]:
        async with browser(tmp_path) as chromium, chromium.open(f"{address}?src=talk.bcd&preset=fast") as page:
            await page.wait_for(END, timeout_s=300)
            loudness: list[float] = await page.evaluate(LOUDNESS)
            return loudness

    loudness = asyncio.run(visit())
    heard = [round(10 * TONE_S[0]) <= part < round(10 * TONE_S[1]) for part in range(len(loudness))]
    assert len(loudness) >= 9
    assert [value > 0.1 for value in loudness] == heard


def test_the_page_says_what_is_wrong(address: str, tmp_path: Path) -> None:
    end, frames, _ = look(tmp_path, f"{address}?src=damaged.bcd")
    assert "CRC" in end and not frames
