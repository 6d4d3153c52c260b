"""Tables of docs/sprites.md."""

from bcdcodec.evaluation.report.tables import table
from bcdcodec.sprites.judge import LABELS
from bcdcodec.studies.sprites.measure import SpriteScores

#: Table A1 of the paper's supplement, percent.
PAPER = {"C-DSVAE (paper's Table A1)": 100.0, "BCD (paper's Table A1)": 100.0}


def page_tables(scores: SpriteScores) -> dict[str, list[str]]:
    """Lines by marker."""
    rows = [_percent_row(title, dict.fromkeys(LABELS, value / 100)) for title, value in PAPER.items()]
    rows.append(_percent_row(f"`{scores.model}`, {scores.clips:,} pairs", scores.accuracies))
    rows.append(_percent_row("the judge on the real clips", scores.real_accuracies))
    clips = [
        ["Inception score of actions", f"{scores.inception_score:.3f}", "9"],
        ["H(y given x), nats", f"{scores.conditional_entropy:.4f}", "0"],
        ["H(y), nats", f"{scores.marginal_entropy:.3f}", "2.197"],
        ["PSNR to the true picture, dB", f"{scores.psnr_db:.2f}", ""],
    ]
    codes = [
        ["packed, bits a frame", f"{scores.packed_bits:g}", ""],
        ["order-0 entropy, bits a frame", f"{scores.entropy_bits:.2f}", f"{scores.true_entropy_bits:.2f}"],
        ["used codes", str(scores.used_codes), "63 poses"],
        ["normalised mutual information with the true poses", f"{scores.nmi:.3f}", "1"],
        ["content token, bits a clip", f"{scores.content_bits:,.0f}", "10.3"],
    ]
    return {
        "accuracies": table(["cross-driven accuracy, %", *(name.capitalize() for name in LABELS)], rows, right=True),
        "clips": table(["of the transferred clips", "measured", "best"], clips, right=True),
        "codes": table(["of the codes", "measured", "truth"], codes, right=True),
        "run": [f"Sampled in {scores.sampler_steps} steps, guidance {scores.guidance:g}."],
    }


def _percent_row(title: str, shares: dict[str, float]) -> list[str]:
    return [title, *(f"{100 * shares[name]:.2f}" for name in LABELS)]
