"""What would settle an answer that is not sure."""

from __future__ import annotations

import json

import numpy as np
import pytest

from topovae.data.synthetic.spaces import generate
from topovae.homology import Analysis, analyze
from topovae.homology.verdict.candidates import Recommendation
from topovae.homology.verdict.settling import MOST_TIMES, SURE, Growth, is_sure


def grown(*ratios: float, critical: float = 2.0) -> Growth:
    return Growth(1, 2, (500, 1000, 2000), ratios, critical)


def test_a_bar_that_grows_as_a_power_of_the_samples_is_followed_to_where_it_counts() -> None:
    slope = 0.25  # death/birth 2 at 8000 samples
    found = grown(*(2.0 * (count / 8000) ** slope for count in (500, 1000, 2000)))
    assert found.needed == pytest.approx(8000, rel=0.02)
    assert "about" in found.sentence() and "bar 2 of H1" in found.sentence()


@pytest.mark.parametrize(
    "ratios", [(1.4, 1.3, 1.2), (1.3, 1.3, 1.3), (1.300, 1.301, 1.302)], ids=["falls", "stays", "too slow"]
)
def test_a_bar_that_does_not_grow_foretells_nothing(ratios: tuple[float, ...]) -> None:
    assert grown(*ratios).needed is None
    assert "would not bring" in grown(*ratios).sentence()


def test_no_more_is_foretold_than_was_seen_to_grow() -> None:
    needed = [grown(*(2.0 * (count / (2000 * times)) ** 0.2 for count in (500, 1000, 2000))).needed for times in (20, 60)]
    assert needed[0] is not None and needed[0] <= 2000 * MOST_TIMES and needed[1] is None


@pytest.mark.parametrize(
    ("latent", "confidence", "sure"), [("S1", SURE, True), ("S1", SURE - 0.01, False), (None, 0.99, False)]
)
def test_a_name_that_is_sure_needs_no_more(latent: str | None, confidence: float, sure: bool) -> None:
    assert is_sure(Recommendation(latent, latent or "none", confidence)) == sure


@pytest.fixture(scope="module")
def unsure() -> Analysis:
    return analyze(generate("torus", 300, ambient=10, noise=0.2, seed=1).x)


def test_an_answer_that_is_not_sure_says_what_tells_the_nearest_apart(unsure: Analysis) -> None:
    assert not is_sure(unsure.recommendation)
    document = json.loads(json.dumps(unsure.to_dict(), allow_nan=False))["settling"]
    assert document["candidates"] == [one["latent"] for one in unsure.to_dict()["candidates"][:3]]
    assert document["rows"]
    for row in document["rows"]:
        assert set(row["expected"]) == set(row["probability"]) <= set(document["candidates"])
        assert len(set(row["expected"].values())) > 1 or max(row["probability"].values()) < 0.5
    assert any(way.startswith("--evidence") for way in document["ways"])
    assert [line for line in unsure.summary if line.startswith("what would settle it: ")] == [
        f"what would settle it: {way}" for way in document["ways"]
    ]


def test_an_answer_that_is_sure_says_nothing_of_it() -> None:
    found = analyze(generate("circle", 400, ambient=10, noise=0.02, seed=1).x, max_dim=1)
    assert found.recommendation.confidence > SURE and found.settling is None
    assert not any("settle" in line for line in found.summary)


def test_the_growth_is_that_of_the_same_bar_at_fewer_samples(unsure: Analysis) -> None:
    again = analyze(generate("torus", 300, ambient=10, noise=0.2, seed=1).x)
    assert again.settling == unsure.settling and "more samples: bar 1 of H1 has death/birth" in " ".join(unsure.summary)


def test_distances_say_nothing_of_it() -> None:
    x = np.random.default_rng(0).normal(size=(80, 3))
    assert analyze(np.linalg.norm(x[:, None] - x, axis=-1), distance_matrix=True).settling is None
