"""The von Mises–Fisher law: density, divergences, samples and their gradients, on spheres of any dimension."""

import math
from functools import cache

import numpy as np
import pytest
import torch
from scipy.special import ive
from torch.distributions import kl_divergence

from topovae.distributions.uniform import SphereUniform, log_sphere_area
from topovae.distributions.von_mises_fisher import VonMisesFisher, log_mass_and_gap

DOUBLE, SINGLE = torch.float64, torch.float32
DIMS = (1, 2, 3, 5, 10)
CONCENTRATIONS = (0.05, 0.8, 5.0, 60.0, 3000.0)
leggauss = cache(np.polynomial.legendre.leggauss)
each_dim = pytest.mark.parametrize("dim", DIMS)
each_concentration = pytest.mark.parametrize("concentration", CONCENTRATIONS)
each_dtype = pytest.mark.parametrize("dtype", [SINGLE, DOUBLE], ids=["single", "double"])


def direction(angle, dim):
    """Unit vectors in the plane of the first two axes."""
    zeros = torch.zeros(*angle.shape, dim - 1, dtype=angle.dtype)
    return torch.cat([torch.cos(angle)[..., None], torch.sin(angle)[..., None], zeros], -1)


def build(dim, concentration, dtype=DOUBLE, batch=(), loc=0.7):
    """The law and its leaves: the angle of its mean direction, and its concentration."""
    leaves = [torch.full(batch, float(v), dtype=dtype, requires_grad=True) for v in (loc, concentration)]
    return VonMisesFisher(direction(leaves[0], dim), leaves[1]), *leaves


def legendre(low, high, n=300):
    nodes, weights = leggauss(n)
    return low + (high - low) * (nodes + 1) / 2, weights * (high - low) / 2


def widest(dim, concentration):
    """An angle to the mean direction beyond which there is no mass."""
    return min(math.pi, 10 * math.sqrt((dim + 4) / concentration))


def within(samples, value, n_errors=4.5):
    error = n_errors * samples.std().item() / math.sqrt(len(samples))
    return abs(samples.mean().item() - value) <= error + 1e-7


def derivative(function, x, step=1e-4):
    step *= x
    return (function(x + step) - function(x - step)) / (2 * step)


@pytest.mark.parametrize("dim", [*DIMS, 40])
@pytest.mark.parametrize("concentration", [1e-4, 0.03, 1.0, 7.0, 30.0, 200.0, 1e4, 1e6])
def test_normaliser_and_mean_are_bessel_functions(dim, concentration):
    order = (dim - 1) / 2
    bessel, ratio = ive(order, concentration), ive(order + 1, concentration) / ive(order, concentration)
    if bessel < 1e-250:
        pytest.skip("scipy's Bessel function underflows")
    expected = (order + 1) * math.log(2 * math.pi) - order * math.log(concentration) + math.log(bessel)
    kappa = torch.tensor(concentration, dtype=DOUBLE, requires_grad=True)
    log_mass, gap = log_mass_and_gap(kappa, dim)
    assert log_mass.item() == pytest.approx(expected, abs=1e-11)
    assert gap.item() == pytest.approx(1 - ratio, rel=1e-9, abs=1e-12)
    (slope,) = torch.autograd.grad(log_mass, kappa, create_graph=True)
    assert slope.item() == pytest.approx(-gap.item(), rel=1e-12)
    variance = 1 - ratio**2 - dim * ratio / concentration
    assert torch.autograd.grad(slope, kappa)[0].item() == pytest.approx(variance, rel=1e-6, abs=1e-11)


