"""Packed training pairs: excerpts of many clips in files of bounded size, made by several processes.

A part is a function of the seed and its number alone, so that an interrupted packing goes on after its last part.
"""

from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from bcdcodec.codec.model import CodecModel
from bcdcodec.denoiser.pairs import Pairs, make_pairs
from bcdcodec.errors import ConfigError
from bcdcodec.model.tensors import save_tensors
from bcdcodec.pool import map_unordered
from bcdcodec.training.data.cache import read_manifest

#: Excerpts of a part, of about 2 MB each.
PART_EXCERPTS = 24
#: Clips that are tried for each excerpt, at most: some are too short, or show no face in every frame.
MAX_TRIES = 20


def part_path(folder: Path, index: int) -> Path:
    """The file of a part."""
    return folder / f"pairs-{index:05d}.safetensors"


def find_parts(folder: Path) -> list[Path]:
    """The parts of a folder in order; ConfigError where there are none."""
    parts = sorted(folder.glob("pairs-*.safetensors"))
    if not parts:
        raise ConfigError(f"{folder} has no parts of pairs; make them with `bcd data pairs`")
    return parts


def pack_pairs(
    clips: Path,
    folder: Path,
    *,
    weights: str | Path,
    excerpts: int,
    seed: int = 0,
    workers: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Make the parts that a folder lacks; what is there stays.

    clips: folder with clips.csv; excerpts: rounded up to whole parts. Raises ConfigError, MissingExtraError.
    """
    read_manifest(clips)
    folder.mkdir(parents=True, exist_ok=True)
    parts = -(-excerpts // PART_EXCERPTS)
    missing = [index for index in range(parts) if not part_path(folder, index).exists()]
    done = parts - len(missing)
    make = partial(_make_part, clips=clips, folder=folder, seed=seed)
    for _ in map_unordered(make, missing, workers=workers, setup=_setup_worker, arguments=(weights,)):
        done += 1
        progress(done * PART_EXCERPTS, parts * PART_EXCERPTS)


_model: CodecModel


def _setup_worker(weights: str | Path) -> None:
    global _model
    torch.set_num_threads(1)
    _model = CodecModel.load(weights, device="cpu")


def _make_part(index: int, *, clips: Path, folder: Path, seed: int) -> None:
    """Draw the clips of a part, people weighted by the square root of their number of clips."""
    manifest = read_manifest(clips)
    people = Counter(person for _, person in manifest)
    weight = np.array([people[person] ** -0.5 for _, person in manifest])
    rng = np.random.default_rng((seed, index))
    made = list[Pairs]()
    for _ in range(MAX_TRIES * PART_EXCERPTS):
        clip, _ = manifest[int(rng.choice(len(manifest), p=weight / weight.sum()))]
        pairs = make_pairs(_model, clips / clip, rng)
        if pairs is not None:
            made.append(pairs)
        if len(made) == PART_EXCERPTS:
            break
    if not made:
        raise ConfigError(f"{clips} has no clip with a face in every frame that pairs could be made of")
    save_pairs(part_path(folder, index), Pairs.joined(made))


def save_pairs(path: Path, pairs: Pairs) -> None:
    """Write a part."""
    save_tensors(path, {name: getattr(pairs, name) for name in Pairs.__slots__})


def read_pairs(path: Path) -> Pairs:
    """Read a part; ConfigError where it is none."""
    try:
        tensors = load_file(path)
        return Pairs(**{name: tensors[name] for name in Pairs.__slots__})
    except (OSError, SafetensorError, KeyError) as error:
        raise ConfigError(f"{path} is no part of training pairs: {error}") from error
