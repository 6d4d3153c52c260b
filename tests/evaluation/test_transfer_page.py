"""What the page says of made-up scores."""

import dataclasses
from pathlib import Path

from bcdcodec.evaluation.clips import Clip
from bcdcodec.evaluation.opening import Following
from bcdcodec.evaluation.transfer import PairScore
from bcdcodec.evaluation.transfer_page import failure_lines, page


def clip(name: str, person: str, *, license_class: str = "permissive") -> Clip:
    return Clip(
        path=Path(f"{name}.mp4"),
        person=person,
        seconds=4.0,
        source="some/where",
        license="a licence",
        license_class=license_class,
    )


def scored(name: str, *, identity: bool, motion: bool) -> PairScore:
    return PairScore(
        content=name,
        motion="driver",
        frames=50,
        faces=50,
        lost=0,
        csim_content=0.8 if identity else 0.1,
        csim_motion=0.3,
        csim_sources=0.2,
        error_content=9.0,
        error_motion=3.0 if motion else 12.0,
        error_still=5.0,
        place_content=5.0,
        place_motion=20.0,
        mouth=Following(correlation=0.7, amplitude=0.5),
    )


def test_a_head_that_moves_too_far_is_named() -> None:
    calm = scored("c0", identity=True, motion=True)
    wild = dataclasses.replace(calm, size=1.8, head=Following(correlation=0.99, amplitude=1.94))
    assert failure_lines([calm]) == ["None of what is looked for, in these pairs."]
    assert failure_lines([wild]) == ["- `c0` moved by `driver`: the head moves 1.94 times as far (size 1.80)."]


def test_the_page_counts_what_holds() -> None:
    kinds = [(True, True)] * 7 + [(True, False)] * 2 + [(False, True)]
    scores = [scored(f"c{at}", identity=own, motion=theirs) for at, (own, theirs) in enumerate(kinds)]
    said = page(scores, [], about="About.")
    assert "Identity is nearer to the content source: 9 of 10." in said
    assert "Motion is nearer to the motion source: 8 of 10." in said
    assert "**Both**: 7 of 10." in said
    assert "where each head starts counts: 0 of 10." in said
    failures = said.partition("## What fails")[2]
    assert failures.count("motion is not nearer") == 2 and "- `c9` moved by `driver`: identity is not" in failures
    assert "`c0`" not in failures


def test_a_result_without_faces_is_no_success() -> None:
    empty = PairScore(content="a1", motion="b1", frames=5, faces=0, lost=5)
    said = page([empty], [], about="About.")
    assert "**Both**: 0 of 1." in said
    assert "too few frames show a face in all three videos; in 5 of 5 frames no face is found" in said


def test_only_pairs_of_two_permissive_sources_are_shown() -> None:
    amy, bob, cem = clip("a1", "amy"), clip("b1", "bob"), clip("c1", "cem", license_class="unknown")
    said = page([], [(amy, bob), (bob, cem), (cem, amy)], about="About.")
    assert "The 1 of 3 pairs" in said
    assert "- a1: some/where, a licence" in said and "- b1:" in said and "- c1" not in said
    assert "sheet.png" not in page([], [(bob, cem)], about="About.")
