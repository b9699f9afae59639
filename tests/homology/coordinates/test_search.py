"""Coordinates found without labels agree with the truth, up to what a latent space cannot tell apart."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from topovae.data.synthetic.spaces import Sample, generate
from topovae.homology import Analysis, Coordinates, analyze, find_coordinates
from topovae.homology.coordinates.search import basis_change
from topovae.signature import parse

SAMPLES = 1000


@cache
def draw(space: str) -> Sample:
    """Draw from a space through a random smooth map."""
    return generate(space, SAMPLES, ambient=50, noise=0.05, seed=1000)


@cache
def diagnosis(space: str) -> Analysis:
    return analyze(draw(space).x, seed=0, max_dim=1)


@cache
def found(space: str, latent: str) -> Coordinates:
    return find_coordinates(draw(space).x, diagnosis(space), parse(latent))


def agreement(a: np.ndarray, b: np.ndarray) -> float:
    """Return the circular correlation of two angles up to offset and reflection."""
    return max(abs(np.exp(1j * (a - b)).mean()), abs(np.exp(1j * (a + b)).mean()))


def circles(points: np.ndarray, truth: np.ndarray) -> float:
    """Return the least agreement of angles in the best order."""
    table = np.array([[agreement(a, b) for b in truth.T] for a in points.T])
    assert len(set(table.argmax(1))) == len(table)
    return float(table.max(1).min())


def on_sheets(points: np.ndarray, truth: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the agreement of base circles with half a turn, and which samples were found on the other sheet."""
    base, true = points[:, 0], truth[:, 0]
    if abs(np.exp(2j * (base + true)).mean()) > abs(np.exp(2j * (base - true)).mean()):
        true = -true
    mean = np.exp(2j * (base - true)).mean()
    return abs(mean), np.rint((base - true - np.angle(mean) / 2) / np.pi).astype(int) % 2 == 1


def band(points: np.ndarray, truth: np.ndarray) -> float:
    base, other = on_sheets(points, truth)
    height = np.where(other, 1 - points[:, 1], points[:, 1])
    return min(base, abs(np.corrcoef(height, truth[:, 1])[0, 1]))


def shell(points: np.ndarray, truth: np.ndarray) -> float:
    """Return the least agreement of the circle and of the height beside it."""
    height = abs(np.corrcoef(points[:, 1], truth[:, 1])[0, 1])
    return min(agreement(points[:, 0], truth[:, 0]), height)


def bottle(points: np.ndarray, truth: np.ndarray) -> float:
    base, other = on_sheets(points, truth)
    return min(base, agreement(np.where(other, -points[:, 1], points[:, 1]), truth[:, 1]))


def sphere(points: np.ndarray, truth: np.ndarray) -> float:
    """Return the correlation of the cosines between points, which no rotation changes."""
    return float(np.corrcoef((points @ points.T).ravel(), (truth @ truth.T).ravel())[0, 1])


def projective(points: np.ndarray, truth: np.ndarray) -> float:
    """Return the same of cosines up to sign."""
    return float(np.corrcoef(((points @ points.T) ** 2).ravel(), ((truth @ truth.T) ** 2).ravel())[0, 1])


AGREE = {
    ("circle", "S1"): (circles, 0.95),
    ("cylinder", "S1xI"): (shell, 0.9),
    ("r2xs1", "S1xR2"): (circles, 0.9),
    ("torus", "S1xS1"): (circles, 0.9),
    ("mobius", "mobius"): (band, 0.8),
    ("mobius", "(S1xR)/<rot(1/2),flip>"): (band, 0.7),
    ("klein", "klein"): (bottle, 0.9),
    ("sphere", "S2"): (sphere, 0.9),
    ("rp2", "RP2"): (projective, 0.9),
    ("so3", "SO3"): (projective, 0.75),
}


@pytest.mark.parametrize(("space", "latent"), AGREE)
def test_coordinates_agree_with_the_truth(space: str, latent: str) -> None:
    measure, bound = AGREE[space, latent]
    points, truth = found(space, latent).points, draw(space).truth
    assert truth is not None
    given = ~np.isnan(points).all(0)
    assert np.isfinite(points[:, given]).all()
    assert measure(points[:, given], truth[:, given]) > bound
    assert not found(space, latent).doubts


