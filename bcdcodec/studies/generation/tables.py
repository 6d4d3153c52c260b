"""Tables of docs/generation.md, from the numbers of the study."""

from typing import Any

from bcdcodec.evaluation.report.tables import number, table

Numbers = dict[str, Any]


def page_tables(numbers: Numbers) -> dict[str, list[str]]:
    """Lines of every table of the page, by the name of its marker."""
    tables = {
        "models": _models(numbers),
        "entropy": _entropy(numbers["entropy"]),
        "generated": _generated(numbers["generated"]),
    }
    if "pictures" in numbers:
        tables["pictures"] = _pictures(numbers["pictures"])
    for packet_frames, patterns in numbers["concealed"].items():
        tables[f"concealed-{packet_frames}"] = _concealed(patterns)
    tables["decoded"] = _decoded(numbers["painted"])
    return tables


def _models(numbers: Numbers) -> list[str]:
    parameters = f"{numbers['parameters'] / 1e6:.2f} million"
    row = [f"`{numbers['motion']}`", parameters, f"`{numbers['codec']}`", str(numbers["clips"]), str(numbers["people"])]
    return table(["motion model", "parameters", "codec", "clips", "people"], [row])


def _entropy(columns: dict[str, dict[str, float]]) -> list[str]:
    predictors = next(iter(columns.values()))
    rows = [[name, *(f"{column[name]:.1f}" for column in columns.values())] for name in predictors]
    return table(["bits/frame", *columns], rows)


def _generated(generated: Numbers) -> list[str]:
    if not generated["sets"]:
        return [f"- ({generated['reason']})"]
    rows = []
    for name, statistics in generated["sets"].items():
        values = [f"{statistics[key]:.1f}" for key in ("speed", "spread", "blinks", "mouth_openings", "diversity")]
        of_one_content = statistics.get("diversity_of_one_content")
        values.append("" if of_one_content is None else f"{of_one_content:.1f}")
        rows.append([name, *values, f"{statistics['distance']:.2f}"])
    head = ["", "speed", "spread", "blinks", "mouth openings", "diversity", "of one content", "distance"]
    return table(head, rows)


def _pictures(pictures: Numbers) -> list[str]:
    row = [", ".join(pictures["rows"]), pictures["clip"], pictures["source"], pictures["license"]]
    return table(["rows, from above", "clip", "source", "licence"], [row])


def _concealed(patterns: Numbers) -> list[str]:
    rows = []
    for pattern, comparison in patterns.items():
        if comparison is None:
            rows.append([pattern, "- (no packet is lost)", "-", "-", "-"])
            continue
        for name, score in comparison["results"].items():
            against = score["against_first"]
            difference = f"{against['mean']:+.2f}"
            if against["low"] is not None:  # of one person there is no interval
                difference += f" ({against['low']:+.2f} to {against['high']:+.2f})"
            loss = f"{pattern}, {comparison['gaps']} gaps"
            rows.append([loss, name, f"{score['error']:.2f}", f"{score['flicker']:.2f}", difference])
    return table(["loss", "", "error", "flicker", "against hold"], rows)


def _decoded(decoded: Numbers) -> list[str]:
    distances, flickers = decoded["landmark_distance"], decoded["flicker_levels"]
    rows = [[name, number(distances.get(name), 2), f"{flicker:.2f}"] for name, flicker in flickers.items()]
    return table(["", "landmark distance, %", "flicker"], rows) if rows else ["- (no frame of the clips is lost)"]
