"""From findings to names: how well each space of the catalogue explains what was found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from topovae.homology.cloud.manifold import SURFACE_LIMIT
from topovae.homology.features.nulls import power_lost
from topovae.homology.odds import log_odds
from topovae.homology.spaces.catalogue import CATALOGUE, NAMED, Space
from topovae.homology.verdict.candidates import Candidate, Recommendation

FLOORS = {"dimension": 0.01, "homology": 0.02, "boundary": 0.05, "orientation": 0.08, "products": 0.02, "covers": 0.1}
"""How often each kind of finding is wrong though it looks sure: none counts against a space by more."""


NONE_EVIDENCE = np.log(0.04)
"""Log-likelihood granted to a space outside the catalogue."""


RARE, RAREST = 0.3, 0.02
"""Prior weight of spaces that have no name and are no products of circles and lines, and of those among them of so high
a dimension that the homology which tells them from the plain ones is not computed."""


LEAST_SCORE = 0.6
"""A space that explains the findings no better than this is not recommended."""


CALIBRATION = {"named": (-1.05, 2.53), "none": (-1.02, 0.27)}
"""Intercept and slope that make the log odds of a score those of being right; for answers and for `none`."""


MISSED_PRODUCT = 0.1
"""How often a product that is not zero looks so: landmarks too sparse for the surface that carries it."""


SHOWN = 5


@dataclass(frozen=True)
class Findings:
    """What was measured of one connected piece, most of it as probabilities.

    Attributes:
        dimension: probability of each dimension; empty where it was not measured.
        betti: for each (prime, degree) the probabilities of the Betti numbers 0, 1, ….
        closed: probability that there is no boundary, or None.
        orientable: probability that the space is orientable, or None.
        manifold: probability that the dimension is the same everywhere and at all scales.
        cup: which products (k, k) of the classes of H¹ over Z/2 are not zero, or None.
        covers: the first Betti numbers over Z/2 and Z/3 of the double cover of each class.
    """

    dimension: Mapping[int, float]
    betti: Mapping[tuple[int, int], np.ndarray]
    closed: float | None
    orientable: float | None
    manifold: float
    cup: np.ndarray | None = None
    covers: tuple[tuple[int, int], ...] = ()


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
    likely = [_prior(space) + sum(reason.evidence for reason in why) for space, why in zip(catalogue, reasons, strict=True)]
    evidence = np.array([*likely, NONE_EVIDENCE])
    share = np.exp(evidence - evidence.max())
    share /= share.sum()
    common = _common_reasons(findings)
    order = np.argsort(-share[:-1], kind="stable")[:SHOWN]
    candidates = tuple(
        Candidate(catalogue[i].latent, catalogue[i].name, float(share[i]), _words(common + reasons[i])) for i in order
    )
    best = candidates[0]
    score = best.score * findings.manifold
    if findings.manifold > 0.5 and best.score > LEAST_SCORE:
        return candidates, Recommendation(best.latent, best.name, calibrated("named", score))
    return candidates, Recommendation(None, "none", calibrated("none", 1 - score))


def calibrated(kind: str, score: float) -> float:
    """Return the probability that an answer of a kind and score is right.

    Args:
        kind: `named` or `none`.
        score: how sure the decision was.
    """
    intercept, slope = CALIBRATION[kind]
    return float(1 / (1 + np.exp(-(intercept + slope * log_odds(score)))))


def _prior(space: Space) -> float:
    """Return the logarithm of a space's prior weight."""
    plain = space.signature.order == 1 and all(factor.is_circle or factor.kind != "S" for factor in space.signature.factors)
    if plain or space.name in NAMED:
        return 0.0
    return float(np.log(RARE if space.dimension <= SURFACE_LIMIT else RAREST))


def _common_reasons(findings: Findings) -> list[_Reason]:
    """Return the reasons that speak for or against every space of the catalogue alike."""
    seen = "the same" if findings.manifold > 0.5 else "not the same"
    return [_Reason("dimension", findings.manifold, f"the dimension is {seen} everywhere and at all scales")]


def _reasons(findings: Findings, space: Space) -> list[_Reason]:
    found = []
    if findings.dimension:
        likeliest = max(findings.dimension, key=lambda d: findings.dimension[d])
        probability = findings.dimension.get(space.dimension, 0.0)
        words = f"dimension {likeliest} found, {space.dimension} expected"
        found.append(_Reason("dimension", probability, words))
    for (prime, degree), probabilities in findings.betti.items():
        expected = space.betti(prime, degree)
        missed = power_lost(degree, space.dimension) * probabilities[:expected].sum()
        probability = float(missed + probabilities[expected : expected + 1].sum())
        counted = int(np.argmax(probabilities))
        words = f"{counted} classes found in H{degree} over Z/{prime}, {expected} expected"
        found.append(_Reason("homology", probability, words))
    if space.dimension > 1:
        found += _judged("boundary", findings.closed, space.closed, "a closed space", "a space with an edge")
        found += _judged("orientation", findings.orientable, space.orientable, "orientable", "not orientable")
    return found + _products(findings.cup, space) + _covers(findings.covers, space)


def _products(cup: np.ndarray | None, space: Space) -> list[_Reason]:
    """Return the reasons that cup products make: one that is not zero is a proof, zeros are a hint."""
    if cup is None or len(cup) != space.betti(2, 1):
        return []
    form = space.cup_form
    looks = [("product of classes", cup.any(), form.products > 0)]
    if cup.any() and form.products:
        looks.append(("square of a class", np.diag(cup).any(), not form.alternating))
    found = []
    for what, seen, expected in looks:
        agreement = 1.0 if seen == expected else 0.0 if seen else MISSED_PRODUCT
        words = f"{_any(bool(seen))} {what} of H1 over Z/2, {_any(expected)} expected"
        found.append(_Reason("products", agreement, words))
    return found


def _any(some: bool) -> str:
    return "a non-zero" if some else "no non-zero"


def _covers(covers: tuple[tuple[int, int], ...], space: Space) -> list[_Reason]:
    """Return the reason that the homology of the double covers makes."""
    if not covers or len(covers) != 2 ** space.betti(2, 1) - 1:
        return []
    expected = sorted((cover.betti_mod2[1], cover.betti_mod3[1]) for cover in space.covers)
    agreement = float(np.mean([a == b for a, b in zip(sorted(covers), expected, strict=True)]))
    words = f"double covers with H1 of rank {_ranks(covers)} over Z/2 and Z/3, {_ranks(expected)} expected"
    return [_Reason("covers", agreement**2, words)]


def _ranks(pairs: Iterable[tuple[int, int]]) -> str:
    return " ".join(f"{a},{b}" for a, b in sorted(pairs))


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