@pytest.mark.parametrize(("space", "latent"), AGREE)
def test_where_a_sample_lies_does_not_depend_on_the_others(space: str, latent: str) -> None:
    few = find_coordinates(draw(space).x[:7], diagnosis(space), parse(latent))
    np.testing.assert_allclose(few.points, found(space, latent).points[:7], atol=1e-6)


@pytest.mark.parametrize("space", ["klein", "rp2"])
def test_equal_data_give_equal_coordinates(space: str) -> None:
    again = analyze(draw(space).x, seed=0, max_dim=1)
    points = find_coordinates(draw(space).x, again, parse(space)).points
    assert np.array_equal(points, found(space, space).points)


RANGES = {
    "S1xI": [(0, 2 * np.pi), (0, 1)],
    "annulus": [(0, 2 * np.pi), (0, 1)],
    "klein": [(0, 2 * np.pi)] * 2,
    "mobius": [(0, 2 * np.pi), (0, 1)],
    "S2": [(-1, 1)] * 3,
    "RP3": [(-1, 1)] * 4,
    "S1xS2xR2": [(0, 2 * np.pi), *[(-1, 1)] * 3, *[(-np.inf, np.inf)] * 2],
    "R3": [(-np.inf, np.inf)] * 3,
}


@pytest.mark.parametrize("latent", RANGES)
@pytest.mark.parametrize("space", ["torus", "sphere", "mobius"])
def test_there_is_a_column_for_every_number_in_its_range(space: str, latent: str) -> None:
    points = found(space, latent).points
    assert points.shape == (SAMPLES, len(RANGES[latent]))
    for column, (low, high) in zip(points.T, RANGES[latent], strict=True):
        assert np.isnan(column).all() or ((column >= low) & (column <= high)).all()


@pytest.mark.parametrize(
    ("space", "latent", "given"),
    [
        ("circle", "S1xS1", 1),
        ("cylinder", "S1xS1", 1),
        ("sphere", "S1", 0),
        ("sphere", "klein", 0),
        ("sphere", "RP2", 0),
        ("torus", "S1xI", 2),
        ("torus", "RP2", 0),
        ("rp2", "S2", 3),
        ("klein", "S1xS1", 1),
    ],
)
def test_a_latent_that_does_not_match_raises_doubts(space: str, latent: str, given: int) -> None:
    answer = found(space, latent)
    assert answer.doubts
    assert np.isfinite(answer.points).all(0).sum() == given


def test_a_circle_modulo_a_rotation_is_divided() -> None:
    truth = draw("circle").truth
    assert truth is not None
    assert agreement(3 * found("circle", "(S1)/<rot(1/3)>").points[:, 0], truth[:, 0]) > 0.95


def test_only_one_reversed_circle_is_found() -> None:
    answer = found("klein", "(S1xS1xS1)/<rot(1/2),flip,flip>")
    assert np.isfinite(answer.points).all(0).tolist() == [True, True, False]
    assert any("odd class of their own" in doubt for doubt in answer.doubts)


def test_distances_place_no_samples() -> None:
    angle = 2 * np.pi * np.arange(120) / 120
    chord = 2 * np.abs(np.sin((angle[:, None] - angle) / 2))
    answer = find_coordinates(chord, analyze(chord, distance_matrix=True), parse("S1"))
    assert np.isnan(answer.points).all() and "distance matrix" in answer.source


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_change_of_basis_takes_one_class_to_another(size: int) -> None:
    classes = [np.array(c) for c in np.ndindex(*[2] * size) if any(c)]
    for a in classes:
        for b in classes:
            change = basis_change(a, b)
            assert abs(round(np.linalg.det(change))) == 1
            assert ((b @ change - a) % 2 == 0).all()


def test_a_circle_whose_opposite_views_look_alike_is_not_wound_twice() -> None:
    t = np.arange(200) * 2 * np.pi / 200  # denser along the strands than they lie apart
    x = np.column_stack([np.cos(2 * t), np.sin(2 * t), 0.2 * np.cos(t), 0.2 * np.sin(t)])
    coordinates = find_coordinates(x, analyze(x, max_dim=1), parse("S1"))
    assert np.isnan(coordinates.points).all() and "wind 2 times" in " ".join(coordinates.doubts)
