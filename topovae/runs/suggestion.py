"""A latent space whose prior is learned, of the size that a diagnosis suggests where it names no space."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from topovae.signature import LEARNED, LEARNED_NUMBERS, MAX_LEARNED_DIMENSION, Elementary, parse

ANCHORS_A_DIMENSION = 6
"""Anchors for each dimension of the data: those of a published circle, for every operator one could go along. Not tuned."""


def suggested(analysis: Mapping[str, Any]) -> tuple[str, str]:
    """The expression of a learned latent, and in words what it comes from.

    A curve or surface without loops lies in as many dimensions as it has, one with loops in one more; each circular coordinate
    has an operator, and so has each dimension.

    Args:
        analysis: JSON of a diagnosis.
    """
    dim = max(1, round(dict(analysis.get("intrinsic_dimension") or {}).get("value") or 1))
    betti = dict(analysis.get("betti") or {})
    loops = int(betti[max(betti, key=int)][1]) if betti else 0
    wanted = {"M": max(loops, dim), "anchors": ANCHORS_A_DIMENSION * dim}
    numbers = tuple((word, min(wanted[word], most)) for word, (_, most) in LEARNED_NUMBERS.items())
    features = analysis.get("n_features") or dim + 1
    k = min(dim + (loops > 0), features, MAX_LEARNED_DIMENSION)
    words = f"intrinsic dimension {dim}, circular coordinates {loops}"
    return parse(str(Elementary(LEARNED, k, numbers))).canonical, words
