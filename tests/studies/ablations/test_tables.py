"""Cells of the ablation tables."""

from bcdcodec.studies.ablations.scores import Ablations, AblationScore
from bcdcodec.studies.ablations.tables import spread, variant_table


def test_one_run_has_no_spread() -> None:
    assert spread([1.25], 2) == "1.25"
    assert spread([1.0, 2.0, 4.0], 1) == "2.3 ± 1.5"


def test_a_row_is_a_variant_over_its_seeds() -> None:
    def score(seed: int, bits: float, csim: float | None) -> AblationScore:
        truth = {} if csim is None else {"csim": csim}
        errors = {"true": 0.1, "other_motion": 0.2, "other_content": 0.3}
        return AblationScore(
            name="base",
            seed=seed,
            target_bits=6,
            groups=1,
            entropy_bits=bits,
            used=3,
            dead=0,
            errors=errors,
            truth=truth,
        )

    lines = variant_table(Ablations([score(0, 5.0, 0.5), score(1, 6.0, 0.7), score(2, 5.5, None)], []), 12.5)
    assert len(lines) == 3
    assert "5.50 ± 0.50" in lines[2] and "0.600 ± 0.100" in lines[2]
