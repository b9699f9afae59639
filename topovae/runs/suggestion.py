"""A latent space for data that no space matches: a learned prior as large as the diagnosis suggests and the rows carry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from topovae.latent.learned import parameter_counts
from topovae.signature import LEARNED, LEARNED_NUMBERS, MAX_LEARNED_DIMENSION, Elementary, euclidean, parse

ANCHORS_A_DIMENSION = 6
"""Anchors for each dimension of the data: those of a published circle, for every operator one could go along. Not tuned."""

ROWS_A_PARAMETER = 2
"""Training rows for each free parameter of a prior, at least: with as few as one, it has a place for every row. Not tuned, but
2 in place of 1 after breast cancer, seed 2."""


def suggested(analysis: Mapping[str, Any], rows: int) -> tuple[str, str]:
    """The expression of a latent, and in words what it comes from.

    A curve or surface without loops lies in as many dimensions as it has, one with loops in one more; each circular coordinate
    has an operator, and so has each dimension. Of anchors first and then of operators there are fewer where the rows do not
    carry more; where they carry no learned prior, it is the standard normal one.

    Args:
        analysis: JSON of a diagnosis.
        rows: of the training split.
    """
    dim = max(1, round(dict(analysis.get("intrinsic_dimension") or {}).get("value") or 1))
    betti = dict(analysis.get("betti") or {})
    loops = int(betti[max(betti, key=int)][1]) if betti else 0
    features = analysis.get("n_features") or dim + 1
    k = min(dim + (loops > 0), features, MAX_LEARNED_DIMENSION)
    wanted = {"M": max(loops, dim), "anchors": ANCHORS_A_DIMENSION * dim}
    numbers = {word: min(wanted[word], most) for word, (_, most) in LEARNED_NUMBERS.items()}
    words = f"intrinsic dimension {dim}, circular coordinates {loops}"
    carried = _carried(k, numbers["M"], numbers["anchors"], rows)
    if carried != numbers:
        words += f"; {rows} rows to learn from carry no more than that"
    if not carried["M"]:
        return euclidean(k).canonical, words
    return parse(str(Elementary(LEARNED, k, tuple(carried.items())))).canonical, words


def _carried(dim: int, operators: int, anchors: int, rows: int) -> dict[str, int]:
    """The most operators, and the most anchors for them, that some rows carry; 0 of either where they carry none."""
    for count in range(operators, 0, -1):
        alone, each = parameter_counts(dim, count)
        carried = (rows // ROWS_A_PARAMETER - alone) // each
        if carried > 0:
            return {"M": count, "anchors": min(anchors, carried)}
    return {"M": 0, "anchors": 0}
