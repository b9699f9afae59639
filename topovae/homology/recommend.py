"""From findings to names: how well each space of the catalogue explains what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from topovae.homology.catalogue import CATALOGUE, Space

FLOORS = {"dimension": 0.01, "homology": 0.02, "boundary": 0.05, "orientation": 0.08}
"""How often each kind of finding is wrong though it looks sure: none counts against a space by more."""

NONE_EVIDENCE = np.log(0.04)
"""Log-likelihood granted to a space outside the catalogue."""

LEAST_SCORE = 0.6
"""A space that explains the findings no better than this is not recommended."""

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
        manifold: probability that the dimension is the same everywhere and at all scales.
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
    kind: str
    probability: float
    words: str

    @property
    def evidence(self) -> float:
        floor = FLOORS[self.kind]
        return float(np.log(floor + (1 - floor) * self.probability))


def recommend(findings: Findings, catalogue: tuple[Space, ...] = CATALOGUE) -> tuple[tuple[Candidate, ...], Recommendation]:
    """Score the catalogue and choose.

    A space's likelihood is the product of the probabilities of what it predicts, each at least its kind's
    floor. It competes with the other spaces and with `none`.

    Returns:
        The best candidates, best first, and the recommendation.
    """
    reasons = [_reasons(findings, space) for space in catalogue]
    evidence = np.array([sum(reason.evidence for reason in why) for why in reasons] + [NONE_EVIDENCE])
    share = np.exp(evidence - evidence.max())
    share /= share.sum()
    common = _common_reasons(findings)
    order = np.argsort(-share[:-1], kind="stable")[:SHOWN]
    candidates = tuple(
        Candidate(catalogue[i].latent, catalogue[i].name, float(share[i]), _words(common + reasons[i])) for i in order
    )
    best = candidates[0]
    alone = _one_manifold(findings)
    if alone > 0.5 and best.score > LEAST_SCORE:
        return candidates, Recommendation(best.latent, best.name, best.score * alone)
    return candidates, Recommendation(None, "none", 1 - best.score * alone)


def _one_manifold(findings: Findings) -> float:
    """Return the probability that the data is one manifold, as every space of the catalogue is."""
    return findings.manifold if findings.components == 1 else 0.05


def _common_reasons(findings: Findings) -> list[_Reason]:
    """Return the reasons that speak for or against every space of the catalogue alike."""
    connected = _Reason("homology", float(findings.components == 1), f"{findings.components} components found, 1 expected")
    seen = "the same" if findings.manifold > 0.5 else "not the same"
    return [connected, _Reason("dimension", findings.manifold, f"the dimension is {seen} everywhere and at all scales")]


def _reasons(findings: Findings, space: Space) -> list[_Reason]:
    found = []
    if findings.dimension:
        likeliest = max(findings.dimension, key=lambda d: findings.dimension[d])
        probability = findings.dimension.get(space.dimension, 0.0)
        words = f"dimension {likeliest} found, {space.dimension} expected"
        found.append(_Reason("dimension", probability, words))
    for (prime, degree), probabilities in findings.betti.items():
        expected = space.betti(prime, degree)
        probability = float(probabilities[expected]) if expected < len(probabilities) else 0.0
        counted = int(np.argmax(probabilities))
        words = f"{counted} classes found in H{degree} over Z/{prime}, {expected} expected"
        found.append(_Reason("homology", probability, words))
    if space.dimension > 1:
        found += _judged("boundary", findings.closed, space.closed, "a closed space", "a space with an edge")
        found += _judged("orientation", findings.orientable, space.orientable, "orientable", "not orientable")
    return found


def _judged(kind: str, probability: float | None, expected: bool, yes: str, no: str) -> list[_Reason]:
    """Return the reason that a yes-or-no finding makes, none where it was not made."""
    if probability is None:
        return []
    agreement = probability if expected else 1 - probability
    words = f"looks {yes if probability > 0.5 else no}, {yes if expected else no} expected"
    return [_Reason(kind, agreement, words)]


def _words(reasons: list[_Reason]) -> tuple[str, ...]:
    """Say first what speaks against a space, then what is undecided, then what speaks for it."""
    ordered = sorted(reasons, key=lambda reason: reason.probability)
    return tuple(f"{_verdict(reason.probability)}: {reason.words}" for reason in ordered)


def _verdict(probability: float) -> str:
    if probability < 0.2:
        return "against"
    return "for" if probability > 0.6 else "undecided"
