"""What the commands `bcd call` do: ends of calls between files."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bcdcodec.call.budget import SOUND_FRAME_MS, WirePlan
from bcdcodec.call.datagram import Checksum, Envelope
from bcdcodec.call.feed import FileFeed
from bcdcodec.call.impair import Impairment, Network
from bcdcodec.call.loopback import run_loopback
from bcdcodec.call.receiver import Playback, Receiver
from bcdcodec.call.recorder import Recorder
from bcdcodec.call.seal import Seal, read_key
from bcdcodec.call.sender import Sender
from bcdcodec.call.sockets import open_socket, parse_address, receive_call, send_call
from bcdcodec.codec.decode.concealment import HoldConcealer
from bcdcodec.codec.decode.settings import DecodeSettings
from bcdcodec.codec.encode.encoder import Encoder
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.config import SamplingConfig
from bcdcodec.motion.conceal import ModelConcealer
from bcdcodec.video.media import MediaFile
from bcdcodec.video.source import MediaSource

#: Frames a packet where neither the caller nor a bitrate of the wire says how many.
PACKET_FRAMES = 2
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
    """Send a video as a call; returns its numbers. report: takes a line each second."""
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
    report: Report,
) -> dict[str, Any]:
    """Receive one call, and write what was shown to a file where one is given; returns its numbers."""
    receiver = new_receiver(model, sampling, conceal, _envelope(key))
    with contextlib.ExitStack() as stack:
        recorder = None if target is None else stack.enter_context(Recorder(target))
        link = stack.enter_context(open_socket(port=port))
        return receive_call(link, receiver, show=_shower(receiver, recorder), report=report, silence_s=silence)


def loop_file(
    source: str,
    target: MediaFile,
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
    report: Report,
) -> dict[str, Any]:
    """Run both ends of a call over a made-up network, and write what was shown; returns its numbers."""
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
    )
    with made as (sender, feed), Recorder(target) as recorder:
        return run_loopback(
            sender,
            receiver,
            feed,
            impairment=impairment,
            seed=seed,
            is_paced=paced,
            show=_shower(receiver, recorder),
            report=report,
        )


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
) -> Iterator[tuple[Sender, FileFeed]]:
    """A sender of a file and what feeds it, with all networks loaded. Raises VideoError, ConfigError, RateError."""
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
    with FileFeed(source, encoder.frame_rate, sound_bitrate=audio_bitrate, frame_ms=SOUND_FRAME_MS) as feed:
        yield sender, feed


def new_receiver(model: CodecModel, sampling: SamplingConfig, conceal: str, envelope: Envelope | None) -> Receiver:
    """A receiver whose lost frames are held, or predicted by a motion model."""
    concealer = ModelConcealer.for_codec(model) if conceal == "model" else HoldConcealer()
    return Receiver(model, DecodeSettings(sampling=sampling, concealer=concealer), envelope=envelope)


def _shower(receiver: Receiver, recorder: Recorder | None) -> Callable[[Playback], None]:
    def show(playback: Playback) -> None:
        if recorder is not None and receiver.frame_rate is not None:
            recorder.write(playback, receiver.frame_rate, has_sound=receiver.sound.has_begun)

    return show
