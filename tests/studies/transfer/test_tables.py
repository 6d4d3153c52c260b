"""Transfer tables: verdicts over the freeze frame, by the person whose appearance is taken."""

import pytest

from bcdcodec.studies.transfer.protocol import CANDIDATES, FREEZE_FRAME, MEASURES, TRANSFER, TransferScore
from bcdcodec.studies.transfer.tables import gain_over_freeze_frame, page_tables

PERSON_OF = {f"{person}{clip}": person for person in "abcdefg" for clip in (1, 2)}


def scores(transfer: float | None, held: float, *, people: str = "abcdef") -> list[TransferScore]:
    """Two pairs a person, in which the second is the worse by 1; everyone differs a little."""
    return [
        TransferScore(
            content=f"{person}{clip}", motion="g1", candidate=name,
            values=dict.fromkeys(MEASURES, None if value is None else value + clip + 0.01 * k * (name == FREEZE_FRAME)),
        )
        for k, person in enumerate(people) for clip in (1, 2)
        for name, value in zip(CANDIDATES, (transfer, 0.0, held), strict=True)
    ]  # fmt: skip


def test_gains_go_the_way_of_the_measure_and_count_people() -> None:
    made = scores(2.0, 5.0)
    gain = gain_over_freeze_frame(made, PERSON_OF, "motion")
    assert gain is not None
    assert (gain.people, gain.sign) == (6, 1)
    assert gain.mean == pytest.approx(3.025)
    likeness = gain_over_freeze_frame(made, PERSON_OF, "csim")
    assert likeness is not None
    assert likeness.mean == pytest.approx(-3.025)
    assert gain_over_freeze_frame(scores(None, 1.0), PERSON_OF, "motion") is None


@pytest.mark.parametrize(
    ("transfer", "people", "mean", "verdict"),
    [(2.0, "abcdef", "3.02", "better"), (8.0, "abcdef", "-2.9", "worse"), (2.0, "abcde", "3.02", "too few people")],
)  # fmt: skip
def test_the_table_says_whether_it_beats_a_freeze_frame(transfer: float, people: str, mean: str, verdict: str) -> None:
    lines = page_tables(scores(transfer, 5.0, people=people), PERSON_OF)["gains"]
    (line,) = [line for line in lines if line.startswith("| motion, mm |")]
    assert line.startswith(f"| motion, mm | {mean}") and line.endswith(f"| {verdict} |")


def test_a_table_leaves_out_what_was_not_measured() -> None:
    made = [
        *scores(1.0, 2.0),
        TransferScore(content="g1", motion="a1", candidate=TRANSFER, values=dict.fromkeys(MEASURES)),
    ]
    (line,) = [line for line in page_tables(made, PERSON_OF)["means"] if line.startswith("| transfer")]
    assert line.count("2.50 (2.50 to 2.50), 1 without") == len(MEASURES)
    assert len(page_tables([], {})["gains"]) == 2
