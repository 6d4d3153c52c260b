"""Clip cache: every clip of a folder encoded once, for training (training/data/clips.py).

The folder has a clips.csv with the columns `clip` and `person`.
"""

import csv
import hashlib
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn

from bcdcodec.atomic import write_text
from bcdcodec.config import ModelConfig
from bcdcodec.errors import ConfigError
from bcdcodec.model.warp import Autoencoder
from bcdcodec.pool import map_ordered
from bcdcodec.training.data.prepared import PreparedClip, Source, excerpt_frames, prepare
from bcdcodec.training.data.shards import SHARD_CLIPS, ShardWriter, find_shards, shard_path
from bcdcodec.training.run.sharding import SINGLE_PROCESS, ProcessShard

#: Arrays of a cache, and those that only a model with a warper is trained on.
FRAMES, FACES = ("latents.f16",), ("thumbnails.u8", "landmarks.f32", "stills.u8", "still_latents.f16")
COLUMNS = ("clip", "person", "frames", "stills")
MADE_WITH = "made_with.txt"
CPU = torch.device("cpu")
#: (clips done, clips in all)
Progress = Callable[[int, int], None]


def read_manifest(folder: Path) -> list[tuple[str, str]]:
    """Rows of clips.csv: (clip, person)."""
    path = folder / "clips.csv"
    if not path.exists():
        raise ConfigError(f"{folder} has no clips.csv with the columns clip and person")
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows or not {"clip", "person"} <= set(rows[0]):
        raise ConfigError(f"{path} needs at least one row, and the columns clip and person")
    return [(row["clip"], row["person"]) for row in rows]


def manifest_digest(manifest: list[tuple[str, str]]) -> str:
    """Digest of a list of clips, 8 hexadecimal digits."""
    return hashlib.sha256(repr(manifest).encode()).hexdigest()[:8]


def choose_excerpts(folder: Path, count: int, seed: int) -> list[Source]:
    """Draw `count` excerpts of random clips.

    People are weighted by the square root of their number of clips.
    """
    manifest = read_manifest(folder)
    people = Counter(person for _, person in manifest)
    weight = np.array([people[person] ** -0.5 for _, person in manifest])
    chosen = np.random.default_rng(seed).choice(len(manifest), count, p=weight / weight.sum())
    return [_source(folder, *manifest[row], excerpt=(seed, index)) for index, row in enumerate(chosen)]


def _source(folder: Path, clip: str, person: str, *, excerpt: tuple[int, int] | None = None) -> Source:
    return Source(folder / clip, clip, person, excerpt)


