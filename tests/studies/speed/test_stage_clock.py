"""Stages name functions that exist, and time is given to the innermost of them."""

from collections.abc import Iterator

import pytest

from bcdcodec.errors import ConfigError
from bcdcodec.studies.speed.stage_clock import REST, StageClock, find_function
from bcdcodec.studies.speed.stages import DECODING, ENCODING, Stage


class Work:
    """Work whose time is what it says, on the clock below."""

    moment = 0.0

    def outer(self) -> str:
        Work.moment += 1
        self.inner()
        Work.moment += 2
        return "done"

    def inner(self) -> None:
        Work.moment += 10

    def items(self) -> Iterator[int]:
        for index in range(3):
            Work.moment += 100
            yield index
        Work.moment += 50


def timed(*stages: Stage) -> StageClock:
    return StageClock(stages, lambda: Work.moment)


OUTER, INNER = Stage("outer", (f"{__name__}:Work.outer",)), Stage("inner", (f"{__name__}:Work.inner",))


@pytest.mark.parametrize("stage", [*ENCODING, *DECODING], ids=lambda stage: stage.name)
def test_every_stage_names_functions_that_exist(stage: Stage) -> None:
    assert stage.functions
    for place in stage.functions:
        owner, name, function = find_function(place)
        assert owner.__dict__[name] is function


@pytest.mark.parametrize("stages", [ENCODING, DECODING])
def test_no_function_is_of_two_stages(stages: tuple[Stage, ...]) -> None:
    places = [place for stage in stages for place in stage.functions]
    assert len(places) == len({*places}) and len(stages) == len({stage.name for stage in stages})


@pytest.mark.parametrize("place", ["bcdcodec.frame:Frame.size", "bcdcodec.frame:None.size", "bcdcodec.frame:Frame"])
def test_a_name_without_a_function_is_refused(place: str) -> None:
    with pytest.raises(ConfigError, match=place):
        find_function(place)


def test_time_is_of_the_innermost_stage() -> None:
    original = Work.outer
    with timed(OUTER, INNER) as clock:
        Work.moment += 5
        assert Work().outer() == "done"
        Work.moment += 7
    assert clock.seconds == {"outer": 3, "inner": 10, REST: 12}
    assert Work.outer is original


def test_a_whole_stage_has_what_is_within_it() -> None:
    with timed(Stage("outer", OUTER.functions, whole=True), INNER) as clock:
        Work().outer()
        Work().inner()
    assert clock.seconds == {"outer": 13, "inner": 10, REST: 0}


def test_a_generator_is_timed_while_it_runs() -> None:
    with timed(Stage("items", (f"{__name__}:Work.items",))) as clock:
        for _ in Work().items():
            Work.moment += 1
    assert clock.seconds == {"items": 350, REST: 3}


def test_functions_are_put_back_after_an_error() -> None:
    original = Work.__dict__["inner"]
    with pytest.raises(KeyError), timed(INNER):
        raise KeyError
    assert Work.__dict__["inner"] is original
