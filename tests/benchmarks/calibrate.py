"""Fit the calibration of `confidence`: `python tests/benchmarks/calibrate.py FILE.jsonl …`.

The files are what `topovae bench diagnosis --save` wrote, of data that no accuracy is claimed on. What is printed belongs into
the rows `named_…` and `none_…` of topovae/homology/calibration.py. Scores are those of the decision before any calibration,
so the fit can be repeated on the same files.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from topovae.benchmarks.diagnosis import outcome_of, read_rows
from topovae.homology.odds import log_odds


def score_of(row: Mapping[str, Any]) -> float:
    """How sure the decision was, before calibration."""
    raw = row["candidates"][0]["score"] * row["manifold"]
    return float(raw if row["recommendation"]["name"] != "none" else 1 - raw)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+")
    paths = parser.parse_args().files
    rows = [row for path in paths for row in read_rows(path) if row.get("components") == 1]
    for kind in ("named", "none"):
        chosen = [row for row in rows if (row["recommendation"]["name"] == "none") == (kind == "none")]
        scores = np.array([score_of(row) for row in chosen])
        right = np.array([outcome_of(row).right for row in chosen])
        # a weak penalty keeps the fit finite where no answer is wrong
        fit = LogisticRegression(C=10.0).fit(log_odds(scores)[:, None], right) if 0 < right.sum() < len(right) else None
        line = "all alike" if fit is None else f"({fit.intercept_[0]:.2f}, {fit.coef_[0, 0]:.2f})"
        print(f"{kind}: {int(right.sum())} of {len(right)} right; {line}")
        for low, high in ((0.0, 0.3), (0.3, 0.5), (0.5, 0.6), (0.6, 0.7), (0.7, 0.8), (0.8, 0.9), (0.9, 1.01)):
            inside = (scores >= low) & (scores < high)
            print(f"  score {low:.1f}–{high:.1f}: {int(right[inside].sum())} of {int(inside.sum())}")


if __name__ == "__main__":
    main()
