"""Findings that a space predicts name it; findings that none predicts name none."""

from __future__ import annotations

import numpy as np
import pytest

from topovae.homology.catalogue import CATALOGUE, Space
from topovae.homology.recommend import Findings, recommend
from topovae.homology.significance import RANKS, betti_distribution, betti_number, null, ranked_ratios


def sure(number: int) -> np.ndarray:
    return np.eye(RANKS + 1)[number]


def findings(space: Space, components: int = 1, manifold: float = 1.0) -> Findings:
    degrees = (1, 2) if 1 < space.dimension <= 3 else (1,)
    betti = {(p, k): sure(space.betti(p, k)) for p in (2, 3) for k in degrees}
    flags = (float(space.closed), float(space.orientable)) if space.dimension in (2, 3) else (None, None)
    return Findings(components, {space.dimension: 0.98}, betti, *flags, manifold)


@pytest.mark.parametrize("space", CATALOGUE, ids=lambda space: space.name)
def test_a_space_is_recommended_by_its_own_findings(space: Space) -> None:
    candidates, recommendation = recommend(findings(space))
    assert (recommendation.name, recommendation.latent) == (space.name, space.latent)
    assert 0.5 < recommendation.confidence <= 1
    assert candidates[0].name == space.name
    scores = [candidate.score for candidate in candidates]
    assert scores == sorted(scores, reverse=True)
    assert all(reason.startswith("for") for reason in candidates[0].reasons)


@pytest.mark.parametrize("space", CATALOGUE[:9], ids=lambda space: space.name)
def test_several_components_or_dimensions_are_none(space: Space) -> None:
    for found in (findings(space, components=2), findings(space, manifold=0.1)):
        _, recommendation = recommend(found)
        assert (recommendation.name, recommendation.latent) == ("none", None)


def test_genus_two_is_none_with_reasons() -> None:
    betti = {(p, k): sure(n) for p in (2, 3) for k, n in ((1, 4), (2, 1))}
    candidates, recommendation = recommend(Findings(1, {2: 0.98}, betti, 1.0, 1.0, 1.0))
    assert recommendation.name == "none"
    assert any(reason.startswith("against") for reason in candidates[0].reasons)


@pytest.mark.parametrize("dimension", [1, 2, 3])
@pytest.mark.parametrize("degree", [1, 2])
def test_betti_distributions_add_to_one_and_follow_the_ratios(degree: int, dimension: int) -> None:
    law = null(degree, dimension)
    critical = law.critical_ratio(0.01)
    for number in range(RANKS):
        ratios = np.where(np.arange(RANKS) < number, 1.5 * critical, 1.0)
        probabilities = betti_distribution(ratios, law, 0.01)
        assert probabilities.sum() == pytest.approx(1)
        assert probabilities.argmax() == number == betti_number(ratios, law, 0.01)


def test_a_stricter_level_asks_for_longer_bars() -> None:
    law = null(1, 2)
    assert law.critical_ratio(0.001) > law.critical_ratio(0.01) > law.critical_ratio(0.1) > 1


def test_ratios_are_ranked_and_filled_up() -> None:
    ratios = ranked_ratios(np.array([[1.0, 2.0], [1.0, 4.0]]))
    assert ratios.tolist() == [4.0, 2.0] + [1.0] * (RANKS - 2)
    assert ranked_ratios(np.zeros((0, 2))).tolist() == [1.0] * RANKS