@each_dim
@each_concentration
def test_density_integrates_to_one_and_divergence_is_its_integral(dim, concentration):
    q, _, _ = build(dim, concentration)
    angle, weights = (torch.tensor(part) for part in legendre(0, widest(dim, concentration)))
    # Measured from loc, about which the density is symmetric.
    log_density = q.log_prob(direction(0.7 + angle, dim))
    mass = weights * torch.sin(angle) ** (dim - 1) * math.exp(log_sphere_area(dim - 1)) * log_density.exp()
    assert mass.sum().item() == pytest.approx(1, abs=1e-9)
    assert q.mean_resultant_length.item() == pytest.approx((mass * torch.cos(angle)).sum().item(), abs=1e-9)
    kl = kl_divergence(q, SphereUniform(dim, dtype=DOUBLE))
    assert kl.item() == pytest.approx((mass * log_density).sum().item() + log_sphere_area(dim), abs=1e-9)
    assert (kl + q.entropy()).item() == pytest.approx(log_sphere_area(dim), abs=1e-12)
    single, _, _ = build(dim, concentration, SINGLE)
    assert kl_divergence(single, SphereUniform(dim)).item() == pytest.approx(kl.item(), rel=1e-5, abs=1e-6)


@each_dim
@each_concentration
def test_samples_follow_the_density(dim, concentration):
    q, _, _ = build(dim, concentration)
    torch.manual_seed(0)
    z = q.sample((10000,))
    angle = 2 * torch.asin(((z - q.loc).norm(dim=-1) / 2).clamp(max=1)).sort().values
    grid = torch.linspace(0, widest(dim, concentration), 4001, dtype=DOUBLE)
    density = torch.sin(grid) ** (dim - 1) * math.exp(log_sphere_area(dim - 1)) * q.log_prob(direction(0.7 + grid, dim)).exp()
    levels = torch.cumulative_trapezoid(density, grid).detach().numpy()
    expected = np.interp(angle.detach().numpy(), grid[1:].numpy(), levels, left=0)
    steps = np.arange(len(z) + 1) / len(z)
    statistic = max((steps[1:] - expected).max(), (expected - steps[:-1]).max())
    assert statistic < 2.0 / math.sqrt(len(z))  # Kolmogorov–Smirnov, p < 1e-3
    # The directions around loc are uniform: their mean and covariance have no preference.
    tangent = z - (z * q.loc).sum(-1, keepdim=True) * q.loc
    tangent = (tangent / tangent.norm(dim=-1, keepdim=True)).detach()
    orthogonal = torch.eye(dim + 1, dtype=DOUBLE) - q.loc[:, None] * q.loc
    assert (tangent.mean(0).abs() < 5 / math.sqrt(len(z))).all()
    assert ((tangent.T @ tangent / len(z) - orthogonal.detach() / dim).abs() < 5 / math.sqrt(len(z))).all()


@each_dim
@each_concentration
def test_entropy_and_divergences_equal_their_monte_carlo_estimates(dim, concentration):
    q, _, _ = build(dim, concentration)
    p, _, _ = build(dim, 0.6 * concentration, loc=0.7 + 0.8 / math.sqrt(1 + concentration))
    torch.manual_seed(1)
    z = q.sample((10000,))
    log_density = q.log_prob(z).detach()
    assert within(-log_density, q.entropy().item())
    assert within(log_density - p.log_prob(z).detach(), kl_divergence(q, p).item())
    assert kl_divergence(q, q).item() == pytest.approx(0, abs=1e-12)


@each_dim
@each_concentration
def test_divergence_gradients_equal_numerical_ones(dim, concentration):
    q, loc, leaf = build(dim, concentration)
    prior, other = SphereUniform(dim, dtype=DOUBLE), build(dim, 2.0, loc=1.5)[0]
    (gradient,) = torch.autograd.grad(kl_divergence(q, prior), leaf, create_graph=True)
    value = lambda v: kl_divergence(build(dim, v)[0], prior).item()  # noqa: E731
    assert gradient.item() == pytest.approx(derivative(value, concentration), rel=1e-5, abs=1e-9)
    slope = lambda v: torch.autograd.grad(kl_divergence((b := build(dim, v))[0], prior), b[2])[0].item()  # noqa: E731
    (curvature,) = torch.autograd.grad(gradient, leaf)
    assert curvature.item() == pytest.approx(derivative(slope, concentration), rel=1e-5, abs=1e-9)
    gradients = torch.autograd.grad(kl_divergence(q, other), [loc, leaf])
    numerical = [
        derivative(lambda v: kl_divergence(build(dim, concentration, loc=v)[0], other).item(), 0.7),
        derivative(lambda v: kl_divergence(build(dim, v)[0], other).item(), concentration),
    ]
    for gradient, expected in zip(gradients, numerical, strict=True):
        assert gradient.item() == pytest.approx(expected, rel=1e-4, abs=1e-6)


