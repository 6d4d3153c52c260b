"""Weights files: the shipped ones keep their ids and their results; names of former releases are still read."""

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from bcdcodec.config import ModelConfig
from bcdcodec.errors import ConfigError, WeightsError
from bcdcodec.model.bcd import Bcd, reconstruct
from bcdcodec.model.content import Content
from bcdcodec.model.noise import stream_noise
from bcdcodec.model.vae import Vae
from bcdcodec.model.weights import Networks, load_networks, save_networks
from bcdcodec.weightfile import RENAMED_KEYS, RENAMED_MODULES, find_file, open_weights, read_tensors

ROOT = Path(__file__).parents[2]
CPU = torch.device("cpu")


class Moments(NamedTuple):
    """Mean and standard deviation of a tensor; they change only with what the networks compute, not with names."""

    mean: float
    std: float

    def check(self, tensor: torch.Tensor, *, rel: float = 1e-4) -> None:
        tensor = tensor.double()
        assert float(tensor.mean()) == pytest.approx(self.mean, rel=rel, abs=1e-5)
        assert float(tensor.std()) == pytest.approx(self.std, rel=rel)


#: Model id, and moments of the quantiser's distances and of the decoded pictures of `run`.
CODECS = {
    "bcdcodec/weights/face-v8.safetensors": (
        "bad3dbced79f331c176e94c2ef714337",
        Moments(426.3092065, 2513.1415534),
        Moments(-0.2737937, 0.2289539),
    ),
    "bcdcodec/weights/face-bcd-v2.safetensors": (
        "151a43958d47c366dbe7882448d0ed7c",
        Moments(7.3326449, 2.6250518),
        Moments(-0.2395988, 0.2449779),
    ),
    "bcdcodec/weights/sprites-tiny-v2.safetensors": (
        "cf177264e94ab29655f7cad91992f1c5",
        Moments(32.029824, 9.2677515),
        Moments(-0.8487463, 0.3563867),
    ),
    "tests/data/golden/tiny.safetensors": (
        "380794d7c8851664e19010bb6019895e",
        Moments(11.0507217, 15.1449088),
        Moments(0.3073064, 3.4814566),
    ),
}
#: First half of the hash of every other shipped file.
OTHERS = {
    "bcdcodec/weights/motion-v5.safetensors": "ff89dcdd9da2efe76501e22119b968c8",
    "bcdcodec/sprites/judge-v2.safetensors": "fd6074e922a0c7dd5ae0c9d8444b9882",
    "bcdcodec/evaluation/face3d/head-v1.safetensors": "9163ead749e4d31fb310f72837af3344",
    "tests/data/golden/context.safetensors": "3a04887d66f3b9042f122f8154111efa",
}


@torch.inference_mode()
def run(networks: Networks, config: ModelConfig) -> tuple[torch.Tensor, torch.Tensor]:
    """Distances and decoded pictures of four frames of noise."""
    bcd, vae, denoiser = networks.bcd, networks.vae, config.denoiser
    z = stream_noise(1, (1, 4, denoiser.channels, denoiser.resolution, denoiser.resolution))
    content = bcd.encoder.content(z)
    picture = None if vae is None else vae.decode(content).clamp(-1, 1)
    codes, distances = bcd.analyze(z, content)
    sampling = config.sampling["standard"]
    if bcd.picture_denoiser is not None:
        side = config.pixels
        noise = stream_noise(2, (1, 4, 3, side, side))
        painted = bcd.paint(Content(content, picture), bcd.quantizer.lookup(codes), noise, sampling)
        return distances, painted[0]
    made = bcd.synthesize(
        Content(content, picture), bcd.quantizer.lookup(codes), stream_noise(2, tuple(z.shape)), sampling, vae=vae
    )
    return distances, reconstruct(made.latents[0], made.reference.of_clip(0), vae)


@pytest.mark.parametrize("name", CODECS)
def test_shipped_models_keep_their_id_and_their_results(name: str) -> None:
    model_id, expected_distances, expected_pictures = CODECS[name]
    weights = open_weights(ROOT / name)
    assert weights.model_id.hex() == model_id
    distances, pictures = run(load_networks(weights, CPU), weights.config)
    expected_distances.check(distances)
    expected_pictures.check(pictures, rel=1e-3)  # another number of threads may choose another of two near codes


@pytest.mark.parametrize("name", OTHERS)
def test_other_shipped_files_keep_their_bytes(name: str) -> None:
    assert hashlib.sha256((ROOT / name).read_bytes()).hexdigest()[:32] == OTHERS[name]


