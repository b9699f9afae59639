"""Laws of invariant polynomials: invariance, separation, a small set, refusal of large groups."""

import math

import numpy as np
import pytest
import torch

from topovae.errors import UsageError
from topovae.latent import LatentSpace
from topovae.latent.invariants import PolynomialMap, Polynomials, _count, _monomials, find_invariants


@pytest.mark.parametrize("n, circles", [(2, (0,)), (3, ()), (5, (0, 3)), (6, (0, 2, 4)), (7, (2,))])
@pytest.mark.parametrize("degree", [1, 2, 3, 5])
def test_as_many_products_are_foreseen_as_there_are(n, circles, degree):
    made = [products for total in range(degree + 1) for products in _monomials(0, n, circles, total)]
    assert _count(n, len(circles), degree) == len(set(made)) == len(made)


# The number of decoder features that DESIGN's usual spaces need, fixed coordinates among them.
SIZES = {
    "klein": 5,
    "mobius": 5,
    "rp2": 5,
    "so3": 9,
    "(S1)/<rot(1/3)>": 2,
    "(S1)/<rot(1/2)>": 2,
    "(S1xS1xI)/<rot(1/3),id,id>": 5,
    "(S1)/<rot(1/256)>": 2,
    "(S1xS1)/<rot(1/17),id>": 4,
    "(S1xI)/<rot(1/18),flip>": 5,
    "(S1xS1)/<rot(1/5),id>/<id,rot(1/5)>": 4,
}

# Groups of more than 16 elements: the least ratio of feature distance to geodesic distance, over pairs of points.
LARGE = {
    "(S1)/<rot(1/32)>": 10.0,
    "(S1xS1)/<rot(1/17),id>": 0.6,
    "(S1xI)/<rot(1/18),flip>": 0.2,
    "(S1xS1)/<rot(1/18),flip>": 0.2,
    "(S1xI)/<rot(1/64),flip>": 0.2,
    "(S1xS1)/<rot(1/32),rot(3/32)>": 1.0,
    "(S1xS1)/<rot(1/5),id>/<id,rot(1/5)>": 2.0,
}
each_large = pytest.mark.parametrize("name", LARGE)


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


@pytest.mark.parametrize("n", [2, 3, 6, 16, 32])
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
    # 2 x y + 3 y² − 1, where −1 is the constant.
    polynomials = Polynomials(2, np.array([[0, 1], [1, 1], [-1, -1]]), np.array([[2.0, 3.0, -1.0]]))
    points = np.array([[1.0, 2.0], [0.5, -1.0]])
    np.testing.assert_allclose(evaluate(polynomials, points)[:, 0], [4 + 12 - 1, -1 + 3 - 1])


@pytest.mark.parametrize("k", [1, 2, 3, 7, 50])
def test_waves_are_those_of_the_angle(k):
    # h cos kθ + 2 sin kθ in the variables h, cos θ, sin θ.
    wave = 1 + 3 * (k - 1)
    polynomials = Polynomials(3, np.array([[0, wave], [wave + 1, -1]]), np.array([[1.0, 2.0]]), (1,))
    circle, h = circle_points(100), np.linspace(-1, 1, 100)
    angle = np.arctan2(circle[:, 1], circle[:, 0])
    values = evaluate(polynomials, np.concatenate([h[:, None], circle], 1))[:, 0]
    np.testing.assert_allclose(values, h * np.cos(k * angle) + 2 * np.sin(k * angle), atol=1e-12)


@each_large
def test_features_of_large_groups_are_invariant(name):
    space = LatentSpace(name, encoder="cover")
    torch.manual_seed(0)
    z = space.sample_prior(500, torch.zeros(0, dtype=torch.float64))
    features = space.features(z)
    assert (space.features(space.orbit(z)) - features).abs().max() < 1e-10
    # In single precision to the rounding of the angle, times the order of the waves.
    assert (space.features(z.float()) - features).abs().max() < 1e-6 * space.order
    invariants = features[:, -space.invariants.out_dim :]
    # Centred and scaled on 4096 / |G| orbits.
    error = 0.05 + 2 * math.sqrt(space.order / 4096)
    assert invariants.mean(0).abs().max() < error and (invariants.square().mean(0) - 0.5).abs().max() < error


@each_large
def test_features_of_large_groups_separate_orbits(name):
    space = LatentSpace(name, encoder="cover")
    torch.manual_seed(0)
    z, w = (space.sample_prior(4000, torch.zeros(0, dtype=torch.float64)) for _ in range(2))
    near = space.posterior(z, torch.full((4000, space.scale_dim), 0.3 / space.order, dtype=torch.float64)).sample()
    for other in (w, near):
        ratio = (space.features(other) - space.features(z)).norm(dim=-1) / space.distance(z, other)
        assert ratio.min() > LARGE[name]
        assert ratio.max() < 4 * space.order * math.sqrt(space.feature_dim)


def test_gradients_of_features_equal_numerical_ones():
    space = LatentSpace("(S1xI)/<rot(1/18),flip>", encoder="cover")
    torch.manual_seed(0)
    z = space.sample_prior(5, torch.zeros(0, dtype=torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(space.features, z)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("(S9xS9)/<anti,id>/<id,anti>", "smaller group"),
        ("(S1xS1)/<rot(1/64),rot(5/64)>", "order 64"),
        ("(T3)/<rot(1/20),rot(3/20),rot(7/20)>", "too many functions"),
    ],
)
def test_large_groups_are_refused_in_words(name, words):
    with pytest.raises(UsageError, match=words):
        LatentSpace(name)
