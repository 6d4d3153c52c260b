"""Write the golden files of tests/data/golden: weights, streams of synthetic frames, their symbols and pictures.

Every later release must read the golden streams. They change only together with VERSION in
bcdcodec/bitstream/header.py and section 9 of bitstream_spec.md; the goldens of the old version then move to a folder of
their own and remain tested for as long as that version is read. Replacing goldens of the same version (--replace) is
legitimate only before a release has written that version.

The weights are random, in the shape of a shrunk `face` preset. They are kept when streams are regenerated, unless
--new-weights is given, for a change of the networks that old weights do not fit. Streams of mode context refer to a
file of tables alone, and use the networks of the other file.
"""

import argparse
import dataclasses
import hashlib
import json
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from bcdcodec import BcdError
from bcdcodec.bitstream.face import split_face
from bcdcodec.bitstream.header import VERSION, StreamHeader
from bcdcodec.bitstream.packet import AudioPayload, MotionPayload, Packet, PacketKind
from bcdcodec.bitstream.records import AudioCodec, AudioInfo, CodingMode, ContentCoding, ContentRecord
from bcdcodec.bitstream.stream import StreamReader, StreamWriter
from bcdcodec.config import ContentConfig, ModelConfig, SamplingConfig, VaeConfig, preset
from bcdcodec.entropy.content import decode_levels, fit_content_table
from bcdcodec.entropy.landmarks import decode_landmarks, fit_landmark_tables
from bcdcodec.entropy.motion import MotionCoder
from bcdcodec.entropy.predictor import Predictor
from bcdcodec.entropy.tables import LANDMARKS, Tables, fit_rows
from bcdcodec.frame import CropBox, Frame
from bcdcodec.weightfile import open_weights

if TYPE_CHECKING:
    from bcdcodec.codec.encode.encoder import Encoder
    from bcdcodec.codec.model import CodecModel

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "data" / "golden"
WEIGHTS, CONTEXT_WEIGHTS, DESCRIPTION = "tiny.safetensors", "context.safetensors", "golden.json"
#: Coding of motion and content of each stream; equal content coding gives equal codes and pictures.
STREAMS = {
    "packed.bcd": (CodingMode.PACKED, ContentCoding.LEVELS),
    "coded.bcd": (CodingMode.CODED, ContentCoding.LEVELS),
    "picture.bcd": (CodingMode.CODED, ContentCoding.PICTURE),
    "face.bcd": (CodingMode.CODED, ContentCoding.FACE),
    "gallery.bcd": (CodingMode.CODED, ContentCoding.FACE),
    "context.bcd": (CodingMode.CONTEXT, ContentCoding.LEVELS),
}
#: Decoded pictures of each stream.
THUMBNAILS = {
    "packed.bcd": "levels.npy",
    "coded.bcd": "levels.npy",
    "picture.bcd": "picture.npy",
    "face.bcd": "face.npy",
    "gallery.bcd": "gallery.npy",
    "context.bcd": "levels.npy",
}
#: Budget of a content picture in bits.
PICTURE_BITS = 4000
#: Hidden values of the context model.
CONTEXT_HIDDEN = 16
WIDTH, HEIGHT = 96, 80
#: Frames of each shot: whole and partial windows, a packet inside a segment, a key packet inside a shot.
SHOT_FRAMES = (20, 5)
BOXES = (CropBox(x=-6, y=4, size=72), CropBox(x=16, y=0, size=80))
KEY_INTERVAL_S = 1.0
#: References of gallery.bcd: number, frame and number of the dropped one, by the packet before which each is sent; the
#: reference of every packet. The first shot has three, of which one comes back and one is dropped.
PICTURES = {0: (0, 3, 0), 8: (1, 9, 0), 16: (2, 18, 1), 20: (0, 22, 0)}
NAMED = {0: 0, 4: 0, 8: 1, 12: 0, 16: 2, 20: 0, 24: 0}
#: An Opus packet of 20 ms of silence.
SILENCE = bytes.fromhex("f8fffe")
AUDIO = AudioInfo(codec=AudioCodec.OPUS, channels=1, sample_rate=48_000, pre_skip=312, bitrate=6000, frame_ticks=1)
METADATA = {"title": "golden é", "version": str(VERSION)}
#: Every fourth decoded frame is kept for comparison, shrunk to this side.
THUMBNAIL_STEP, THUMBNAIL_SIDE = 4, 16

