"""Code streams as training data: a file of them, and batches.

Every batch is a function of (seed, step) alone, so a resumed run sees the same data.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from torch import Tensor

from bcdcodec.errors import ConfigError
from bcdcodec.model.tensors import save_tensors
from bcdcodec.training.data.code_streams import CodeStream

#: One person in twelve is held out, at least one.
PEOPLE_TO_ONE_HELD_OUT = 12
#: Length in frames up to which a clip is weighted by its length.
LONG_CLIP = 75


@dataclass(frozen=True, slots=True)
class MotionBatch:
    """Padded code sequences. content: [B, C, H, W]; codes: int64 [B, T, G], zero in the padding; valid: bool [B, T]."""

    content: Tensor
    codes: Tensor
    valid: Tensor


def save_streams(path: Path, streams: list[CodeStream]) -> None:
    """Write streams with their content maps, and landmarks where they have them, as one safetensors file.

    ConfigError without frames or content.
    """
    contents = [stream.content for stream in streams if stream.content is not None]
    if not contents or len(contents) < len(streams):
        raise ConfigError(f"{len(contents)} of {len(streams)} code streams have content, all need it, at least one")
    tensors = {
        "codes": torch.from_numpy(np.concatenate([stream.codes for stream in streams])),
        "frames": torch.tensor([len(stream.codes) for stream in streams]),
        "content": torch.from_numpy(np.stack(contents)),
    }
    downsampled = [stream.downsampled for stream in streams]
    if any(codes is not None for codes in downsampled):
        given = [codes for codes in downsampled if codes is not None]
        tensors["downsampled"] = torch.from_numpy(np.concatenate(given))
        tensors["downsampled_frames"] = torch.tensor([0 if codes is None else len(codes) for codes in downsampled])
    landmarks = [stream.landmarks for stream in streams if stream.landmarks is not None]
    if len(landmarks) == len(streams):
        tensors["landmarks"] = torch.from_numpy(np.stack(landmarks))
    save_tensors(path, tensors, metadata={"people": json.dumps([stream.person for stream in streams])})


def load_streams(path: Path) -> list[CodeStream]:
    """Inverse of `save_streams`; ConfigError if the file is not one."""
    try:
        with safe_open(path, framework="numpy") as file:
            people = json.loads(file.metadata()["people"])
            codes, frames, content = (file.get_tensor(name) for name in ("codes", "frames", "content"))
            names, downsampled = {*file.keys()}, list[NDArray[np.uint8] | None]([None] * len(people))
            landmarks = file.get_tensor("landmarks") if "landmarks" in names else [None] * len(people)
            if "downsampled" in names:
                counts = file.get_tensor("downsampled_frames")
                pieces = np.split(file.get_tensor("downsampled"), np.cumsum(counts)[:-1])
                downsampled = [piece if count else None for piece, count in zip(pieces, counts, strict=True)]
        parts = np.split(codes, np.cumsum(frames)[:-1])
        return [CodeStream(*fields) for fields in zip(people, parts, content, landmarks, downsampled, strict=True)]
    except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
        raise ConfigError(f"{path} does not hold code streams: {error}") from error


def hold_out(streams: list[CodeStream]) -> tuple[list[CodeStream], list[CodeStream]]:
    """Split streams into those to train on and those of held-out people.

    The held-out people are the first twelfth by a hash of their names, so that more clips of the same people change
    nothing. ConfigError with fewer than two people.
    """
    people = sorted({stream.person for stream in streams}, key=lambda name: hashlib.sha256(name.encode()).digest())
    if len(people) < 2:
        raise ConfigError(f"code streams are of {len(people)} people, needs two or more: some are held out")
    held = {*people[: max(1, len(people) // PEOPLE_TO_ONE_HELD_OUT)]}
    return [s for s in streams if s.person not in held], [s for s in streams if s.person in held]


class BatchSampler:
    """Draws runs of frames."""

    def __init__(
        self,
        streams: list[CodeStream],
        *,
        batch: int,
        frames: int,
        downsampling: float,
        seed: int = 0,
        balanced: bool = True,
    ) -> None:
        """Parameters of the runs.

        frames: the longest run; half of the batches end at a quarter of it, a quarter at half of it, as most clips are
        short and padding costs time. downsampling: probability that a run is of the clip at half of its frame
        rate (A.2), where the stream has it. balanced: people are drawn by the square root of their frequency.
        """
        self.streams = [stream for stream in streams if len(stream.codes)]
        if not self.streams:
            raise ConfigError("no code stream has a frame, there is nothing to learn from")
        self.batch, self.frames, self.downsampling, self.seed = batch, frames, downsampling, seed
        clips: dict[str, int] = {}
        for stream in self.streams:
            clips[stream.person] = clips.get(stream.person, 0) + 1
        weight = np.array([clips[s.person] ** -0.5 * min(len(s.codes), LONG_CLIP) ** 0.5 for s in self.streams])
        self._weight = weight / weight.sum() if balanced else np.full(len(weight), 1 / len(weight))

    def draw(self, step: int) -> MotionBatch:
        """The batch of one update."""
        rng = np.random.default_rng((self.seed, step))
        chosen = rng.choice(len(self.streams), self.batch, p=self._weight)
        longest = max(2, self.frames >> int(rng.choice(3, p=(0.25, 0.25, 0.5))))
        return stack([(self.streams[i], self._run(self.streams[i], longest, rng)) for i in chosen])

    def _run(self, stream: CodeStream, longest: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        fast = rng.random() < self.downsampling and stream.downsampled is not None
        codes = stream.downsampled if fast and stream.downsampled is not None else stream.codes
        span = min(len(codes), longest)
        start = int(rng.integers(len(codes) - span + 1))
        return codes[start : start + span]


def stack(runs: list[tuple[CodeStream, NDArray[np.uint8]]]) -> MotionBatch:
    """Batch of runs of codes [n, G] with the streams they come from, padded to the longest."""
    longest = max(len(run) for _, run in runs)
    codes = np.zeros((len(runs), longest, runs[0][1].shape[1]), np.int64)
    for row, (_, run) in zip(codes, runs, strict=True):
        row[: len(run)] = run
    lengths = np.array([len(run) for _, run in runs])
    content = np.stack([np.asarray(stream.content, np.float32) for stream, _ in runs])
    valid = np.arange(longest) < lengths[:, None]
    return MotionBatch(torch.from_numpy(content), torch.from_numpy(codes), torch.from_numpy(valid))
