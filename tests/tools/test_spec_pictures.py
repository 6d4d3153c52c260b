"""Section 10 of bitstream_spec.md, written a second time from that text alone, against the decoder."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from grid_kit import philox_words, spec_noise
from landmark_kit import synthetic_face
from latent_kit import LatentModel
from numpy.typing import NDArray
from picture_kit import PictureModel

from bcdcodec.bitstream.face import join_face, split_face
from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import MotionPayload, Packet, PacketKind
from bcdcodec.bitstream.records import CodingInfo, CodingMode, ContentCoding, ContentRecord, VideoInfo
from bcdcodec.codec.decode.decoder import Decoder
from bcdcodec.codec.decode.settings import DecodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.config import SamplingConfig
from bcdcodec.entropy.landmarks import SUBPIXELS, decode_landmarks, encode_landmarks
from bcdcodec.entropy.packed import pack_codes
from bcdcodec.model.noise import stream_noise
from bcdcodec.video.still import decode_still, encode_still

ROOT = Path(__file__).parents[2]
SPEC = (ROOT / "bitstream_spec.md").read_text(encoding="utf-8")
TRIANGLES = np.load(ROOT / "bcdcodec/model/triangles.npy", allow_pickle=False)
#: Levels of 255 by which two decoders may differ: each rounds its floats.
ROUNDING = 2
NOISE_ROWS = re.findall(r"^\| (\d+) \| ([0-9a-f]{16}) \| ([-\d. ]+) \|$", SPEC, re.MULTILINE)
#: Decimals of the noise in the text.
DECIMALS = 7


@pytest.mark.parametrize(("seed", "word", "numbers"), NOISE_ROWS)
def test_noise_is_the_one_of_the_spec(seed: str, word: str, numbers: str) -> None:
    frozen = [float(number) for number in numbers.split()]
    assert philox_words(int(seed), 1) == [int(word, 16)]
    for noise in (spec_noise(int(seed), len(frozen)), stream_noise(int(seed), (len(frozen),)).numpy()):
        assert np.abs(noise - frozen).max() <= 0.6 * 10**-DECIMALS


def test_noise_table_is_read() -> None:
    assert len(NOISE_ROWS) == 3


@pytest.mark.parametrize("count", [1, 2, 1001])
def test_noise_fills_an_array_in_order(count: int) -> None:
    np.testing.assert_allclose(spec_noise(11, count), stream_noise(11, (count,)).numpy(), rtol=1e-6)


def picture(side: int) -> NDArray[np.uint8]:
    y, x = np.mgrid[:side, :side]
    planes = (x // 2 + y // 3, 128 + 60 * np.sin(y / 7), 128 + 60 * np.cos((x + y) / 11))
    return np.stack(planes, -1).clip(0, 255).astype(np.uint8)


def face_record(
    model: CodecModel, *, number: int = 0, roll: float = 0.2, face: NDArray[np.float64] | None = None
) -> ContentRecord:
    """A reference with a face at rest, or one with the landmarks `face`, as fractions of the picture."""
    tables = model.tables.landmarks
    assert tables is not None
    shown = picture(model.config.pixels)
    still = encode_still(255 - shown if number else shown, budget_bits=20_000, fast=True)
    levels = (0,) * len(tables.basis)
    points = synthetic_face(tables, levels=levels, size=55, roll=roll) if face is None else face * len(shown)
    landmarks = encode_landmarks(points, tables)
    data = join_face(landmarks, still)
    return ContentRecord(x=0, y=0, size=200, coding=ContentCoding.FACE, data=data, number=number)


def header_of(model: CodecModel, record: ContentRecord, *, rate_num: int = 25, rate_den: int = 2) -> StreamHeader:
    quantizer, side = model.config.quantizer, model.config.pixels
    coding = CodingInfo(
        mode=CodingMode.PACKED,
        groups=quantizer.groups,
        bits_per_code=quantizer.bits_per_code,
        seed=99,
        window_frames=3,
        context_frames=1,
    )
    video = VideoInfo(width=640, height=480, model_pixels=side, rate_num=rate_num, rate_den=rate_den, cropped=True)
    return StreamHeader(model_id=model.weights.model_id, video=video, coding=coding, content=record)


def motion_packet(codes: NDArray[np.int64], bits: int) -> Packet:
    payload = MotionPayload(len(codes), True, pack_codes(codes, bits=bits)).pack()
    return Packet(PacketKind.MOTION, 0, 0, payload)


def reference_of(model: CodecModel, record: ContentRecord) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Still of a record, and its landmarks as fractions of the picture."""
    landmarks, still = split_face(record.data)
    assert model.tables.landmarks is not None
    points = decode_landmarks(landmarks, model.tables.landmarks)
    return decode_still(still), points / (SUBPIXELS * model.config.pixels)


@pytest.fixture(scope="module")
def painter() -> CodecModel:
    torch.set_num_threads(1)
    return CodecModel.load("face", device="cpu")