def test_a_name_is_of_its_last_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not of longer names that begin with it."""
    monkeypatch.setenv("BCD_WEIGHTS", str(tmp_path))
    for name in ("face-bcd-v1", "face-bcd", "other-v2", "other-v10", "other-face"):
        (tmp_path / f"{name}.safetensors").touch()
    assert find_file("face-bcd").name == "face-bcd.safetensors"  # the exact name before its versions
    assert find_file("other").name == "other-v10.safetensors"
    assert find_file("face").parent == ROOT / "bcdcodec/weights" and find_file("face").name.startswith("face-v")
    with pytest.raises(WeightsError, match="no weights named 'oth'"):
        find_file("oth")


def saved(config: ModelConfig, path: Path) -> Networks:
    assert config.vae is not None
    networks = Networks(Bcd(config), Vae(config.vae))
    save_networks(path, networks, config=config, tables={})
    return networks


def with_former_names(path: Path) -> Path:
    """The same weights under the names of former releases."""
    with safe_open(path, framework="pt") as file:
        config, tensors = file.metadata()["config"], {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    for old, new in RENAMED_MODULES.items():
        tensors = {
            old + name.removeprefix(new) if name.startswith(new) else name: value for name, value in tensors.items()
        }
    for old, new in RENAMED_KEYS.items():
        assert f'"{new}"' in config
        config = config.replace(f'"{new}"', f'"{old}"')
    former = path.with_name("former.safetensors")
    save_file(tensors, former, metadata={"config": config})
    return former


def test_former_names_are_read_and_current_ones_written(tiny_config: ModelConfig, tmp_path: Path) -> None:
    path = tmp_path / "current.safetensors"
    torch.manual_seed(0)
    saved(tiny_config, path)
    former = with_former_names(path)
    with safe_open(former, framework="pt") as file:
        assert any(name.startswith("bcd.anchor.") for name in file.keys())  # noqa: SIM118
        assert json.loads(file.metadata()["config"])["denoiser"]["face_points"] == tiny_config.denoiser.landmarks
    with safe_open(path, framework="pt") as file:
        assert not any(name.startswith(tuple(RENAMED_MODULES)) for name in file.keys())  # noqa: SIM118
    assert open_weights(former).config == open_weights(path).config == tiny_config
    states = [load_networks(open_weights(each), CPU).bcd.state_dict() for each in (path, former)]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_files_that_do_not_fit_are_refused(tiny_config: ModelConfig, tmp_path: Path) -> None:
    path = tmp_path / "tiny.safetensors"
    saved(tiny_config, path)
    tensors = {f"bcd.{name}": value for name, value in read_tensors(path, prefix="bcd.", framework="pt").items()}
    for changed in (
        {name: value for name, value in tensors.items() if not name.startswith("bcd.dit.final.")},
        tensors | {"bcd.more": torch.zeros(1)},
        tensors | {"bcd.dit.no_motion": torch.zeros(3)},
    ):
        save_file(changed, path, metadata={"config": tiny_config.to_json()})
        with pytest.raises(WeightsError, match="does not fit its own configuration"):
            load_networks(open_weights(path), CPU)


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "no_config"])
def test_other_files_are_refused(tiny_config: ModelConfig, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "tiny.safetensors"
    saved(tiny_config, path)
    whole = path.read_bytes()
    if damage == "no_config":
        save_file({"bcd.x": torch.zeros(1)}, path)
    else:
        path.write_bytes({"empty": b"", "text": b"not weights" * 9, "cut": whole[: len(whole) // 2]}[damage])
    with pytest.raises(WeightsError, match="is not a bcdcodec weights file"):
        open_weights(path)
    if damage != "no_config":
        with pytest.raises(WeightsError, match="cannot read weights"):
            read_tensors(path, prefix="bcd.")
    with pytest.raises(WeightsError, match="cannot read weights"):
        open_weights(tmp_path / "missing.safetensors")


@pytest.mark.parametrize(
    ("config", "message"), [("{", "not JSON"), ("{}", "missing"), ('{"pixel": 1}', "unknown keys")]
)
def test_broken_configurations_are_refused(tmp_path: Path, config: str, message: str) -> None:
    path = tmp_path / "tiny.safetensors"
    save_file({"bcd.x": torch.zeros(1)}, path, metadata={"config": config})
    with pytest.raises(ConfigError, match=message):
        open_weights(path)
