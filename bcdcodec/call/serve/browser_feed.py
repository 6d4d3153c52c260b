"""Pictures of a browser's camera as a source of a call: the newest one only."""

import threading
from collections.abc import Iterator

from bcdcodec.errors import VideoError
from bcdcodec.frame import Frame
from bcdcodec.video.audio import OpusPacket
from bcdcodec.video.crop import crop, largest_square
from bcdcodec.video.jpeg import decode_jpeg

#: A picture of the page is 256 pixels wide and high; others may be as large as this.
MAX_PIXELS, MAX_BYTES = 1 << 20, 1 << 18


class BrowserFeed:
    """JPEG pictures in, from any thread, squares of `pixels` out. Malformed pictures are counted and dropped."""

    is_over = False

    def __init__(self, pixels: int) -> None:
        self._pixels = pixels
        self._lock = threading.Lock()
        self._newest: bytes | None = None
        self._count = 0
        #: Pictures that could not be read.
        self.refused = 0

    def put(self, data: bytes) -> None:
        """Take a picture in place of the one before."""
        if len(data) > MAX_BYTES:
            self.refused += 1
            return
        with self._lock:
            self._newest = data

    def frames(self, media_ms: float) -> Iterator[Frame]:
        """The newest picture, once."""
        with self._lock:
            data, self._newest = self._newest, None
        if data is None:
            return
        try:
            picture = Frame(pixels=decode_jpeg(data, most_pixels=MAX_PIXELS), index=self._count)
        except VideoError:
            self.refused += 1
            return
        self._count += 1
        yield crop(picture, largest_square(picture.width, picture.height), self._pixels)

    def sound(self, media_ms: float) -> list[OpusPacket]:
        """None: the page sends no sound."""
        return []