Bytes = NDArray[np.uint8]


def golden_config() -> ModelConfig:
    """The `face` preset with minimal widths and all of its parts."""
    face = preset("face")
    quantizer = dataclasses.replace(face.quantizer, groups=5, entries=8, dims=4)
    encoder = dataclasses.replace(face.encoder, width=8, feed_forward=16, layers=1, heads=1, frame_stem=(8, 8))
    denoiser = dataclasses.replace(
        face.denoiser,
        width=8,
        feed_forward=16,
        layers=2,
        heads=1,
        temporal_blocks=(1,),
        warp_blocks=1,
    )
    return dataclasses.replace(
        face,
        name="golden",
        window_frames=4,
        context_frames=1,
        encoder=encoder,
        quantizer=quantizer,
        denoiser=denoiser,
        sampling={"standard": SamplingConfig(steps=2, guidance=1.0, sigma_max=5.0)},
        content=ContentConfig(step=2.0, max_level=3),
        vae=VaeConfig(widths=(8, 16), encoder_blocks=1, decoder_blocks=1),
    )


def write_weights(path: Path) -> None:
    """Write random networks and tables of random counts; reproducible within one release of torch."""
    import torch

    from bcdcodec.model.bcd import Bcd
    from bcdcodec.model.vae import Vae
    from bcdcodec.model.weights import Networks, save_networks

    config = golden_config()
    assert config.vae is not None, "the face preset has its own autoencoder"
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        vae = Vae(config.vae)
        networks = Networks(Bcd(config), vae)
        # Layers that are initialised to zero would block their inputs, and an untrained autoencoder decodes to grey;
        # larger weights, or large flows, would destroy the picture.
        for module, spread in ((networks.bcd, 0.3), (vae, 0.12)):
            for name, parameter in module.named_parameters():
                scale = 0.03 if name.startswith("warper.fine") else spread
                parameter.add_(torch.randn_like(parameter) * scale)
    rng = np.random.default_rng(0)
    top, denoiser = config.content.max_level, config.denoiser
    levels = np.rint(0.7 * rng.normal(size=(denoiser.channels, denoiser.resolution, denoiser.resolution)))
    tables = {
        "motion": fit_rows(rng.integers(1, 100, (config.quantizer.groups, config.quantizer.entries))),
        "content": fit_content_table([np.clip(levels, -top, top).astype(np.int32)], max_level=top),
    }
    faces = np.stack([mesh(index)[:, :2] for index in range(16)])
    tables |= fit_landmark_tables(faces, components=4, max_level=15).tensors()
    tensors = {name: torch.from_numpy(rows.astype(np.int32)) for name, rows in tables.items()}
    save_networks(path, networks, config=config, tables=tensors)


def write_context_weights(path: Path, weights: Path) -> None:
    """Write the tables of the weights and a context model of random integers."""
    config, tables = open_weights(weights).config, Tables.from_file(weights)
    groups, entries, hidden = config.quantizer.groups, config.quantizer.entries, CONTEXT_HIDDEN
    rng = np.random.default_rng(1)
    predictor = Predictor(
        current=rng.integers(-128, 128, (groups, entries, hidden), np.int8),
        previous=rng.integers(-128, 128, (groups, entries + 1, hidden), np.int8),
        lag1=rng.integers(-3000, 3000, (groups, entries + 1, entries), np.int16),
        lag2=rng.integers(-1000, 1000, (groups, entries + 1, entries), np.int16),
        output=rng.integers(-20, 21, (groups, hidden, entries), np.int8),
    )
    rows = {"motion": tables.motion, "content": tables.content}
    assert tables.landmarks is not None, "the golden weights have tables of landmarks"
    rows = {f"tables.{name}": values for name, values in (rows | tables.landmarks.tensors()).items()}
    tensors = {name: values.astype(np.int32) for name, values in rows.items()} | predictor.tensors()
    save_file(tensors, path, metadata={"config": config.to_json()})


