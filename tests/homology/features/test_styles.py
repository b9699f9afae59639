"""Circles that homology of pooled images does not see are found within groups and by symmetry, and recommended."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.places import SAMPLES

from topovae.data.dataset import Dataset
from topovae.data.readers.find import read
from topovae.homology import analyze
from topovae.homology.features.orbits import OrbitFinding, Style
from topovae.homology.features.styles import Styles, find_styles
from topovae.homology.features.symmetry import Symmetry
from topovae.homology.verdict.candidates import by_orbits


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return read(SAMPLES / "rotated_digits.h5")


@pytest.mark.slow
def test_groups_recommend_a_circle_and_what_the_digits_differ_by(digits: Dataset) -> None:
    answer = analyze(digits, max_dim=1).recommendation
    assert (answer.latent, answer.source) == ("S1xR2", "groups")


def test_symmetry_does_where_there_are_no_groups(digits: Dataset) -> None:
    found = find_styles(replace(digits, group=None), seed=0)
    assert found.orbits is None
    assert [symmetry.transformation for symmetry in found.symmetries if symmetry.closed] == ["rotation"]
    answer = by_orbits(found)
    assert answer is not None and (answer.latent, answer.source) == ("S1xR2", "symmetry")


def test_homology_keeps_its_answer_where_it_sees_the_circle() -> None:
    found = analyze(read(SAMPLES / "turning_digit.h5"))
    assert any(symmetry.circle for symmetry in found.symmetries)
    assert (found.recommendation.name, found.recommendation.source) == ("circle", "homology")


def test_points_without_groups_have_no_style() -> None:
    assert find_styles(Dataset.of(np.random.default_rng(0).normal(size=(200, 5))), 0) == Styles()


def symmetry(transformation: str, probability: float) -> Symmetry:
    return Symmetry(transformation, 0.0, 1.0, 0.1, probability, "closed" if probability > 0.5 else "not closed")


SHIFTS = (symmetry("shift-rows", 0.99), symmetry("shift-columns", 0.97))
CASES = {
    "no finding": (Styles(), None, 0),
    "rotation": (Styles(None, (symmetry("rotation", 0.95),), Style(2, 50, True)), "S1xR2", 1),
    "one orbit": (Styles(None, (symmetry("rotation", 0.95),), Style(0, 1, True)), "S1", 1),
    "shifts": (Styles(None, SHIFTS, Style(2, 50, True)), "S1xS1xR2", 2),
    "too unsure": (Styles(None, (symmetry("rotation", 0.7),)), None, 0),
    "a reflection is no circle": (Styles(None, (symmetry("reflection-left-right", 0.99),)), None, 0),
    "groups come first": (
        Styles(OrbitFinding("torus", 0.9, 9, 100, 9.0, (3.0, 3.0, 1.0), 0.0), SHIFTS[:1], Style(1, 9, False)),
        "S1xS1xR",
        2,
    ),
}


@pytest.mark.parametrize(("styles", "latent", "circles"), CASES.values(), ids=CASES.keys())
def test_latents_of_findings(styles: Styles, latent: str | None, circles: int) -> None:
    answer = by_orbits(styles)
    assert (None if answer is None else answer.latent) == latent
    assert styles.circles == circles
    assert set(styles.to_dict()) == {"orbits", "symmetries", "style"}
