"""What the commands `bcd call` do: ends of calls between files, cameras and windows."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from bcdcodec.call.budget import PACKET_FRAMES, SOUND_FRAME_MS, WirePlan
from bcdcodec.call.camera_feed import CameraFeed
from bcdcodec.call.datagram import Checksum, Envelope
from bcdcodec.call.feed import FileFeed
from bcdcodec.call.impair import Impairment, Network
from bcdcodec.call.loopback import run_loopback
from bcdcodec.call.playback import Playback
from bcdcodec.call.receiver import Receiver
from bcdcodec.call.recorder import Recorder
from bcdcodec.call.screen import Screen
from bcdcodec.call.seal import Seal, read_key
from bcdcodec.call.sender import Sender
from bcdcodec.call.sockets import open_socket, parse_address, receive_call, send_call
from bcdcodec.call.virtual_camera import VirtualCamera
from bcdcodec.codec.decode.concealment import HoldConcealer
from bcdcodec.codec.decode.settings import DecodeSettings
from bcdcodec.codec.encode.encoder import Encoder
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.config import SamplingConfig
from bcdcodec.frame import Frame
from bcdcodec.motion.conceal import ModelConcealer
from bcdcodec.video.capture import is_camera
from bcdcodec.video.media import MediaFile
from bcdcodec.video.source import MediaSource

#: Pictures a second of cameras at most.
MAX_CAMERA_RATE = Fraction(1000)
Report = Callable[[str], object]


def send_file(
    source: str,
    address: str,
    *,
    model: CodecModel,
    bitrate: int,
    wire_bitrate: int | None,
    packet_frames: int | None,
    audio_bitrate: int | None,
    key: Path | None,
    impair: str,
    seed: int,
    report: Report,
) -> dict[str, Any]:
    """Send a video or a camera as a call; returns its numbers. report: takes a line each second."""
    peer, network = parse_address(address), Network(Impairment.parse(impair), seed=seed)
    made = new_sender(
        source,
        model,
        bitrate=bitrate,
        wire_bitrate=wire_bitrate,
        packet_frames=packet_frames,
        audio_bitrate=audio_bitrate,
        envelope=_envelope(key),
    )
    with made as (sender, feed), open_socket(peer) as link:
        return send_call(link, sender, feed, network=network, report=report)


def receive_file(
    port: int,
    target: MediaFile | None,
    *,
    model: CodecModel,
    sampling: SamplingConfig,
    conceal: str,
    key: Path | None,
    silence: float,
    virtual_camera: bool,
    report: Report,
) -> dict[str, Any]:
    """Receive one call, and show it as `_outputs` does; returns its numbers."""
    receiver = new_receiver(model, sampling, conceal, _envelope(key))
    outputs = _outputs(receiver, target, virtual_camera=virtual_camera, report=report)
    with outputs as (show, is_stopped), open_socket(port=port) as link:
        return receive_call(link, receiver, show=show, report=report, silence_s=silence, is_stopped=is_stopped)


def loop_file(
    source: str,
    target: MediaFile | None,
    *,
    model: CodecModel,
    sampling: SamplingConfig,
    conceal: str,
    bitrate: int,
    wire_bitrate: int | None,
    packet_frames: int | None,
    audio_bitrate: int | None,
    key: Path | None,
    impair: str,
    seed: int,
    paced: bool,
    virtual_camera: bool,
    report: Report,
) -> dict[str, Any]:
    """Run both ends of a call over a made-up network, and show it as `_outputs` does; returns its numbers."""
    impairment = Impairment.parse(impair)
    receiver = new_receiver(model, sampling, conceal, _envelope(key))
    made = new_sender(
        source,
        model,
        bitrate=bitrate,
        wire_bitrate=wire_bitrate,
        packet_frames=packet_frames,
        audio_bitrate=audio_bitrate,
        envelope=_envelope(key),
        is_paced=True,
    )
    outputs = _outputs(receiver, target, virtual_camera=virtual_camera, report=report)
    with outputs as (show, is_stopped), made as (sender, feed):
        return run_loopback(
            sender,
            receiver,
            feed,
            impairment=impairment,
            seed=seed,
            is_paced=paced or target is None,
            is_live=isinstance(feed, CameraFeed),
            show=show,
            report=report,
            is_stopped=is_stopped,
        )


def decode_settings(model: CodecModel, sampling: SamplingConfig, conceal: str) -> DecodeSettings:
    """Settings of a receiver. conceal: `hold` or `model`. Raises WeightsError without the weights of the latter."""
    concealer = ModelConcealer.for_codec(model) if conceal == "model" else HoldConcealer()
    return DecodeSettings(sampling=sampling, concealer=concealer)


def _envelope(key: Path | None) -> Envelope | None:
    return None if key is None else Seal(read_key(key))


@contextlib.contextmanager
def new_sender(
    source: str,
    model: CodecModel,
    *,
    bitrate: int,
    wire_bitrate: int | None,
    packet_frames: int | None,
    audio_bitrate: int | None,
    envelope: Envelope | None,
    is_paced: bool = False,
) -> Iterator[tuple[Sender, FileFeed | CameraFeed]]:
    """A sender and its source, with all networks loaded. Raises VideoError, ConfigError, RateError.

    is_paced: `PacedFeed` gives indices to the frames of a camera, and needs all of them.
    """
    has_audio, first = True, Frame(pixels=np.zeros((model.config.pixels, model.config.pixels, 3), np.uint8), index=0)
    from_camera = is_camera(source)
    if not from_camera:
        with MediaSource(source, model.frame_rate) as opened:
            has_audio, first = opened.has_audio, opened.first_picture
    wire = None
    if wire_bitrate is not None:
        wire = WirePlan.of(
            wire_bitrate,
            tick_ms=float(1000 / model.frame_rate),
            sound_bitrate=audio_bitrate if has_audio else None,
            packet_frames=packet_frames,
            end_bytes=(envelope or Checksum()).end_bytes,
        )
        packet_frames, audio_bitrate = wire.packet_frames, wire.sound_bitrate or None
    start_bitrate = bitrate if wire is None else min(bitrate, wire.video_bitrate)
    settings = EncodeSettings.live(bitrate=start_bitrate, packet_frames=packet_frames or PACKET_FRAMES)
    Encoder(model, settings).push(first)  # the first frame of a call must not wait for networks
    encoder = Encoder(model, settings)
    sender = Sender(encoder, bitrate=bitrate, wire=wire, envelope=envelope)
    if not from_camera:
        with FileFeed(source, encoder.frame_rate, sound_bitrate=audio_bitrate, frame_ms=SOUND_FRAME_MS) as feed:
            yield sender, feed
        return
    rate = MAX_CAMERA_RATE if is_paced else encoder.frame_rate
    opened_camera = CameraFeed.open(source, rate, sound_bitrate=audio_bitrate, frame_ms=SOUND_FRAME_MS)
    with opened_camera as camera, _stopped(camera):
        yield sender, camera


@contextlib.contextmanager
def _stopped(feed: CameraFeed) -> Iterator[None]:
    """Let the first Ctrl-C end what a camera gives, so that the call ends as that of a file does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)

    def stop(number: int, frame: object) -> None:
        feed.stop()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def new_receiver(model: CodecModel, sampling: SamplingConfig, conceal: str, envelope: Envelope | None) -> Receiver:
    """A receiver whose lost frames are held, or predicted by a motion model."""
    return Receiver(model, decode_settings(model, sampling, conceal), envelope=envelope)


@contextlib.contextmanager
def _outputs(
    receiver: Receiver, target: MediaFile | None, *, virtual_camera: bool, report: Report
) -> Iterator[tuple[Callable[[Playback], None], Callable[[], bool]]]:
    """What shows playbacks, and whether it was closed: a file, a virtual camera, and where there is neither a window.

    Raises ConfigError without a display, MissingExtraError and VideoError without a virtual camera.
    """
    with contextlib.ExitStack() as stack:
        screen = None if target is not None or virtual_camera else stack.enter_context(Screen("bcd call"))
        camera = stack.enter_context(VirtualCamera()) if virtual_camera else None
        recorder = None if target is None else stack.enter_context(Recorder(target))
        if camera is not None:
            report(f"virtual camera {camera.device}")

        def show(playback: Playback) -> None:
            if recorder is not None and receiver.frame_rate is not None:
                recorder.write(playback, receiver.frame_rate, has_sound=receiver.sound.has_begun)
            for view in (screen, camera):
                if view is not None:
                    view.show(playback)

        yield show, lambda: screen is not None and screen.is_closed