def weights_of(name: str) -> str:
    """Name of the weights file of a golden stream."""
    return CONTEXT_WEIGHTS if STREAMS[name][0] is CodingMode.CONTEXT else WEIGHTS


def model_of(path: Path, model: "CodecModel") -> "CodecModel":
    """The networks of `model` with the id and the context model of the stream's own weights."""
    if weights_of(path.name) == model.weights.path.name:
        return model
    found = open_weights(model.weights.path.with_name(weights_of(path.name)))
    return dataclasses.replace(model, weights=found, predictor=Predictor.from_file(found.path))


def shot_frames(shot: int, start: int) -> list[Frame]:
    """Moving triangle waves, with other colours and speeds in each shot; computed in integers."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    frames = []
    for index in range(start, start + SHOT_FRAMES[shot]):
        waves = [(3 * x + (5 + shot) * index, 4 * y - 7 * index, 2 * x + 3 * y + 40 * shot)[i] for i in range(3)]
        planes = [np.abs(wave * (1 + (i + shot) % 2) % 256 - 128) * 2 - (wave % 2) for i, wave in enumerate(waves)]
        frames.append(Frame(pixels=np.clip(np.stack(planes, axis=-1), 0, 255).astype(np.uint8), index=index))
    return frames


def mesh(index: int) -> NDArray[np.float32]:
    """A face mesh in pixels of the model's picture that sways and opens its mouth; computed in integers."""
    landmark, sway = np.arange(LANDMARKS), abs(3 * index % 32 - 16)
    x, y = 80 + 37 * landmark % 97 + sway, 70 + 53 * landmark % 113 + sway // 2 * (landmark % 3)
    x[[33, 263]], y[[33, 263]] = (100 + sway, 156 + sway), (110, 112)
    return np.stack([x, y, 0 * x], axis=1).astype(np.float32)


def encode_stream(path: Path, model: "CodecModel") -> None:
    """Both shots as the library's encoder writes the golden of this name, each preceded by a little sound."""
    from bcdcodec.codec.encode.encoder import Encoder
    from bcdcodec.codec.encode.plan import EncodePlan
    from bcdcodec.codec.encode.references import PlannedPicture, ReferencePlan
    from bcdcodec.codec.encode.settings import EncodeSettings

    model = model_of(path, model)
    mode, coding = STREAMS[path.name]
    # One set of weights serves both codings: the choice is the encoder's alone.
    bits = 0 if coding is ContentCoding.LEVELS else PICTURE_BITS
    config = dataclasses.replace(model.config, content=dataclasses.replace(model.config.content, picture_bits=bits))
    model = dataclasses.replace(model, weights=dataclasses.replace(model.weights, config=config))
    settings = EncodeSettings(mode=mode, bitrate=None, seed=7, key_interval_s=KEY_INTERVAL_S, metadata=METADATA)
    plan = dataclasses.replace(EncodePlan.of_settings(model, settings), audio=AUDIO)
    if path.name == "gallery.bcd":
        pictures = {start: PlannedPicture(frame, number, drops) for start, (number, frame, drops) in PICTURES.items()}
        references = ReferencePlan(segments={0, SHOT_FRAMES[0]}, pictures=pictures, used=dict(NAMED))
        plan = dataclasses.replace(plan, packet_windows=1, references=references)
    encoder = Encoder(model, settings, plan)

    def found(frame: Frame, before: NDArray[np.float32] | None) -> NDArray[np.float32] | None:
        return mesh(frame.index) if coding is ContentCoding.FACE else None

    # No network finds a face in these frames, and none need be installed.
    with path.open("wb") as file, mock.patch("bcdcodec.codec.window.follow_landmarks", found):
        writer = StreamWriter(file)
        start = 0
        for shot, box in enumerate(BOXES):
            packets = encode_shot(encoder, shot_frames(shot, start), box)
            if not writer.offset:
                writer.write_header(encoder.header)
            sound = AudioPayload((SILENCE,) * 3).pack()
            for packet in [Packet(PacketKind.AUDIO, 0, 4 * start, sound), *packets]:
                writer.write(dataclasses.replace(packet, sequence=writer.next_sequence))
            start += SHOT_FRAMES[shot]
        writer.finish()


