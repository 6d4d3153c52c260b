"""Which pairs are taken, and what is called motion."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.clips import Clip
from bcdcodec.evaluation.transfer import choose_pairs, head_following, motion_distance, motion_of


def clip(name: str, person: str, *, seconds: float = 4.0) -> Clip:
    return Clip(
        path=Path(f"{name}.mp4"),
        person=person,
        seconds=seconds,
        source="some/where",
        license="a licence",
        license_class="permissive",
    )


def meshes(frames: int = 6, *, seed: int = 0) -> list[NDArray[np.float32]]:
    """A face whose eyes' corners lie far apart, moving."""
    rng = np.random.default_rng(seed)
    face = np.random.default_rng(1).uniform(90, 110, (478, 3))
    face[[33, 263], :2] = (60, 100), (140, 100)
    return [(face + rng.normal(0, 3, (478, 3))).astype(np.float32) for _ in range(frames)]


def test_pairs_are_of_different_people_and_always_the_same() -> None:
    clips = [clip(f"c{number}{take}", f"p{number:02}") for number in range(23) for take in "ab"]
    pairs = choose_pairs(clips, 10)
    assert pairs == choose_pairs(clips, 10)
    assert len(pairs) == 10 and all(content.person != motion.person for content, motion in pairs)
    for side in zip(*pairs, strict=True):
        assert len({item.person for item in side}) == 10


def test_short_clips_are_not_paired() -> None:
    clips = [clip("a1", "amy", seconds=1.2), clip("a2", "amy"), clip("b1", "bob"), clip("c1", "cem", seconds=2.9)]
    pairs = choose_pairs(clips, 2)
    assert [(content.name, motion.name) for content, motion in pairs] == [("a2", "b1"), ("b1", "a2")]
    with pytest.raises(ConfigError, match="2 people have a clip of 3 s"):
        choose_pairs(clips, 3)


def test_motion_does_not_depend_on_place_and_size() -> None:
    motion, other = motion_of(meshes()), motion_of(meshes(seed=2))
    moved = motion_of([mesh * np.float32(1.5) + np.float32(20) for mesh in meshes()])
    assert motion_distance(moved, motion) == pytest.approx(0, abs=1e-3)
    assert motion_distance(other, motion) > 1
    # Whose face it is counts no more than where it is.
    bent = [mesh + np.linspace(0, 5, 478, dtype=np.float32)[:, None] * (1, 0, 0) for mesh in meshes()]
    assert motion_distance(motion_of(bent), motion) < 0.2 * motion_distance(other, motion)


def test_a_still_face_has_the_error_of_all_that_there_is() -> None:
    motion = motion_of(meshes())
    still = motion_of(meshes()[:1] * 6)
    assert motion_distance(still, motion) == pytest.approx(float(np.linalg.norm(motion, axis=-1).mean()))


def test_half_the_movement_of_the_head_is_half_the_amplitude() -> None:
    motion = motion_of(meshes())
    following = head_following(motion / 2, motion)
    assert following is not None
    assert (following.correlation, following.amplitude) == (pytest.approx(1), pytest.approx(0.5))
    flat = head_following(0 * motion, motion)
    assert flat is not None and flat.correlation == 0
    assert head_following(motion, 0 * motion) is None
