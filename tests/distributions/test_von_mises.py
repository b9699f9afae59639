"""The von Mises law on the circle: density, divergences, samples and their gradients."""

import math
from functools import cache

import numpy as np
import pytest
import torch
from scipy.special import i0e, i1e
from torch.distributions import kl_divergence

from topovae.distributions.uniform import CircleUniform
from topovae.distributions.von_mises import VonMises
from topovae.distributions.von_mises_fisher import VonMisesFisher

DOUBLE, SINGLE = torch.float64, torch.float32
CONCENTRATIONS = (0.01, 0.6, 2.0, 9.0, 70.0, 2000.0)
leggauss = cache(np.polynomial.legendre.leggauss)
each_concentration = pytest.mark.parametrize("concentration", CONCENTRATIONS)
each_loc = pytest.mark.parametrize("loc", [0.7, -3.0, 9.0])
each_dtype = pytest.mark.parametrize("dtype", [SINGLE, DOUBLE], ids=["single", "double"])


def build(concentration, loc=0.7, dtype=DOUBLE, batch=()):
    leaves = [torch.full(batch, float(v), dtype=dtype, requires_grad=True) for v in (loc, concentration)]
    return VonMises(*leaves), *leaves


def grid(loc, concentration, n=4001):
    """Trapezoidal nodes and their weights over the part of the circle with mass, exact to rounding."""
    half = min(math.pi, 10 / math.sqrt(concentration))
    nodes = torch.linspace(loc - half, loc + half, n, dtype=DOUBLE)
    weights = torch.full((n,), 2 * half / (n - 1), dtype=DOUBLE)
    weights[[0, -1]] /= 2
    return nodes, weights


def within(samples, value, n_errors=4.5):
    error = n_errors * samples.std().item() / math.sqrt(len(samples))
    return abs(samples.mean().item() - value) <= error + 1e-7


def derivative(function, x, step=1e-4):
    step *= x
    return (function(x + step) - function(x - step)) / (2 * step)


@each_loc
@each_concentration
def test_density_integrates_to_one_and_divergence_is_its_integral(concentration, loc):
    q, _, _ = build(concentration, loc)
    angle, weights = grid(loc, concentration)
    log_density = q.log_prob(angle)
    mass = weights * log_density.exp()
    assert mass.sum().item() == pytest.approx(1, abs=1e-10)
    kl = kl_divergence(q, CircleUniform(dtype=DOUBLE))
    assert kl.item() == pytest.approx((mass * log_density).sum().item() + math.log(2 * math.pi), abs=1e-10)
    assert (kl + q.entropy()).item() == pytest.approx(math.log(2 * math.pi), abs=1e-12)
    assert q.variance.item() == pytest.approx(1 - (mass * torch.cos(angle - loc)).sum().item(), abs=1e-10)
    assert kl_divergence(build(concentration, loc, SINGLE)[0], CircleUniform()).item() == pytest.approx(kl.item(), rel=1e-5)


@pytest.mark.parametrize("concentration", [1e-6, 1e-3, 0.029, 0.031, 0.5, 3.0, 30.0, 1e3, 1e6])
def test_divergence_and_moments_are_bessel_functions(concentration):
    q, _, leaf = build(concentration)
    ratio = i1e(concentration) / i0e(concentration)
    kl = kl_divergence(q, CircleUniform(dtype=DOUBLE))
    assert kl.item() == pytest.approx(concentration * (ratio - 1) - math.log(i0e(concentration)), rel=1e-9, abs=1e-9)
    assert q.mean_resultant_length.item() == pytest.approx(ratio, rel=1e-12, abs=1e-14)
    slope = concentration * (1 - ratio**2 - ratio / concentration)
    assert torch.autograd.grad(kl, leaf)[0].item() == pytest.approx(slope, rel=1e-6, abs=1e-9)
    # To leading order at both ends, where the Bessel functions cancel.
    leading = concentration**2 / 4 if concentration < 1e-2 else 0.5 * math.log(2 * math.pi * concentration / math.e)
    assert concentration in (0.029, 0.031, 0.5, 3.0) or kl.item() == pytest.approx(leading, rel=0.01)


