"""Findings that a space predicts name it; findings that none predicts name none."""

from __future__ import annotations

import numpy as np
import pytest

from topovae.homology.cloud.manifold import Verdicts
from topovae.homology.complexes.bars import RANKS, ranked_ratios
from topovae.homology.features.nulls import Counted
from topovae.homology.fitted import confidence_of
from topovae.homology.spaces.catalogue import KnownSpace, catalogue, find
from topovae.homology.verdict.findings import FINDINGS, Finding, Observations
from topovae.homology.verdict.scores import LEAST_SCORE, recommend

WHOLE, MIXED = Verdicts(), Verdicts(manifolds={"the dimension changes from place to place": 0.1})
"""A manifold, and what is none."""


def sure(number: int) -> Counted:
    return Counted(number, np.eye(RANKS + 1)[number])


def shown(space: KnownSpace, **changed: object) -> Observations:
    """What a perfect diagnosis finds of a space: no degree 2, boundary and orientation above dimension 3."""
    degrees = (1, 2) if 1 < space.dimension <= 3 else (1,)
    betti = {(p, k): sure(space.betti(p, k)) for p in (2, 3) for k in degrees}
    judged = space.dimension in (2, 3)
    covers = [(cover.betti(2, 1), cover.betti(3, 1)) for cover in space.covers]
    return {
        "dimension": {space.dimension: 0.98},
        "homology": betti,
        "boundary": float(space.closed) if judged else None,
        "orientation": float(space.orientable) if judged else None,
        "products": cup_of(space),
        "covers": covers if 0 < len(covers) < 4 else None,
        **changed,
    }


def cup_of(space: KnownSpace) -> np.ndarray | None:
    """A matrix of products with as many classes, and squares and other products as the space has."""
    k, form = space.betti(2, 1), space.cup_form
    if space.dimension == 1 or not 1 <= k <= 3:
        return None
    cup = np.full((k, k), form.products > 0)
    np.fill_diagonal(cup, not form.alternating)
    return cup


@pytest.mark.parametrize("space", [s for s in catalogue() if s.dimension < 4], ids=lambda space: space.name)
def test_a_space_is_recommended_by_its_own_findings(space: KnownSpace) -> None:
    candidates, recommendation = recommend(shown(space), WHOLE, 2000, 2)
    assert (recommendation.name, recommendation.latent) == (space.name, space.latent)
    assert candidates[0].score > LEAST_SCORE
    assert recommendation.confidence == confidence_of("named", candidates[0].score, 2000, 2)
    assert candidates[0].name == space.name
    scores = [candidate.score for candidate in candidates]
    assert scores == sorted(scores, reverse=True)
    assert all(reason.startswith("for") for reason in candidates[0].reasons)


@pytest.mark.parametrize("space", [s for s in catalogue() if s.dimension >= 4], ids=lambda space: space.name)
def test_of_spaces_of_large_dimension_that_share_what_is_computed_the_plain_one_is_recommended(space: KnownSpace) -> None:
    """Only H¹ is read there."""
    _, recommendation = recommend(shown(space), WHOLE, 2000, 2)
    plain = all(factor.is_circle or factor.kind == "R" for factor in space.signature.factors) and space.signature.order == 1
    if plain:
        assert recommendation.name == space.name
    elif recommendation.name != "none":
        named = next(other for other in catalogue() if other.name == recommendation.name)
        assert seen(named) == seen(space)


def seen(space: KnownSpace) -> tuple[int, ...]:
    """What is computed of a space of large dimension."""
    return space.dimension, space.betti(2, 1), space.betti(3, 1)


@pytest.mark.parametrize("kind", ["named", "none"])
@pytest.mark.parametrize("samples", [10, 60, 2000, 10**7])
@pytest.mark.parametrize("dimension", [1, 2, 4, 9])
def test_confidence_grows_with_the_score_and_is_a_probability(kind: str, samples: int, dimension: int) -> None:
    values = [confidence_of(kind, score, samples, dimension) for score in np.linspace(0, 1, 21)]
    assert values == sorted(values) and 0 < values[0] < values[-1] < 1


@pytest.mark.parametrize("space", catalogue()[:9], ids=lambda space: space.name)
def test_several_dimensions_are_none(space: KnownSpace) -> None:
    _, recommendation = recommend(shown(space), MIXED, 2000, 2)
    assert (recommendation.name, recommendation.latent) == ("none", None)


def test_genus_two_is_none_with_reasons() -> None:
    betti = {(p, k): sure(n) for p in (2, 3) for k, n in ((1, 4), (2, 1))}
    candidates, recommendation = recommend(
        {"dimension": {2: 0.98}, "homology": betti, "boundary": 1.0, "orientation": 1.0}, WHOLE, 2000, 2
    )
    assert recommendation.name == "none"
    assert any(reason.startswith("against") for reason in candidates[0].reasons)


def test_betti_numbers_of_a_torus_without_products_are_no_torus() -> None:
    torus = find(["torus"])[0]
    wedge = shown(torus, products=np.zeros((2, 2), dtype=bool), covers=[(3, 3)] * 3)
    assert recommend(wedge, WHOLE, 2000, 2)[1].name == "none"


def test_candidates_restrict_the_choice() -> None:
    betti = {(p, k): sure(n) for p in (2, 3) for k, n in ((1, 1), (2, 0))}
    band = {"dimension": {2: 0.98}, "homology": betti, "boundary": 0.0}
    assert {candidate.name for candidate in recommend(band, WHOLE, 2000, 2)[0]} > {"mobius", "cylinder"}
    candidates, recommendation = recommend(band, WHOLE, 2000, 2, find(["mobius", "torus"]))
    assert [candidate.name for candidate in candidates] == ["mobius", "torus"]
    assert recommendation.name == "mobius"


each_kind = pytest.mark.parametrize("finding", FINDINGS, ids=lambda finding: finding.kind)


@each_kind
def test_each_kind_of_finding_has_a_floor(finding: Finding) -> None:
    assert 0 < finding.floor < 1


@each_kind
@pytest.mark.parametrize("space", catalogue()[:9], ids=lambda space: space.name)
def test_what_was_not_observed_gives_no_reason(finding: Finding, space: KnownSpace) -> None:
    assert not list(finding.reasons({}, space))


@each_kind
def test_no_reason_counts_by_more_than_the_floor(finding: Finding) -> None:
    torus, klein = find(["torus", "klein"])
    for found, space in ((torus, torus), (torus, klein), (klein, torus)):
        reasons = list(finding.reasons(shown(found), space))
        assert reasons and all(np.log(finding.floor) <= reason.evidence <= 0 for reason in reasons)


def test_each_kind_of_finding_has_a_name_of_its_own() -> None:
    assert len({finding.kind for finding in FINDINGS}) == len(FINDINGS)


def test_ratios_are_ranked_and_filled_up() -> None:
    ratios = ranked_ratios(np.array([[1.0, 2.0], [1.0, 4.0]]))
    assert ratios.tolist() == [4.0, 2.0] + [1.0] * (RANKS - 2)
    assert ranked_ratios(np.zeros((0, 2))).tolist() == [1.0] * RANKS
