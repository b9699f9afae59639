"""From findings to names: how well each space of the catalogue explains what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from topovae.homology.catalogue import CATALOGUE, Space

FLOOR = 0.02
"""No single finding counts against a space by more than this factor: each fails now and then."""

NONE_EVIDENCE = np.log(0.01)
"""Log-likelihood granted to a space outside the catalogue."""

SHOWN = 5


@dataclass(frozen=True)
class Findings:
    """What was measured, as probabilities.

    Attributes:
        components: number of connected components.
        dimension: probability of each dimension; empty where it was not measured.
        betti: for each (prime, degree) the probabilities of the Betti numbers 0, 1, ….
        closed: probability that there is no boundary, or None.
        orientable: probability that the space is orientable, or None.
        manifold: probability that the dimension is the same everywhere.
    """

    components: int
    dimension: Mapping[int, float]
    betti: Mapping[tuple[int, int], np.ndarray]
    closed: float | None
    orientable: float | None
    manifold: float


@dataclass(frozen=True)
class Candidate:
    """A space with its score, a probability among the candidates, and the reasons in words."""

    latent: str
    name: str
    score: float
    reasons: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        return {
            "latent": self.latent,
            "name": self.name,
            "score": round(self.score, 4),
            "reasons": list(self.reasons),
        }


@dataclass(frozen=True)
class Recommendation:
    """The answer: a name and its latent expression, or `none` and no expression."""

    latent: str | None
    name: str
    confidence: float

    def to_dict(self) -> dict[str, object]:
        return {"latent": self.latent, "name": self.name, "confidence": round(self.confidence, 4)}


@dataclass(frozen=True)
class _Reason:
    probability: float
    words: str


def recommend(
    findings: Findings, catalogue: tuple[Space, ...] = CATALOGUE
) -> tuple[tuple[Candidate, ...], Recommendation]:
    """Score the catalogue and choose.

    A space's likelihood is the product of the probabilities of what it predicts, each at least FLOOR. It
    competes with the other spaces and with `none`.

    Returns:
        The best candidates, best first, and the recommendation.
    """
    reasons = [_reasons(findings, space) for space in catalogue]
    evidence = np.array([_evidence(why) for why in reasons] + [NONE_EVIDENCE])
    share = np.exp(evidence - evidence.max())
    share /= share.sum()
    order = np.argsort(-share[:-1], kind="stable")[:SHOWN]
    candidates = tuple(
        Candidate(catalogue[i].latent, catalogue[i].name, float(share[i]), _words(reasons[i])) for i in order
    )
    outside = _outside(findings)
    best = candidates[0]
    if outside == 0.0 and best.score > max(0.5, float(share[-1])):
        return candidates, Recommendation(best.latent, best.name, best.score)
    return candidates, Recommendation(None, "none", max(outside, float(1 - best.score)))


def _outside(findings: Findings) -> float:
    """Return a probability that no space of the catalogue fits at all, 0 where nothing says so."""
    if findings.components > 1:
        return 0.95
    return 1 - findings.manifold if findings.manifold < 0.5 else 0.0


def _reasons(findings: Findings, space: Space) -> list[_Reason]:
    found = []
    if findings.dimension:
        likeliest = max(findings.dimension, key=lambda d: findings.dimension[d])
        probability = findings.dimension.get(space.dimension, 0.0)
        found.append(_Reason(probability, f"dimension {likeliest} found, {space.dimension} expected"))
    for (prime, degree), probabilities in findings.betti.items():
        expected = space.betti(prime, degree)
        probability = float(probabilities[expected]) if expected < len(probabilities) else 0.0
        counted = int(np.argmax(probabilities))
        words = f"{counted} classes found in H{degree} over Z/{prime}, {expected} expected"
        found.append(_Reason(probability, words))
    if space.dimension > 1:
        found += _kind(findings.closed, space.closed, "a closed space", "a space with an edge")
        found += _kind(findings.orientable, space.orientable, "orientable", "not orientable")
    return found


def _kind(probability: float | None, expected: bool, yes: str, no: str) -> list[_Reason]:
    """Return the reason that a yes-or-no finding makes, none where it was not made."""
    if probability is None:
        return []
    seen = yes if probability > 0.5 else no
    return [
        _Reason(
            probability if expected else 1 - probability, f"looks {seen}, {yes if expected else no} expected"
        )
    ]


def _evidence(reasons: list[_Reason]) -> float:
    return float(sum(np.log(FLOOR + (1 - FLOOR) * reason.probability) for reason in reasons))


def _words(reasons: list[_Reason]) -> tuple[str, ...]:
    """Say first what speaks against a space, then what is undecided, then what speaks for it."""
    ordered = sorted(reasons, key=lambda reason: reason.probability)
    return tuple(f"{_verdict(reason.probability)}: {reason.words}" for reason in ordered)


def _verdict(probability: float) -> str:
    if probability < 0.2:
        return "against"
    return "for" if probability > 0.6 else "undecided"