def level(angle, dim, concentration):
    """The distribution function of the angle to loc and its density, by quadrature."""

    def density(t):
        return np.sin(t) ** (dim - 1) * np.exp(-2 * concentration * np.sin(t / 2) ** 2)

    t, weights = legendre(0, widest(dim, concentration))
    mass = (weights * density(t)).sum()
    t, weights = legendre(0, angle)
    return (weights * density(t)).sum() / mass, density(angle) / mass


@each_dim
@each_concentration
def test_each_sample_follows_its_level_of_the_distribution_function(dim, concentration):
    q, _, leaf = build(dim, concentration, batch=(6,))
    torch.manual_seed(2)
    chord = (q.rsample() - q.loc.detach()).norm(dim=-1)
    angle = 2 * torch.asin(chord / 2)
    slope = torch.autograd.grad(angle.sum(), leaf)[0].numpy()
    for a, s in zip(angle.detach().numpy(), slope, strict=True):
        moved = derivative(lambda k, a=a: level(a, dim, k)[0], concentration)
        assert s == pytest.approx(-moved / level(a, dim, concentration)[1], rel=1e-4, abs=1e-7)


def expectation(function, dim, concentration, loc):
    """E f(z₀), by quadrature over the angle to loc and the angle around it, with none of the code under test."""
    t, weights = legendre(0, widest(dim, concentration), 120)
    density = weights * np.sin(t) ** (dim - 1) * np.exp(-2 * concentration * np.sin(t / 2) ** 2)
    around, ring = (np.array([0, math.pi]), np.ones(2)) if dim == 1 else legendre(0, math.pi, 120)
    ring = ring * np.sin(around) ** (dim - 2) if dim > 1 else ring
    first = np.cos(t)[:, None] * math.cos(loc) + np.sin(t)[:, None] * math.sin(loc) * np.cos(around)
    values = function(torch.tensor(first)).numpy()
    return density @ values @ ring / (density.sum() * ring.sum())


