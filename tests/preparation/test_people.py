"""People are told apart by their vectors, whatever the order."""

import numpy as np
import pytest
from numpy.typing import NDArray

from bcdcodec.errors import MissingExtraError
from bcdcodec.preparation import people
from bcdcodec.preparation.people import SAME_PERSON, FaceVectors, cluster, linked_sets, mean_face, number_people


def merged_pair_by_pair(vectors: NDArray[np.float64], threshold: float) -> list[set[int]]:
    """Average linkage as it is defined."""
    likeness, groups = vectors @ vectors.T, [[index] for index in range(len(vectors))]
    while len(groups) > 1:
        pairs = [(a, b) for a in range(len(groups)) for b in range(a)]
        best = max(pairs, key=lambda pair: likeness[np.ix_(groups[pair[0]], groups[pair[1]])].mean())
        if likeness[np.ix_(groups[best[0]], groups[best[1]])].mean() < threshold:
            break
        groups[best[1]] += groups.pop(best[0])
    return sorted(map(set, groups), key=min)


def as_sets(labels: list[int]) -> list[set[int]]:
    return [{index for index, label in enumerate(labels) if label == group} for group in dict.fromkeys(labels)]


@pytest.mark.parametrize("threshold", [-0.2, 0.3, 0.8])
def test_chains_find_what_merging_the_closest_pair_finds(threshold: float) -> None:
    vectors = np.random.default_rng(0).normal(size=(30, 4))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert as_sets(cluster(vectors, threshold=threshold)) == merged_pair_by_pair(vectors, threshold)


@pytest.mark.parametrize("people", [200, pytest.param(2000, marks=pytest.mark.slow)])
def test_many_clips_of_many_people(people: int) -> None:
    source = np.random.default_rng(0)
    centers = source.normal(size=(people, 128))
    centers /= np.linalg.norm(centers, axis=1, keepdims=True)
    person_of = source.permutation(np.repeat(np.arange(people), 10))
    vectors = centers[person_of] + 0.06 * source.normal(size=(len(person_of), 128))
    order = {person: index for index, person in enumerate(dict.fromkeys(person_of.tolist()))}
    found = cluster(vectors, threshold=SAME_PERSON)
    appearance = {group: index for index, group in enumerate(dict.fromkeys(found))}
    assert [appearance[group] for group in found] == [order[person] for person in person_of.tolist()]


def test_linked_sets_are_those_of_pairs_that_are_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "BLOCK_ROWS", 7)
    vectors = np.random.default_rng(2).normal(size=(60, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    alike = vectors @ vectors.T >= 0.97
    reached = alike
    for _ in range(6):  # paths of up to 64 links
        reached = reached @ reached
    expected = sorted({tuple(np.flatnonzero(row)) for row in reached})
    found = linked_sets(vectors, threshold=0.97)
    assert sorted(tuple(members) for members in found) == expected
    assert 1 < len(found) < len(vectors)


def test_equal_vectors_are_one_group() -> None:
    assert set(cluster(np.ones((50, 128)), threshold=0.5)) == {0}
    assert cluster(np.eye(3), threshold=0.5) == [0, 1, 2]


def test_people_are_numbered_as_they_appear() -> None:
    amy, bob = (1.0, 0.0, 0.1), (0.0, 1.0, 0.1)
    assert number_people([None, bob, amy, None, bob, (0.9, 0.1, 0.0)]) == [0, 1, 2, 3, 1, 2]
    assert number_people([None, None]) == [0, 1]
    assert number_people([]) == []


def test_a_mean_has_length_1() -> None:
    assert mean_face(np.array([3.0, 4.0])) == (0.6, 0.8)
    assert mean_face(None) is None


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise MissingExtraError("no onnxruntime")

    monkeypatch.setattr(people, "Csim", missing)
    with pytest.raises(MissingExtraError, match=r"'\.\[metrics\]'.*--person source"):
        FaceVectors()
