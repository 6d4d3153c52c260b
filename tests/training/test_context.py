"""Code streams of a cache, the context model that learns from them, and the file that it ends in."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from bcdcodec.config import ModelConfig
from bcdcodec.entropy.predictor import Predictor
from bcdcodec.errors import ConfigError
from bcdcodec.model.bcd import Bcd
from bcdcodec.model.landmarks import normalize_displacements
from bcdcodec.model.weights import load_networks
from bcdcodec.training import commands
from bcdcodec.training.context import ContextNet, cost_bits, fit_context, list_frames
from bcdcodec.training.data.clips import ClipCache, still_frames
from bcdcodec.training.data.code_streams import CodeStream, read_streams
from bcdcodec.weightfile import open_weights

ENTRIES, PACKET = 8, 6


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def walks(seed: int, clips: int = 30) -> list[CodeStream]:
    """Codes that stay or move by one, the second half of the groups as the first half does."""
    rng = np.random.default_rng(seed)
    streams = []
    for clip in range(clips):
        steps = rng.integers(-1, 2, (14, 3))
        walk = np.clip(rng.integers(0, ENTRIES, (1, 3)) + steps.cumsum(0), 0, ENTRIES - 1)
        streams.append(CodeStream(f"p{clip % 5}", np.concatenate([walk, ENTRIES - 1 - walk], 1).astype(np.uint8)))
    return streams


def test_streams_are_what_the_networks_say(clip_cache: Path, tiny_config: ModelConfig, tiny_weights: Path) -> None:
    bcd = load_networks(open_weights(tiny_weights), torch.device("cpu")).bcd
    cache = ClipCache(clip_cache, tiny_config)
    streams = read_streams(bcd, cache, passes=2, seed=3)
    assert [stream.person for stream in streams] == 2 * [entry.person for entry in cache.entries]
    assert all(stream.codes.shape == (16, tiny_config.quantizer.groups) for stream in streams)
    again = read_streams(bcd, cache, passes=2, seed=3)
    assert all((a.codes == b.codes).all() for a, b in zip(streams, again, strict=True))
    entry, size = cache.entries[0], tiny_config.window_frames
    window = torch.from_numpy(cache.latents[entry.start : entry.start + size].astype(np.float32))[None]
    stills = cache.still_latents[entry.first_still : entry.first_still + entry.stills].astype(np.float32)
    faces = torch.from_numpy(cache.landmarks[entry.start : entry.start + entry.frames])[None]
    kept = still_frames(entry.frames)
    moved = [normalize_displacements(faces[:, :size], faces[:, frame]) for frame in kept]
    possible = [
        bcd.analyze(window, torch.from_numpy(still)[None], by)[0][0].numpy()
        for still, by in zip(stills, moved, strict=True)
    ]
    assert any((streams[0].codes[:size] == codes).all() for codes in possible)


def test_video_is_downsampled_before_it_is_encoded(clip_cache: Path, tiny_config: ModelConfig) -> None:
    """Every frame's code depends on its window, so codes of half of the frames are not half of the codes."""
    denoiser = replace(tiny_config.denoiser, warp_blocks=0, landmarks=0)
    config = replace(tiny_config, denoiser=denoiser, encoder=replace(tiny_config.encoder, seeded_queries=False))
    torch.manual_seed(0)
    bcd, cache = Bcd(config).eval(), ClipCache(clip_cache, config)
    plain, both = read_streams(bcd, cache), read_streams(bcd, cache, downsampled=True)
    assert all(stream.downsampled is None for stream in plain)
    entry, size = cache.entries[0], config.window_frames
    frames = torch.from_numpy(cache.latents[entry.start : entry.start + 2 * size : 2].astype(np.float32))
    content = torch.from_numpy(np.float32(both[0].content))[None]
    expected = bcd.analyze(frames[None], content)[0][0].numpy()
    assert both[0].downsampled is not None and both[0].downsampled.shape == (8, config.quantizer.groups)
    assert np.array_equal(both[0].downsampled[:size], expected)
    assert any(not np.array_equal(one.downsampled, one.codes[::2]) for one in both if one.downsampled is not None)
    assert all(np.array_equal(a.codes, b.codes) for a, b in zip(plain, both, strict=True))


def test_frames_start_afresh_in_every_packet() -> None:
    codes = np.arange(14, dtype=np.uint8)[:, None] % ENTRIES
    streams = [CodeStream("a", codes), CodeStream("b", codes[:2])]
    frames = list_frames(streams, packet_frames=PACKET, entries=ENTRIES)
    assert frames.now[:, 0].tolist() == [*codes[:, 0], 0, 1]
    assert frames.before[[0, 1, 5, 6, 7, 14], 0].tolist() == [ENTRIES, 0, 4, ENTRIES, 6, ENTRIES]
    assert frames.before2[[0, 1, 2, 6, 7, 8], 0].tolist() == [ENTRIES, ENTRIES, 0, ENTRIES, ENTRIES, 6]
    assert frames.weight.sum() == pytest.approx(1) and frames.weight[14] > frames.weight[0]


def test_the_network_costs_what_its_integers_cost() -> None:
    streams = walks(0)
    frames = list_frames(streams, packet_frames=PACKET, entries=ENTRIES)
    torch.manual_seed(0)
    net = ContextNet(frames, entries=ENTRIES, hidden=16).eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
        inputs = [torch.from_numpy(codes) for codes in (frames.now, frames.before, frames.before2)]
        bits = float(net(*inputs).sum())
    packets = [packet for stream in streams for packet in stream.packets(PACKET)]
    assert cost_bits(packets, net.predictor()) == pytest.approx(bits, rel=2e-3)


def test_it_learns_what_follows_from_what() -> None:
    predictor = fit_context(walks(1), entries=ENTRIES, packet_frames=PACKET, updates=120)
    held_out = walks(2)
    packets = [packet for stream in held_out for packet in stream.packets(PACKET)]
    frames = sum(len(packet) for packet in packets)
    # Packed 18 bits; three walks of about log2(3) bits and three groups that follow from them would be 5.
    assert cost_bits(packets, predictor) / frames < 9
    again = fit_context(walks(1), entries=ENTRIES, packet_frames=PACKET, updates=120)
    assert all((a == b).all() for a, b in zip(predictor.tensors().values(), again.tensors().values(), strict=True))


def test_nothing_to_learn_from_is_refused() -> None:
    with pytest.raises(ConfigError, match="no code stream"):
        fit_context([], entries=ENTRIES, packet_frames=PACKET, updates=1)


def test_the_command_adds_a_context_model_and_changes_nothing_else(
    clip_cache: Path, tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "cache_clips", lambda *places, **names: None)
    out, seen = tmp_path / "out.safetensors", []
    found = commands.run_context_training(
        tiny_weights, tmp_path, out, run=clip_cache.parent, updates=5, progress=lambda *report: seen.append(report)
    )
    assert {stage for stage, _, _ in seen} == {"codes", "updates"} and seen[-1] == ("updates", 5, 5)
    assert found.table_bits > 0 and found.context_bits > 0
    before, after = load_file(tiny_weights), load_file(out)
    assert all(torch.equal(before[name], after[name]) for name in before)
    predictor = Predictor.from_file(out)
    assert predictor is not None and set(after) - set(before) == set(predictor.tensors())
    assert open_weights(out).config == open_weights(tiny_weights).config
    assert open_weights(out).model_id != open_weights(tiny_weights).model_id