def encode_shot(encoder: "Encoder", frames: list[Frame], box: CropBox) -> list[Packet]:
    """All packets of one shot; the next frame starts a new one."""
    return [packet for frame in frames for packet in encoder.push(frame, box=box)] + encoder.new_shot()


def describe_stream(path: Path, weights: Path) -> dict[str, Any]:
    """Everything that the library reads from a stream, including all codes; does not load torch."""
    data = path.read_bytes()
    tables, config = Tables.from_file(weights), open_weights(weights).config
    with path.open("rb") as file:
        reader = StreamReader(file)
        header = reader.header
        coder = MotionCoder(header.coding.mode, tables.motion, Predictor.from_file(weights))
        packets = [_describe_packet(packet, coder, tables, config) for packet in reader]
    end = reader.end
    assert end is not None, "a stream that was read to its end has an END packet"
    return {
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "header": _describe_header(header, tables, config),
        "packets": packets,
        "motion_frames": end.motion_frames,
        "seek_points": [[point.tick, point.offset, point.content_offset] for point in end.seek_points],
    }


def _describe_header(header: StreamHeader, tables: Tables, config: ModelConfig) -> dict[str, Any]:
    assert header.audio is not None, "golden streams have sound"
    return {
        "model_id": header.model_id.hex(),
        "video": dataclasses.asdict(header.video),
        "coding": {**dataclasses.asdict(header.coding), "mode": int(header.coding.mode)},
        "audio": {**dataclasses.asdict(header.audio), "codec": int(header.audio.codec)},
        "metadata": header.metadata,
        "content": _describe_content(header.content, tables, config),
    }


def _describe_content(record: ContentRecord, tables: Tables, config: ModelConfig) -> dict[str, Any]:
    described = {
        "box": [record.x, record.y, record.size],
        "coding": int(record.coding),
        "data_bytes": len(record.data),
    }
    if record.number:
        described |= {"number": record.number, "drops": record.drops}
    if record.coding is ContentCoding.PICTURE:
        return described | {"picture_sha256": hashlib.sha256(record.data).hexdigest()}
    if record.coding is ContentCoding.FACE:
        coded, still = split_face(record.data)
        assert tables.landmarks is not None, "the golden weights have tables of landmarks"
        points = decode_landmarks(coded, tables.landmarks)
        return described | {
            "landmarks_sha256": hashlib.sha256(points.astype("<i4").tobytes()).hexdigest(),
            "picture_sha256": hashlib.sha256(still).hexdigest(),
        }
    denoiser = config.denoiser
    shape = (denoiser.channels, denoiser.resolution, denoiser.resolution)
    levels = decode_levels(record.data, shape, table=tables.content, max_level=config.content.max_level)
    return described | {"levels_sha256": hashlib.sha256(levels.astype(np.int8).tobytes()).hexdigest()}


def _describe_packet(packet: Packet, coder: MotionCoder, tables: Tables, config: ModelConfig) -> dict[str, Any]:
    found: dict[str, Any] = {
        "kind": int(packet.kind),
        "sequence": packet.sequence,
        "timestamp": packet.timestamp,
        "payload_bytes": len(packet.payload),
    }
    record = packet.record()
    if isinstance(record, ContentRecord):
        return found | _describe_content(record, tables, config)
    if isinstance(record, AudioPayload):
        return found | {"opus": [frame.hex() for frame in record.frames]}
    assert isinstance(record, MotionPayload), f"golden streams have no packets of kind {packet.kind}"
    codes = coder.decode(record.codes, record.frames)
    if record.reference:
        found["reference"] = record.reference
    return found | {"frames": record.frames, "key": record.key, "codes": codes.astype(np.uint8).tobytes().hex()}


