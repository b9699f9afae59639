"""From findings to names: how well each space of the catalogue explains what was found."""

from __future__ import annotations

import numpy as np

from topovae.homology.calibration import tuned
from topovae.homology.cloud.manifold import SURFACE_LIMIT, Verdicts
from topovae.homology.fitted import confidence_of
from topovae.homology.spaces.catalogue import KnownSpace, catalogue
from topovae.homology.verdict.candidates import Candidate, Recommendation
from topovae.homology.verdict.findings import FINDINGS, Observations, Reason
from topovae.signature import NAMES

NONE_EVIDENCE = np.log(tuned("none_likelihood"))
RARE, RAREST = tuned("rare"), tuned("rarest")
LEAST_SCORE = tuned("least_score")

AGAINST, FOR = tuned("speaks_against"), tuned("speaks_for")
SHOWN = 5


def recommend(
    observations: Observations,
    verdicts: Verdicts,
    samples: int,
    dimension: int,
    spaces: tuple[KnownSpace, ...] | None = None,
) -> tuple[tuple[Candidate, ...], Recommendation]:
    """Score the catalogue and choose.

    A space's likelihood is the product of the probabilities of what it predicts, each at least its kind's
    floor. It competes with the other spaces and with `none`.

    Args:
        observations: what a piece shows of each kind of finding.
        verdicts: whether it is a manifold at all.
        samples: how many it has.
        dimension: that it shows.
        spaces: those to choose among; the whole catalogue when None.

    Returns:
        The best candidates, best first, and the recommendation.
    """
    known = catalogue() if spaces is None else spaces
    reasons = [_reasons(observations, space) for space in known]
    likely = [_prior(space) + sum(reason.evidence for reason in why) for space, why in zip(known, reasons, strict=True)]
    evidence = np.array([*likely, NONE_EVIDENCE])
    share = np.exp(evidence - evidence.max())
    share /= share.sum()
    common = _common_reasons(verdicts)
    order = np.argsort(-share[:-1], kind="stable")[:SHOWN]
    candidates = tuple(
        Candidate(known[i].latent, known[i].name, float(share[i]), _words(common + reasons[i]), tuple(reasons[i]))
        for i in order
    )
    best = candidates[0]
    score = best.score * verdicts.manifold
    if verdicts.manifold > 0.5 and best.score > LEAST_SCORE:
        return candidates, Recommendation(best.latent, best.name, confidence_of("named", score, samples, dimension))
    return candidates, Recommendation(None, "none", confidence_of("none", 1 - score, samples, dimension))


def _prior(space: KnownSpace) -> float:
    """Return the logarithm of a space's prior weight."""
    plain = space.signature.order == 1 and all(factor.is_circle or factor.kind != "S" for factor in space.signature.factors)
    if plain or space.name in NAMES:
        return 0.0
    return float(np.log(RARE if space.dimension <= SURFACE_LIMIT else RAREST))


def _reasons(observations: Observations, space: KnownSpace) -> list[Reason]:
    return [reason for finding in FINDINGS for reason in finding.reasons(observations, space)]


def _common_reasons(verdicts: Verdicts) -> list[Reason]:
    """Return the reasons that speak for or against every space of the catalogue alike."""
    return [Reason(verdicts.manifold, verdicts.doubt or "the dimension is the same everywhere and at all scales")]


def _words(reasons: list[Reason]) -> tuple[str, ...]:
    """Say first what speaks against a space, then what is undecided, then what speaks for it."""
    ordered = sorted(reasons, key=lambda reason: reason.probability)
    return tuple(f"{_verdict(reason.probability)}: {reason.words}" for reason in ordered)


def _verdict(probability: float) -> str:
    if probability < AGAINST:
        return "against"
    return "for" if probability > FOR else "undecided"