FUNCTIONS = {
    "quadratic": lambda t: t + t * t,
    "exponential": lambda t: torch.exp(2 * t),
    "wave": lambda t: torch.sin(4 * t),
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
@pytest.mark.parametrize("concentration", [0.3, 4.0, 80.0])
@each_dim
def test_pathwise_gradients_are_those_of_the_expectation(dim, concentration, function):
    q, *leaves = build(dim, concentration, batch=(10000,))
    torch.manual_seed(3)
    along, spread = torch.autograd.grad(function(q.rsample()[:, 0]).sum(), leaves)
    assert within(along, derivative(lambda v: expectation(function, dim, concentration, v), 0.7))
    assert within(spread, derivative(lambda v: expectation(function, dim, v, 0.7), concentration))


def test_second_derivative_of_a_sample_equals_the_numerical_one():
    # On S² the sampler inverts the distribution function, so a seed fixes the level.
    def slope(concentration):
        q, _, leaf = build(2, concentration, batch=(20,))
        torch.manual_seed(4)
        (gradient,) = torch.autograd.grad((q.rsample() * q.loc).sum(), leaf, create_graph=True)
        return gradient, leaf

    gradient, leaf = slope(3.0)
    (curvature,) = torch.autograd.grad(gradient.sum(), leaf)
    numerical = (slope(3.001)[0] - slope(2.999)[0]) / 0.002
    torch.testing.assert_close(curvature, numerical.detach(), rtol=1e-4, atol=1e-6)


@each_dtype
@each_dim
def test_values_and_gradients_are_finite_at_any_concentration(dim, dtype):
    loc = torch.full((15,), 0.7, dtype=dtype, requires_grad=True)
    concentration = torch.tensor([10.0**e for e in (-12, *range(-6, 7), 12)], dtype=dtype, requires_grad=True)
    q, leaves = VonMisesFisher(direction(loc, dim), concentration), [loc, concentration]
    prior = SphereUniform(dim, dtype=dtype)
    torch.manual_seed(0)
    z, kl = q.rsample((200,)), kl_divergence(q, prior)
    torch.testing.assert_close(z.norm(dim=-1), torch.ones_like(z[..., 0]), atol=1e-5, rtol=0)
    other = build(dim, 1.0, dtype)[0]
    values = [z, q.log_prob(z), q.log_prob(z.detach()), q.log_prob(-q.loc), kl, q.entropy(), q.mean, kl_divergence(other, q)]
    for value in values:
        assert value.dtype == dtype and torch.isfinite(value).all()
        for gradient in torch.autograd.grad(value.sum(), leaves, retain_graph=True, allow_unused=True):
            assert gradient is None or torch.isfinite(gradient).all()
    assert (kl >= 0).all()


def test_gradient_is_finite_at_the_poles_and_at_concentration_zero():
    for dim in DIMS:
        q, *leaves = build(dim, 0.0, batch=(50,))
        torch.manual_seed(0)
        z = q.rsample()
        kl = kl_divergence(q, SphereUniform(dim, dtype=DOUBLE))
        gradients = torch.autograd.grad(z.sum() + q.log_prob(z).sum() + kl.sum(), leaves)
        assert all(torch.isfinite(g).all() for g in gradients) and (kl == 0).all()


@each_dtype
@each_dim
@pytest.mark.parametrize("n", [0, 1, 4096])
def test_batches_of_any_size(dim, n, dtype):
    q, *leaves = build(dim, 3.0, dtype, (n,))
    z = q.rsample((2,))
    assert z.shape == (2, n, dim + 1) and z.dtype == dtype
    assert q.log_prob(z).shape == (2, n)
    kl = kl_divergence(q, SphereUniform(dim, dtype=dtype))
    assert kl.shape == q.entropy().shape == q.mean_resultant_length.shape == (n,)
    assert q.mean.shape == q.mean_direction.shape == (n, dim + 1)
    (q.log_prob(z).sum() + kl.sum() + z.sum()).backward()
    assert all(leaf.grad.shape == (n,) for leaf in leaves)
    wide = q.expand(torch.Size((3, n)))
    assert wide.batch_shape == (3, n) and wide.sample().shape == (3, n, dim + 1)
    torch.testing.assert_close(wide.log_prob(z[0]), q.log_prob(z[0]).expand(3, n))


def test_samples_repeat_with_the_seed():
    q, _, _ = build(3, 2.0)
    draws = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        draws.append(q.sample((10,)))
    assert torch.equal(draws[0], draws[1]) and not torch.equal(draws[0], draws[2])


@each_dim
def test_members_of_a_vmapped_ensemble_have_their_own_samples_and_gradients(dim):
    concentrations = torch.tensor([0.5, 5.0, 5.0, 200.0], dtype=DOUBLE)
    loc = direction(torch.tensor(0.7, dtype=DOUBLE), dim)

    def loss(concentration):
        q = VonMisesFisher(loc, concentration.expand(2000), validate_args=False)
        z = q.rsample()
        return 2 * (1 - z @ loc).mean() + kl_divergence(q, SphereUniform(dim, dtype=DOUBLE)).mean()

    torch.manual_seed(0)
    gradients, values = torch.func.vmap(torch.func.grad_and_value(loss), randomness="different")(concentrations)
    assert values[1] != values[2]
    leaf = concentrations.clone().requires_grad_()
    log_mass, gap = log_mass_and_gap(leaf, dim)
    exact = (2 - leaf) * gap - log_mass + log_sphere_area(dim)
    torch.testing.assert_close(values, exact.detach(), rtol=0.1, atol=0.1)
    torch.testing.assert_close(gradients, torch.autograd.grad(exact.sum(), leaf)[0], rtol=0.1, atol=0.02)


@each_dim
def test_a_concentration_that_is_not_a_number_gives_such_samples(dim):
    q = VonMisesFisher(torch.eye(dim + 1)[0], torch.tensor([1.0, math.nan]), validate_args=False)
    z = q.sample()
    assert torch.isfinite(z[0]).all() and torch.isnan(z[1]).any()