def test_painted_frames_are_those_of_the_spec(painter: CodecModel) -> None:
    record, source = face_record(painter), np.random.default_rng(3)
    spec = PictureModel(painter.weights.path, SPEC, TRIANGLES)
    book = spec.tensors["bcd.quantizer.codebook"]
    codes = np.tile(np.linalg.norm(book, axis=2).argmin(1), (2, 1))
    codes[1, :20] = source.integers(0, 32, 20)
    # Half of the model's frame rate, so that a frame is made between the two.
    decoder = Decoder(painter, header_of(painter, record, rate_den=4))
    frames = decoder.push(motion_packet(codes, painter.config.quantizer.bits_per_code))
    assert [frame.index for frame in frames] == [0, 1, 2]
    first, second = (spec.motion(one) for one in codes)
    still, face = reference_of(painter, record)
    noise = spec_noise(99, still.size).reshape(3, *still.shape[:2])
    for frame, m in zip(frames[1:], (first + 0.5 * (second - first), second), strict=True):
        painted = spec.paint(m, still, face, noise)
        assert np.abs(frame.pixels.astype(int) - painted).max() <= ROUNDING
    assert np.abs(frames[2].pixels.astype(int) - still).mean() > 5, "the face moves"


def test_frames_mended_from_another_reference_are_those_of_the_spec(painter: CodecModel) -> None:
    """Of two others the nearer face counts: the one named is stretched by strong codes, and another has that pose."""
    record = face_record(painter)
    spec = PictureModel(painter.weights.path, SPEC, TRIANGLES)
    book = spec.tensors["bcd.quantizer.codebook"]
    norms = np.linalg.norm(book, axis=2)
    codes = norms.argmin(1)[None]
    codes[0, :3] = norms[:3].argmax(1)
    turned = spec.positions(spec.motion(codes[0]), reference_of(painter, record)[1])
    added = [face_record(painter, number=1, roll=-0.4), face_record(painter, number=2, face=turned)]
    decoder, plain = (Decoder(painter, header_of(painter, record)) for _ in range(2))
    for sequence, addition in enumerate(added):
        assert decoder.push(Packet(PacketKind.CONTENT, sequence, 0, addition.pack())) == []
    packet = motion_packet(codes, painter.config.quantizer.bits_per_code)
    (frame,) = decoder.push(dataclasses.replace(packet, sequence=2))
    (still, face), *others = (reference_of(painter, each) for each in (record, *added))
    noise = spec_noise(99, still.size).reshape(3, *still.shape[:2])
    painted = spec.paint(spec.motion(codes[0]), still, face, noise, others=others)
    assert np.abs(frame.pixels.astype(int) - painted).max() <= ROUNDING
    (alone,) = plain.push(packet)
    assert (np.abs(frame.pixels.astype(int) - alone.pixels) > ROUNDING).mean() > 0.01, "something was mended"


def test_sampling_in_several_steps_is_that_of_the_spec(painter: CodecModel) -> None:
    record = face_record(painter)
    spec = PictureModel(painter.weights.path, SPEC, TRIANGLES)
    codes = np.random.default_rng(4).integers(0, 32, (1, 64))
    sampling = SamplingConfig(steps=2, guidance=1.0, sigma_min=0.1, sigma_max=0.6, noise=0.4)
    spec.config["sampling"]["standard"] = dataclasses.asdict(sampling)
    decoder = Decoder(painter, header_of(painter, record), DecodeSettings(sampling=sampling))
    (frame,) = decoder.push(motion_packet(codes, 5))
    still, face = reference_of(painter, record)
    painted = spec.paint(spec.motion(codes[0]), still, face, spec_noise(99, still.size).reshape(3, *still.shape[:2]))
    assert np.abs(frame.pixels.astype(int) - painted).max() <= ROUNDING


def test_lids_and_landmarks_are_those_of_the_spec(painter: CodecModel) -> None:
    _, face = reference_of(painter, face_record(painter))
    spec = PictureModel(painter.weights.path, SPEC, TRIANGLES)
    codes = np.random.default_rng(5).integers(0, 32, (100, 64))
    m_hat = painter.bcd.quantizer.lookup(torch.from_numpy(codes)[None])
    with torch.inference_mode():
        moved = painter.bcd.landmark_positions(m_hat, torch.from_numpy(face).float()[None])[0].numpy()
    for row, positions in zip(codes, moved, strict=True):
        np.testing.assert_allclose(positions, spec.positions(spec.motion(row), face), atol=1e-5)


def test_windows_of_denoised_latents_are_those_of_the_spec() -> None:
    torch.set_num_threads(1)
    model = CodecModel.load(ROOT / "tests/data/golden/tiny.safetensors", device="cpu")
    record = face_record(model)
    spec = LatentModel(model.weights.path, SPEC, TRIANGLES)
    codes = np.random.default_rng(6).integers(0, 8, (3, 5))
    frames = Decoder(model, header_of(model, record)).push(motion_packet(codes, 3))
    still, face = reference_of(model, record)
    m = np.stack([spec.motion(row) for row in codes])
    warps = [spec.guides(one, still, face)["warp"] for one in m]
    starts = np.stack([spec.encode(warp) for warp in warps])
    noise = spec_noise(99, starts[0].size).reshape(starts[0].shape)
    # Windows of two new frames, the second with one frame of context.
    latents = spec.window(m[:2], starts[:2], noise, None)
    context = latents[1:], starts[1:2], m[1:2]
    latents = np.concatenate([latents, spec.window(m[2:], starts[2:], noise, context)])
    for frame, z, warp in zip(frames, latents, warps, strict=True):
        assert np.abs(frame.pixels.astype(int) - spec.picture(z, warp)).max() <= ROUNDING
