"""Thread that runs the call of a page, and begins another one where its source changes.

A call runs while somebody watches. Only the newest of everything is handed on, so nothing queues up here.
"""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from bcdcodec.call.budget import SOUND_FRAME_MS
from bcdcodec.call.feed import Feed, RepeatedFeed
from bcdcodec.call.playback import Shown
from bcdcodec.call.serve.browser_feed import BrowserFeed
from bcdcodec.call.serve.controls import Controls
from bcdcodec.call.serve.live_call import LiveCall
from bcdcodec.codec.decode.settings import DecodeSettings
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.errors import BcdError
from bcdcodec.video.jpeg import encode_jpeg

#: How often numbers are handed on.
NUMBERS_S = 0.5


class Slot(Enum):
    """Kinds of messages to a page, of which only the newest counts; pictures begin with this byte."""

    NUMBERS = 0
    SOURCE = 1
    SHOWN = 2


@dataclass(frozen=True, slots=True, eq=False)
class WorkerSettings:
    """What calls are made of. file: None for none; audio_bitrate: None for no sound."""

    model: CodecModel
    file: str | None
    encoding: EncodeSettings
    decoding: DecodeSettings
    audio_bitrate: int | None


class Worker:
    """Runs calls until `stop`. publish: takes messages, text or bytes, in the worker's thread."""

    def __init__(
        self, settings: WorkerSettings, controls: Controls, publish: Callable[[Slot, str | bytes], object]
    ) -> None:
        self._settings, self._controls, self._publish = settings, controls, publish
        self._changed = threading.Condition()
        self._is_watched = self._is_stopped = False
        self._browser: BrowserFeed | None = None
        self._generation = 0
        #: What ended the thread, None while it runs and after `stop`.
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="call", daemon=True)

    @property
    def controls(self) -> Controls:
        """Those in force."""
        return self._controls

    @property
    def file_name(self) -> str | None:
        """Name of the file, None for none."""
        return None if self._settings.file is None else Path(self._settings.file).name

    @property
    def is_fast(self) -> bool:
        """Whether the decoder shows warped references alone, which takes the least work."""
        sampling = self._settings.decoding.sampling
        return sampling is not None and not sampling.steps

    def start(self) -> None:
        """Begin to run."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread after its step."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()
        self._thread.join()

    def set_controls(self, controls: Controls) -> None:
        """Go on with others, in the running call too."""
        self._controls = controls

    def watch(self, is_watched: bool) -> None:
        """Run while somebody watches."""
        with self._changed:
            if is_watched != self._is_watched:
                self._is_watched = is_watched
                self._begin_anew()

    def use_camera(self, is_used: bool) -> None:
        """Begin a call of the browser's camera, or one of the file."""
        with self._changed:
            self._browser = BrowserFeed(self._settings.model.config.pixels) if is_used else None
            self._begin_anew()

    def put_picture(self, data: bytes) -> None:
        """Take a JPEG picture of the browser's camera."""
        browser = self._browser
        if browser is not None:
            browser.put(data)

    def _begin_anew(self) -> None:
        self._generation += 1
        self._changed.notify_all()

    def _run(self) -> None:
        try:
            while (generation := self._next_call()) is not None:
                try:
                    self._hold_call(generation)
                except BcdError as error:
                    self._send_numbers({"error": str(error)})
                    with self._changed:
                        self._changed.wait_for(lambda: self._is_stopped or self._generation != generation)
        except BaseException as error:
            self.failure = error

    def _next_call(self) -> int | None:
        """The generation of the call to hold, once there is somebody and a source; None after `stop`."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_stopped or (self._is_watched and self._has_source))
            return None if self._is_stopped else self._generation

    @property
    def _has_source(self) -> bool:
        return self._browser is not None or self._settings.file is not None

    def _hold_call(self, generation: int) -> None:
        settings, controls, next_s = self._settings, self._controls, 0.0
        with self._feed() as (feed, source):
            call = LiveCall(
                settings.model, feed, encoding=settings.encoding, decoding=settings.decoding, controls=controls
            )
            while generation == self._generation and not self._is_stopped:
                if self._controls != controls:
                    controls = self._controls
                    call.set_controls(controls)
                pictures = call.step()
                if pictures.source is not None:
                    self._send_picture(Slot.SOURCE, Shown.DECODED, pictures.source)
                if pictures.shown is not None:
                    self._send_picture(Slot.SHOWN, pictures.shown.shown, pictures.shown.pixels)
                if time.monotonic() >= next_s:
                    next_s = time.monotonic() + NUMBERS_S
                    refused = feed.refused if isinstance(feed, BrowserFeed) else 0
                    self._send_numbers({"call": generation, "source": source, "refused": refused, **call.numbers()})

    @contextlib.contextmanager
    def _feed(self) -> Iterator[tuple[Feed, str]]:
        settings, browser = self._settings, self._browser
        if browser is not None or settings.file is None:
            yield browser or BrowserFeed(settings.model.config.pixels), "camera"
            return
        rate = settings.encoding.frame_rate or settings.model.frame_rate
        with RepeatedFeed(settings.file, rate, sound_bitrate=settings.audio_bitrate, frame_ms=SOUND_FRAME_MS) as feed:
            yield feed, "file"

    def _send_picture(self, slot: Slot, shown: Shown, pixels: Any) -> None:
        self._publish(slot, bytes([slot.value, [*Shown].index(shown)]) + encode_jpeg(pixels))

    def _send_numbers(self, numbers: dict[str, Any]) -> None:
        self._publish(Slot.NUMBERS, json.dumps(numbers))
