"""Transfer on the page: a verdict over the still picture, by the person whose looks are taken."""

import pytest

from bcdcodec.evaluation.bench.transfer import CANDIDATES, HELD, MEASURES, TRANSFER, TransferScore
from bcdcodec.evaluation.bench.transfer_lines import gain_over_still, transfer_lines

PERSON_OF = {f"{person}{clip}": person for person in "abcdefg" for clip in (1, 2)}


def scores(transfer: float | None, held: float, *, people: str = "abcdef") -> list[TransferScore]:
    """Two pairs a person, in which the second is the worse by 1; everyone differs a little."""
    return [
        TransferScore(
            content=f"{person}{clip}", motion="g1", candidate=name,
            values=dict.fromkeys(MEASURES, None if value is None else value + clip + 0.01 * k * (name == HELD)),
        )
        for k, person in enumerate(people) for clip in (1, 2)
        for name, value in zip(CANDIDATES, (transfer, 0.0, held), strict=True)
    ]  # fmt: skip


def test_gains_go_the_way_of_the_measure_and_count_people() -> None:
    made = scores(2.0, 5.0)
    gain = gain_over_still(made, PERSON_OF, "motion")
    assert gain is not None
    assert (gain.people, gain.sign) == (6, 1)
    assert gain.mean == pytest.approx(3.025)
    likeness = gain_over_still(made, PERSON_OF, "csim")
    assert likeness is not None
    assert likeness.mean == pytest.approx(-3.025)
    assert gain_over_still(scores(None, 1.0), PERSON_OF, "motion") is None


@pytest.mark.parametrize(
    ("transfer", "people", "says"),
    [
        (2.0, "abcdef", "Transfer is better than a still picture by motion (3.02"),
        (8.0, "abcdef", "by none of these. It is worse than a still picture by motion (-2.9"),
        (2.0, "abcde", "There are too few people to tell by motion (3.02"),
    ],
)  # fmt: skip
def test_the_page_says_plainly_whether_it_beats_a_still_picture(transfer: float, people: str, says: str) -> None:
    text = "\n".join(transfer_lines(scores(transfer, 5.0, people=people), PERSON_OF, seconds=2.0))
    assert says in text
    count = len(people)
    assert f"{2 * count} pairs of a fixed list, {count} people whose looks are taken, 2 s of each clip" in text
    assert "seed 0" in text


def test_a_table_leaves_out_what_was_not_measured() -> None:
    made = [
        *scores(1.0, 2.0),
        TransferScore(content="g1", motion="a1", candidate=TRANSFER, values=dict.fromkeys(MEASURES)),
    ]
    (line,) = [line for line in transfer_lines(made, PERSON_OF, seconds=1.0) if line.startswith("| transfer")]
    assert line.count("2.50 (2.50 to 2.50), 1 without") == len(MEASURES)
    assert transfer_lines([], {}, seconds=1.0) == []