@each_concentration
def test_density_is_that_of_torch_and_of_the_sphere_of_dimension_one(concentration):
    q, _, leaf = build(concentration)
    angle = torch.linspace(-3, 9, 13, dtype=DOUBLE)
    peer = torch.distributions.VonMises(torch.tensor(0.7, dtype=DOUBLE), leaf)
    torch.testing.assert_close(q.log_prob(angle), peer.log_prob(angle), rtol=0, atol=1e-5 * (1 + concentration * 1e-2))
    point = lambda a: torch.stack([torch.cos(a), torch.sin(a)], -1)  # noqa: E731
    sphere = VonMisesFisher(point(q.loc), q.concentration)
    torch.testing.assert_close(q.log_prob(angle), sphere.log_prob(point(angle)))


@each_loc
@each_concentration
def test_samples_follow_the_density(concentration, loc):
    q, _, _ = build(concentration, loc)
    torch.manual_seed(0)
    z = q.sample((20000,))
    assert z.abs().max() <= math.pi + 1e-6
    offset = torch.remainder(z - loc + math.pi, 2 * math.pi) - math.pi
    angle, _ = grid(loc, concentration)
    levels = torch.cumulative_trapezoid(q.log_prob(angle).exp(), angle).detach().numpy()
    expected = np.interp(offset.sort().values.numpy(), angle[1:].numpy() - loc, levels, left=0)
    steps = np.arange(len(z) + 1) / len(z)
    statistic = max((steps[1:] - expected).max(), (expected - steps[:-1]).max())
    assert statistic < 2.0 / math.sqrt(len(z))  # Kolmogorov–Smirnov, p < 1e-3


@each_concentration
def test_entropy_and_divergences_equal_their_monte_carlo_estimates(concentration):
    q, _, _ = build(concentration)
    p, _, _ = build(0.6 * concentration, 0.7 + 0.8 / math.sqrt(1 + concentration))
    torch.manual_seed(1)
    z = q.sample((20000,))
    log_density = q.log_prob(z).detach()
    assert within(-log_density, q.entropy().item())
    assert within(log_density - p.log_prob(z).detach(), kl_divergence(q, p).item())
    assert kl_divergence(q, q).item() == pytest.approx(0, abs=1e-12)


@each_concentration
def test_divergence_and_density_gradients_equal_numerical_ones(concentration):
    q, *leaves = build(concentration)
    prior, other = CircleUniform(dtype=DOUBLE), build(2.0, 1.5)[0]
    angle = torch.tensor([-1.0, 0.5, 3.0], dtype=DOUBLE)
    for value in (
        lambda q: kl_divergence(q, prior),
        lambda q: kl_divergence(q, other),
        lambda q: kl_divergence(other, q),
        lambda q: q.log_prob(angle).sum(),
        lambda q: q.entropy(),
    ):
        gradients = torch.autograd.grad(value(q), leaves, allow_unused=True)
        numerical = [
            derivative(lambda v, value=value: value(build(concentration, v)[0]).item(), 0.7),
            derivative(lambda v, value=value: value(build(v)[0]).item(), concentration),
        ]
        for gradient, expected in zip(gradients, numerical, strict=True):
            assert (0.0 if gradient is None else gradient.item()) == pytest.approx(expected, rel=1e-4, abs=1e-6)


FUNCTIONS = {
    "cosine": lambda z: torch.cos(z - 0.2),
    "waves": lambda z: torch.sin(3 * z) + torch.cos(2 * z + 1),
    "exponential": lambda z: torch.exp(2 * torch.cos(z)),
}


@each_loc
@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
@each_concentration
def test_pathwise_gradients_are_those_of_the_expectation(concentration, function, loc):
    def expectation(concentration, loc):
        angle, weights = grid(loc, concentration)
        density = weights * torch.exp(-2 * concentration * torch.sin((angle - loc) / 2) ** 2)
        return ((density * function(angle)).sum() / density.sum()).item()

    q, *leaves = build(concentration, loc, batch=(10000,))
    torch.manual_seed(2)
    along, spread = torch.autograd.grad(function(q.rsample()).sum(), leaves)
    assert within(along, derivative(lambda v: expectation(concentration, v), loc))
    assert within(spread, derivative(lambda v: expectation(v, loc), concentration))


