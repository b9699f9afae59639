"""The beta distribution against scipy's, and the derivatives of its samples; its laws are in test_laws.py."""

import math

import numpy as np
import pytest
import torch
from scipy import special
from torch.distributions import Uniform, kl_divergence

from topovae.distributions.beta import Beta, _Reparametrised

DOUBLE, SINGLE = torch.float64, torch.float32
CASES = [(1.0, 1.0), (0.3, 0.4), (0.02, 0.03), (2.0, 5.0), (60.0, 40.0), (0.2, 6.0), (3.0, 2000.0)]
each_case = pytest.mark.parametrize(("a", "b"), CASES)


def build(a, b, dtype=DOUBLE, batch=()):
    a, b = (torch.full(batch, v, dtype=dtype, requires_grad=True) for v in (a, b))
    return Beta(a, b), a, b


def prior(dtype=DOUBLE):
    return Uniform(torch.zeros((), dtype=dtype), torch.ones((), dtype=dtype))


def derivative(function, x):
    step = 1e-5 * x
    return (function(x + step) - function(x - step)) / (2 * step)


@each_case
def test_density_is_that_of_scipy_and_gives_the_divergence(a, b):
    q, _, _ = build(a, b)
    x = np.linspace(0.01, 0.99, 21)
    expected = torch.as_tensor(special.xlogy(a - 1, x) + special.xlog1py(b - 1, -x) - special.betaln(a, b))
    torch.testing.assert_close(q.log_prob(torch.as_tensor(x)).detach(), expected, rtol=1e-10, atol=1e-10)
    # ∫ over the logit, where the density is smooth and its logarithm is known beyond the range of x.
    logit = torch.linspace(-2500, 1500, 400001, dtype=DOUBLE)
    log_x, log_y = torch.nn.functional.logsigmoid(logit), torch.nn.functional.logsigmoid(-logit)
    mass = torch.exp(a * log_x + b * log_y - special.betaln(a, b)) * (logit[1] - logit[0])
    assert mass.sum().item() == pytest.approx(1, abs=1e-6)
    kl = kl_divergence(q, prior()).item()
    integral = (mass * ((a - 1) * log_x + (b - 1) * log_y - special.betaln(a, b))).sum().item()
    assert kl == pytest.approx(integral, abs=1e-6)
    assert q.entropy().item() == -kl
    assert kl_divergence(build(a, b, SINGLE)[0], prior(SINGLE)).item() == pytest.approx(kl, rel=1e-3, abs=1e-6)


@each_case
def test_samples_follow_the_distribution_function_and_the_moments(a, b):
    torch.manual_seed(0)
    q, _, _ = build(a, b)
    x = q.sample((20000,)).sort().values.numpy()
    expected = special.betainc(a, b, x)
    steps = np.arange(len(x) + 1) / len(x)
    # Ties at the least and the greatest number of the dtype count on the side of the interval.
    inner = (x > 1e-300) & (x < 1 - 1e-15)
    statistic = max((steps[1:] - expected)[inner].max(), (expected - steps[:-1])[inner].max())
    assert statistic < 2.0 / math.sqrt(len(x))  # Kolmogorov–Smirnov, p < 1e-3
    assert abs(x.mean() - q.mean.item()) < 4.5 * math.sqrt(q.variance.item() / len(x))


@pytest.mark.parametrize("u", [1e-4, 0.01, 0.2, 0.5, 0.78, 0.99])
@pytest.mark.parametrize(("a", "b"), [(0.05, 0.06), (0.1, 2), (0.5, 0.5), (2, 5), (60, 40), (1e4, 1e4), (5, 1e3), (0.02, 30)])
def test_the_derivative_of_a_sample_is_that_of_the_inverse_distribution_function(a, b, u):
    x = special.betaincinv(a, b, u)
    if x > 1 - 1e-6:  # where the reference has no precision: the mirrored law
        a, b, x = b, a, special.betaincinv(b, a, 1 - u)
        u = 1 - u
    concentrations = [torch.tensor(float(v), dtype=DOUBLE, requires_grad=True) for v in (a, b)]
    logit = _Reparametrised.apply(*concentrations, torch.tensor(special.logit(x), dtype=DOUBLE))
    expected = [
        derivative(lambda v: special.logit(special.betaincinv(v, b, u)), a),
        derivative(lambda v: special.logit(special.betaincinv(a, v, u)), b),
    ]
    for gradient, value in zip(torch.autograd.grad(logit, concentrations), expected, strict=True):
        assert gradient.item() == pytest.approx(value, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("dtype", [SINGLE, DOUBLE], ids=["single", "double"])
@each_case
def test_pathwise_gradients_are_those_of_the_moments(a, b, dtype):
    # E x = a/(a + b) and E x² = a(a + 1)/((a + b)(a + b + 1)), at concentrations too small for the laws' quadrature too.
    moments = [lambda a, b: a / (a + b), lambda a, b: a * (a + 1) / ((a + b) * (a + b + 1))]
    for power, moment in enumerate(moments, 1):
        members, *batch = build(a, b, dtype, (20000,))
        torch.manual_seed(1)
        samples = torch.autograd.grad((members.rsample() ** power).sum(), batch)
        leaves = [torch.tensor(v, dtype=DOUBLE, requires_grad=True) for v in (a, b)]
        for sample, exact in zip(samples, torch.autograd.grad(moment(*leaves), leaves), strict=True):
            error = 4.5 * sample.std().item() / math.sqrt(len(sample))
            assert sample.mean().item() == pytest.approx(exact.item(), abs=error + 1e-6)


def test_the_divergence_has_its_numerical_gradient_at_small_concentrations():
    a, b = 0.02, 0.03
    q, *leaves = build(a, b)
    numerical = [
        derivative(lambda v: kl_divergence(build(v, b)[0], prior()).item(), a),
        derivative(lambda v: kl_divergence(build(a, v)[0], prior()).item(), b),
    ]
    for gradient, expected in zip(torch.autograd.grad(kl_divergence(q, prior()), leaves), numerical, strict=True):
        assert gradient.item() == pytest.approx(expected, rel=1e-5, abs=1e-6)
