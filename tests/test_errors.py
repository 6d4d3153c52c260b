"""Errors go through process pools as they are."""

import copy
import pickle

import pytest

from bcdcodec import errors
from bcdcodec.errors import BcdError, DamagedError


def kinds(base: type[BcdError] = BcdError) -> list[type[BcdError]]:
    return [base, *(kind for sub in base.__subclasses__() for kind in kinds(sub))]


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_every_error_is_pickled_and_copied(kind: type[BcdError]) -> None:
    error = kind("found 3", kind=2) if kind is DamagedError else kind("found 3")
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is kind and str(again) == "found 3" and vars(again) == vars(error)


def test_all_of_them_are_tried() -> None:
    assert {kind.__name__ for kind in kinds()} == {name for name in vars(errors) if name.endswith("Error")}