@pytest.mark.parametrize("concentration", [1e-6, 1e-3, 0.5, 4.0, 40.0, 1e3, 1e6])
@each_dtype
def test_each_sample_follows_its_level_of_the_distribution_function(concentration, dtype):
    def level(offset, k):
        """The probability of the angles between 0 and `offset`, and the density, by quadrature."""
        nodes, weights = leggauss(200)
        density = lambda t: np.exp(-2 * k * np.sin(t / 2) ** 2)  # noqa: E731
        half = min(math.pi, 10 / math.sqrt(concentration))
        mass = (weights * density(half * (nodes + 1) / 2)).sum() * half
        return (weights * density(offset * (nodes + 1) / 2)).sum() * offset / 2 / mass, density(offset) / mass

    q, _, leaf = build(concentration, 0.0, dtype, (8,))
    kappa = leaf.detach()[0].double().item()
    torch.manual_seed(2)
    z = q.rsample()
    slopes = torch.autograd.grad(z.sum(), leaf)[0]
    for offset, slope in zip(z.tolist(), slopes.tolist(), strict=True):
        moved = derivative(lambda k, offset=offset: level(offset, k)[0], kappa, 1e-2 if kappa < 1e-2 else 1e-3)
        assert slope == pytest.approx(-moved / level(offset, kappa)[1], rel=1e-4, abs=1e-8)


@each_dtype
@each_loc
def test_values_and_gradients_are_finite_at_any_concentration(loc, dtype):
    leaves = [
        torch.full((15,), loc, dtype=dtype, requires_grad=True),
        torch.tensor([10.0**e for e in (-12, *range(-6, 7), 12)], dtype=dtype, requires_grad=True),
    ]
    q = VonMises(*leaves)
    torch.manual_seed(0)
    z, kl = q.rsample((300,)), kl_divergence(q, CircleUniform(dtype=dtype))
    other = build(1.0, 0.3, dtype)[0]
    values = [z, q.log_prob(z), q.log_prob(z.detach()), q.log_prob(q.loc + math.pi), kl, q.entropy(), q.variance]
    for value in [*values, kl_divergence(other, q), kl_divergence(q, other)]:
        assert value.dtype == dtype and torch.isfinite(value).all()
        for gradient in torch.autograd.grad(value.sum(), leaves, retain_graph=True, allow_unused=True):
            assert gradient is None or torch.isfinite(gradient).all()
    assert (kl >= 0).all()


@each_dtype
@pytest.mark.parametrize("n", [0, 1, 4096])
def test_batches_of_any_size(n, dtype):
    q, *leaves = build(3.0, dtype=dtype, batch=(n,))
    z = q.rsample((2,))
    assert z.shape == q.log_prob(z).shape == (2, n) and z.dtype == dtype
    kl = kl_divergence(q, CircleUniform(dtype=dtype))
    assert kl.shape == q.entropy().shape == q.variance.shape == q.mean_direction.shape == (n,)
    (q.log_prob(z).sum() + kl.sum() + z.sum()).backward()
    assert all(leaf.grad.shape == (n,) for leaf in leaves)
    wide = q.expand(torch.Size((3, n)))
    assert wide.batch_shape == (3, n) and wide.sample().shape == (3, n)
    torch.testing.assert_close(wide.log_prob(z[0]), q.log_prob(z[0]).expand(3, n))


def test_samples_repeat_with_the_seed():
    q, _, _ = build(2.0)
    draws = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        draws.append(q.sample((10,)))
    assert torch.equal(draws[0], draws[1]) and not torch.equal(draws[0], draws[2])


def test_members_of_a_vmapped_ensemble_have_their_own_samples_and_gradients():
    def loss(loc, concentration):
        q = VonMises(loc, concentration.expand(4000), validate_args=False)
        return torch.cos(q.rsample()).mean() + kl_divergence(q, CircleUniform(dtype=DOUBLE)).mean()

    concentrations = torch.tensor([0.5, 5.0, 5.0], dtype=DOUBLE)
    locs = torch.zeros(3, dtype=DOUBLE)
    torch.manual_seed(0)
    transform = torch.func.vmap(torch.func.grad_and_value(loss, argnums=1), randomness="different")
    gradients, values = transform(locs, concentrations)
    assert values[1] != values[2]
    leaf = concentrations.clone().requires_grad_()
    q = VonMises(locs, leaf)
    exact = q.mean_resultant_length + kl_divergence(q, CircleUniform(dtype=DOUBLE))
    torch.testing.assert_close(values, exact.detach(), rtol=0, atol=0.06)
    torch.testing.assert_close(gradients, torch.autograd.grad(exact.sum(), leaf)[0], rtol=0.1, atol=0.01)


def test_mean_direction_lies_within_a_turn():
    q, _, _ = build(2.0, 9.0)
    assert q.mean_direction.item() == pytest.approx(9.0 - 2 * math.pi)
