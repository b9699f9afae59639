"""Laws of invariant polynomials: invariance, separation, a small set, refusal of large groups."""

import numpy as np
import pytest
import torch

from topovae.errors import UsageError
from topovae.latent import LatentSpace
from topovae.latent.invariants import PolynomialMap, Polynomials, find_invariants

# The number of decoder features that DESIGN's usual spaces need, fixed coordinates among them.
SIZES = {
    "klein": 5,
    "mobius": 5,
    "rp2": 5,
    "so3": 9,
    "(S1)/<rot(1/3)>": 2,
    "(S1)/<rot(1/2)>": 2,
    "(S1xS1xI)/<rot(1/3),id,id>": 5,
}


def rotations(n):
    angles = 2 * np.pi * np.arange(n) / n
    return [np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) for a in angles]


def circle_points(n=4096, seed=0):
    angles = np.random.default_rng(seed).uniform(0, 2 * np.pi, n)
    return np.stack([np.cos(angles), np.sin(angles)], 1)


def evaluate(polynomials, points):
    return PolynomialMap(polynomials)(torch.as_tensor(points)).numpy()


@pytest.mark.parametrize("name", SIZES)
def test_the_set_is_small(name):
    assert LatentSpace(name).feature_dim == SIZES[name]


@pytest.mark.parametrize("n", [2, 3, 6, 16])
def test_cyclic_groups_have_the_waves_of_n_turns(n):
    points = circle_points(4096 // n)
    points = np.concatenate([points @ g.T for g in rotations(n)])
    found = find_invariants(points, rotations(n), np.zeros((len(points), 0)))
    values, angle = evaluate(found, points), np.arctan2(points[:, 1], points[:, 0])
    assert values.shape[1] == 2
    waves = np.stack([np.ones(len(angle)), np.cos(n * angle), np.sin(n * angle)], 1)
    fit = waves @ np.linalg.lstsq(waves, values, rcond=None)[0]
    np.testing.assert_allclose(fit, values, atol=1e-8)
    np.testing.assert_allclose(np.mean(values**2, 0), 0.5, atol=1e-8)


def test_known_invariants_are_not_found_again():
    points = circle_points()
    mirror = [np.eye(2), np.diag([1.0, -1.0])]
    points = np.concatenate([points @ g.T for g in mirror])
    # x is invariant already, and y² = 1 − x² follows from it on the circle.
    found = find_invariants(points[:, 1:], [m[1:, 1:] for m in mirror], np.zeros((len(points), 0)))
    assert found.coefficients.shape[0] == 1
    with_line = np.concatenate([points, np.random.default_rng(1).uniform(-1, 1, (len(points), 1))], 1)
    flips = [np.eye(2), -np.eye(2)]
    found = find_invariants(with_line[:, 1:], flips, with_line[:, :1])
    values = evaluate(found, with_line[:, 1:])
    basis = np.stack([np.ones(len(points)), points[:, 0], points[:, 0] ** 2], 1)
    for column in values.T:
        residual = column - basis @ np.linalg.lstsq(basis, column, rcond=None)[0]
        assert np.abs(residual).max() > 0.1


def test_polynomials_evaluate_their_monomials():
    # 2 x y + 3 y² − 1, where index 2 is the constant.
    polynomials = Polynomials(np.array([[0, 1], [1, 1], [2, 2]]), np.array([[2.0, 3.0, -1.0]]))
    points = np.array([[1.0, 2.0], [0.5, -1.0]])
    np.testing.assert_allclose(evaluate(polynomials, points)[:, 0], [4 + 12 - 1, -1 + 3 - 1])


@pytest.mark.parametrize(
    ("name", "words"),
    [("(S9xS9)/<anti,id>/<id,anti>", "smaller group"), ("(S1)/<rot(1/17)>", "order at most 16")],
)
def test_large_groups_are_refused_in_words(name, words):
    with pytest.raises(UsageError, match=words):
        LatentSpace(name)
