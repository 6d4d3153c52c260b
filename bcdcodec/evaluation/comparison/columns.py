"""A video and what its streams show, side by side: one column each, frame by frame, with numbers of each."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bcdcodec.bitstream.packet import PacketKind
from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.codec.decode.decoder import model_frame_multiplier
from bcdcodec.codec.decode.file import opus_packets, opus_track
from bcdcodec.codec.decode.presets import preset_sampling
from bcdcodec.codec.model import CodecModel
from bcdcodec.errors import ConfigError, MissingExtraError
from bcdcodec.evaluation.harness.decoding import decoded_frames
from bcdcodec.evaluation.metrics.pair import known_mean
from bcdcodec.evaluation.metrics.table import loaded
from bcdcodec.evaluation.report.sheets import contact_sheet, save_png, spread_indices
from bcdcodec.frame import Frame
from bcdcodec.video.audio import SAMPLE_RATE, TICK_SAMPLES, OpusPacket, OpusTrack
from bcdcodec.video.crop import crop
from bcdcodec.video.reader import VideoReader
from bcdcodec.video.writer import VideoWriter

VIDEO, SHEET = "side_by_side.mp4", "sheet.png"
#: Frames that are measured, evenly spread, and those of the sheet.
MEASURED, SHOWN = 24, 6
#: Pixels of a picture of the sheet.
CELL = 192
#: Metrics of the page; one whose extra is not installed is left out.
METRICS = ("psnr", "lpips-alex", "dists", "csim", "landmarks-mouth")

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What is known of a stream. asked_kbps: None for one that was there; kbps: of the file, and without its audio;
    values: metrics by name, None where no frame has one.
    """

    name: str
    stream: Path
    asked_kbps: float | None
    kbps: float
    video_kbps: float
    seconds: float
    values: dict[str, float | None]


def compare_streams(
    source: Path,
    streams: dict[str, tuple[Path, float | None]],
    folder: Path,
    *,
    models: dict[str, CodecModel],
    preset: str,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Column]:
    """Decode all streams of one video beside it: VIDEO and SHEET in a folder, and their numbers.

    streams: by the names of their columns, each with the kbps that were asked for; models: that decode them, of one
    size and frame rate. progress: frames done and in all. Raises BitstreamError, VideoError, ConfigError.
    """
    (side, rate) = _one_shape([(model.config.pixels, model.frame_rate) for model in models.values()])
    total = min(_frames(path, models[name]) for name, (path, _) in streams.items())
    measured, shown = {*spread_indices(total, MEASURED)}, {*spread_indices(total, SHOWN)}
    kept = {name: list[Pixels]() for name in ("source", *streams)}
    strip = list[Pixels]()
    first_stream = next(iter(streams.values()))[0]
    with ExitStack() as stack:
        reader = stack.enter_context(VideoReader(source, rate))
        sound, track = _sound(stack, first_stream)
        writer = stack.enter_context(
            VideoWriter(folder / VIDEO, side * (1 + len(streams)), side, rate=rate, audio=track)
        )
        decoded = [
            decoded_frames(models[name], path, preset_sampling(models[name].config, preset))
            for name, (path, _) in streams.items()
        ]
        for index, (whole, *frames) in enumerate(itertools.islice(zip(reader, *decoded, strict=False), total)):
            pictures = [crop(whole, frames[0].box, side).pixels, *(frame.pixels for frame in frames)]
            for packet in sound.until(Fraction(index) / rate):
                writer.write_audio([packet])
            writer.write(Frame(pixels=np.concatenate(pictures, axis=1), index=index))
            if index in measured:
                for name, pixels in zip(kept, pictures, strict=True):
                    kept[name].append(pixels)
            if index in shown:
                strip.append(np.concatenate(pictures))
            progress(index + 1, total)
    rows = 1 + len(streams)
    save_png(folder / SHEET, contact_sheet([np.concatenate(strip, axis=1)], cell=CELL, rows=rows))
    truth = np.stack(kept["source"])
    return [_column(name, path, asked, np.stack(kept[name]), truth) for name, (path, asked) in streams.items()]


def _column(name: str, path: Path, asked_kbps: float | None, found: Pixels, truth: Pixels) -> Column:
    values = dict[str, float | None]()
    for metric in METRICS:
        try:
            values[metric] = known_mean(loaded(metric)(found, truth))
        except MissingExtraError:
            continue
    reader = _read(path)
    seconds, stats = float(reader.stats.end_tick / reader.header.video.frame_rate), reader.stats
    return Column(
        name=name,
        stream=path,
        asked_kbps=asked_kbps,
        kbps=stats.total_bits / seconds / 1000,
        video_kbps=(stats.total_bits - stats.audio_bits) / seconds / 1000,
        seconds=seconds,
        values=values,
    )


def _one_shape(shapes: list[tuple[int, Fraction]]) -> tuple[int, Fraction]:
    if len({*shapes}) != 1:
        found = ", ".join(f"{side} pixels at {float(rate):g} fps" for side, rate in shapes)
        raise ConfigError(f"streams of {found} cannot stand side by side, they need one size and frame rate")
    return shapes[0]


def _frames(stream: Path, model: CodecModel) -> int:
    reader = _read(stream)
    return reader.stats.end_tick * model_frame_multiplier(reader.header, model)


def _read(stream: Path) -> StreamReader:
    """The reader of a stream at its end, where it knows its statistics. Raises BitstreamError."""
    with stream.open("rb") as file:
        reader = StreamReader(file)
        for _ in reader:
            pass
    return reader


class _Sound:
    """Opus packets of a stream in order of time."""

    def __init__(self, packets: Iterator[OpusPacket]) -> None:
        self._packets = packets
        self._next = next(packets, None)

    def until(self, time_s: Fraction) -> Iterator[OpusPacket]:
        """Packets that begin up to this time and were not yielded before."""
        while self._next is not None and Fraction(self._next.tick * TICK_SAMPLES, SAMPLE_RATE) <= time_s:
            yield self._next
            self._next = next(self._packets, None)


def _sound(stack: ExitStack, stream: Path) -> tuple[_Sound, OpusTrack | None]:
    reader = StreamReader(stack.enter_context(stream.open("rb")))
    audio = reader.header.audio
    if audio is None:
        return _Sound(iter(())), None
    packets = (item for packet in reader if packet.kind == PacketKind.AUDIO for item in opus_packets(packet, audio))
    return _Sound(packets), opus_track(audio)