def cache_clips(
    folder: Path,
    out: Path,
    *,
    vae: Autoencoder | None,
    config: ModelConfig,
    progress: Progress,
    excerpts: int = 0,
    seed: int = 0,
    workers: int = 1,
    share: ProcessShard = SINGLE_PROCESS,
    device: torch.device = CPU,
) -> None:
    """Encode every clip once into `out`, or `excerpts` augmented excerpts of them.

    The layout is in training/data/clips.py. A complete cache returns at once, an interrupted one makes the missing
    shards. share: whose shards are made, of processes that need not know of each other; progress is of these shards.
    workers: processes of this one; the files do not depend on their number, nor on that of the shares. device: of the
    autoencoder. MissingExtraError where faces are needed and their mesh is not installed, ConfigError if the cache is
    of another model, or of other clips or excerpts, BcdError where a worker is killed.
    """
    manifest = read_manifest(folder)
    sources = [_source(folder, clip, person) for clip, person in manifest]
    if excerpts:
        sources = choose_excerpts(folder, excerpts, seed)
    mark = check_cache(folder, out, vae=vae, config=config, excerpts=excerpts, seed=seed)
    if not (out / MADE_WITH).exists():
        out.mkdir(parents=True, exist_ok=True)
        write_text(out / MADE_WITH, mark)
    if is_cached(out):
        return
    own = {
        index: sources[index * SHARD_CLIPS : (index + 1) * SHARD_CLIPS]
        for index in share.numbers(-(-len(sources) // SHARD_CLIPS))
    }
    missing = {index: clips for index, clips in own.items() if not shard_path(out, index).is_dir()}
    total, left = (sum(map(len, shards.values())) for shards in (own, missing))
    names = FRAMES + (FACES if config.denoiser.warp_blocks else ())
    prepared = _prepare_all([*itertools.chain(*missing.values())], vae, config, workers, device)
    for index, clips in missing.items():
        with ShardWriter(out, index, names=names, columns=COLUMNS) as shard:
            for source in clips:
                clip = next(prepared)
                stills = 0 if clip.stills is None else len(clip.stills)
                arrays = {name: getattr(clip, name.partition(".")[0]) for name in names}
                shard.append(arrays, (source.name, source.person, len(clip.latents), stills))
                left -= 1
                progress(total - left, total)


def check_cache(
    folder: Path, out: Path, *, vae: Autoencoder | None, config: ModelConfig, excerpts: int = 0, seed: int = 0
) -> str:
    """The mark of the cache that `cache_clips` would make; ConfigError where `out` has another one."""
    manifest = read_manifest(folder)
    pieces = f"{len(manifest)} whole clips"
    if excerpts:
        pieces = f"{excerpts} excerpts of {excerpt_frames(config)} frames, seed {seed}"
    mark = cache_mark(vae, config, pieces, manifest)
    if (out / MADE_WITH).exists():
        _check_mark(out, mark)
    return mark


def cache_mark(vae: Autoencoder | None, config: ModelConfig, pieces: str, manifest: list[tuple[str, str]]) -> str:
    """Text of MADE_WITH: a fingerprint of the model, and in the second line how many pieces of which clips."""
    return f"{_fingerprint(vae, config)}\n{pieces}, list {manifest_digest(manifest)}\n"


def cached_pieces(out: Path) -> int:
    """Number of clips or excerpts that a cache holds when it is complete; ConfigError where there is none."""
    try:
        return int((out / MADE_WITH).read_text().splitlines()[1].partition(" ")[0])
    except (OSError, IndexError, ValueError):
        raise ConfigError(f"{out} is no cache of clips; make one with `bcd data cache`") from None


def is_cached(out: Path) -> bool:
    """Whether a cache is complete; False for caches of releases before shards."""
    try:
        return len(find_shards(out)) * SHARD_CLIPS >= cached_pieces(out)
    except ConfigError:
        return False


def check_made_cache(out: Path, *, vae: Autoencoder | None, config: ModelConfig, whole: bool = False) -> None:
    """ConfigError unless `out` is a complete cache for this model, whatever its clips.

    whole: and of clips as they are, not of augmented excerpts.
    """
    pieces = cached_pieces(out)
    text = (out / MADE_WITH).read_text()
    if text.partition("\n")[0] != _fingerprint(vae, config):
        raise ConfigError(f"{out} was made with another autoencoder or preset; make another cache for this run")
    if not is_cached(out):
        shards = -(-pieces // SHARD_CLIPS)
        raise ConfigError(f"{out} is not complete, it needs {shards} shards; run the same `bcd data cache` again")
    if whole and " whole clips, " not in text:
        raise ConfigError(f"{out} holds augmented excerpts, needed are clips as they are")


def _check_mark(out: Path, wanted: str) -> None:
    """ConfigError where a cache is of something else."""
    written = (out / MADE_WITH).read_text()
    if written.count(", list ") != 1:
        raise ConfigError(f"{out} was made by an earlier release; delete it and start again")
    if written.partition("\n")[0] != wanted.partition("\n")[0]:
        raise ConfigError(f"{out} was made with another autoencoder or preset; delete it and start again")
    if written != wanted:
        holds, asked = (text.partition("\n")[2].strip() for text in (written, wanted))
        raise ConfigError(f"{out} holds {holds}, asked for are {asked}; ask for the same, or take another run")


def _prepare_all(
    sources: list[Source], vae: Autoencoder | None, config: ModelConfig, workers: int, device: torch.device
) -> Iterator[PreparedClip]:
    """Prepared clips in the order of `sources`."""
    if workers == 1:
        _move(vae, device)
        yield from (prepare(source, vae=vae, config=config) for source in sources)
    else:
        yield from map_ordered(
            _prepare_in_worker, sources, workers=workers, setup=_setup_worker, arguments=(vae, config, device)
        )


_worker: tuple[Autoencoder | None, ModelConfig]


def _setup_worker(vae: Autoencoder | None, config: ModelConfig, device: torch.device) -> None:
    """Keep the autoencoder in the process: it is much larger than a clip."""
    global _worker
    _worker = vae, config
    torch.set_num_threads(1)
    _move(vae, device)


def _move(vae: Autoencoder | None, device: torch.device) -> None:
    if isinstance(vae, nn.Module):
        vae.to(device)


def _prepare_in_worker(source: Source) -> PreparedClip:
    vae, config = _worker
    return prepare(source, vae=vae, config=config)


def _fingerprint(vae: Autoencoder | None, config: ModelConfig) -> str:
    """Inputs of the cached arrays beside the clips."""
    digest = hashlib.sha256()
    if isinstance(vae, nn.Module):
        for value in vae.state_dict().values():
            digest.update(value.cpu().numpy().tobytes())
    known = (config.pixels, config.frame_rate, config.content.picture_bits, config.denoiser.warp_blocks > 0)
    return f"{known} autoencoder {digest.hexdigest()}"