def thumbnails(path: Path, model: "CodecModel") -> Bytes:
    """Every THUMBNAIL_STEP-th decoded frame as uint8 [n, THUMBNAIL_SIDE, THUMBNAIL_SIDE, 3], area averages."""
    from bcdcodec.codec.decode.decoder import Decoder

    with path.open("rb") as file:
        reader = StreamReader(file)
        decoder = Decoder(model_of(path, model), reader.header)
        frames = [frame for packet in reader for frame in decoder.push(packet)] + decoder.flush()
    pixels = np.stack([frame.pixels for frame in frames[::THUMBNAIL_STEP]]).astype(np.float64)
    part = pixels.shape[1] // THUMBNAIL_SIDE
    blocks = pixels.reshape(len(pixels), THUMBNAIL_SIDE, part, THUMBNAIL_SIDE, part, 3)
    small: Bytes = np.rint(blocks.mean(axis=(2, 4))).astype(np.uint8)
    return small


def machine_id() -> str:
    """Identity of a platform on which the encoder's bytes are reproducible: releases of torch and PyAV, processor."""
    import av
    import torch

    processors = Path("/proc/cpuinfo")
    lines = processors.read_text().splitlines() if processors.exists() else [platform.processor()]
    name = next((line for line in lines if line.startswith("model name")), lines[0] if lines else "")
    parts = (torch.__version__, av.__version__, torch.backends.cpu.get_cpu_capability(), platform.machine(), name)
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:16]


def regenerate(folder: Path, *, new_weights: bool) -> dict[str, Any]:
    """Write all golden files; returns their description."""
    import torch

    from bcdcodec.codec.model import CodecModel

    torch.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / WEIGHTS
    if new_weights or not weights.exists():
        write_weights(weights)
    if new_weights or not (folder / CONTEXT_WEIGHTS).exists():
        write_context_weights(folder / CONTEXT_WEIGHTS, weights)
    model = CodecModel.load(weights, device="cpu")
    for name in STREAMS:
        encode_stream(folder / name, model)
        np.save(folder / THUMBNAILS[name], thumbnails(folder / name, model), allow_pickle=False)
    description = {
        "bitstream_version": VERSION,
        "made_on": machine_id(),
        "weights": _describe_file(weights),
        "context_weights": _describe_file(folder / CONTEXT_WEIGHTS),
        "streams": {name: describe_stream(folder / name, folder / weights_of(name)) for name in STREAMS},
    }
    (folder / DESCRIPTION).write_text(json.dumps(description, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return description


def _describe_file(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, prog="regenerate_golden"
    )
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where to write (tests/data/golden)")
    parser.add_argument("--replace", action="store_true", help="overwrite goldens of the same bitstream version")
    parser.add_argument("--new-weights", action="store_true", help="make the weights again too")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    options = build_parser().parse_args(argv)
    present = options.folder / DESCRIPTION
    if present.exists() and not options.replace:
        version = json.loads(present.read_text(encoding="utf-8"))["bitstream_version"]
        if version == VERSION:
            print(f"{present} is of bitstream version {version} already; see --help, then --replace", file=sys.stderr)
            return 2
    try:
        description = regenerate(options.folder, new_weights=options.new_weights)
    except (BcdError, OSError) as error:
        print(f"regenerate_golden: {error}", file=sys.stderr)
        return 2
    for name, stream in description["streams"].items():
        print(f"{options.folder / name}: {stream['bytes']} bytes, {len(stream['packets'])} packets")
    print(f"{options.folder / WEIGHTS}: {description['weights']['bytes']} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
