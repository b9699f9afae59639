"""The Kumaraswamy distribution: mean, distribution function, precision; its laws are in test_laws.py."""

import math

import numpy as np
import pytest
import torch

from topovae.distributions.kumaraswamy import Kumaraswamy, log1mexp

DOUBLE = torch.float64
CASES = [(1.0, 1.0), (0.3, 0.4), (2.0, 5.0), (10.0, 10.0), (40.0, 3.0), (0.2, 6.0), (1.0, 200.0)]


def build(a, b):
    a, b = (torch.tensor(v, dtype=DOUBLE, requires_grad=True) for v in (a, b))
    return Kumaraswamy(a, b), a, b


@pytest.mark.parametrize(("a", "b"), CASES)
def test_mean_is_that_of_the_density_and_has_its_gradient(a, b):
    q, *leaves = build(a, b)
    mean = Kumaraswamy(*leaves).mean
    # Equidistant in the logit: singular ends cost nothing.
    logit = torch.linspace(-120, 36, 60001, dtype=DOUBLE)
    x, weights = torch.sigmoid(logit), torch.sigmoid(logit) * torch.sigmoid(-logit) * (logit[1] - logit[0])
    expected = (weights * q.log_prob(x).exp() * x).sum()
    assert mean.item() == pytest.approx(expected.item(), abs=1e-6)
    for gradient, exact in zip(torch.autograd.grad(mean, leaves), torch.autograd.grad(expected, leaves), strict=True):
        assert gradient.item() == pytest.approx(exact.item(), rel=1e-5, abs=2e-5)


@pytest.mark.parametrize(("a", "b"), CASES)
def test_samples_follow_the_distribution_function(a, b):
    torch.manual_seed(0)
    x = build(a, b)[0].sample((20000,)).sort().values.numpy()
    expected = -np.expm1(b * np.log1p(-(x**a)))
    steps = np.arange(len(x) + 1) / len(x)
    statistic = max((steps[1:] - expected).max(), (expected - steps[:-1]).max())
    assert statistic < 2.0 / math.sqrt(len(x))  # Kolmogorov–Smirnov, p < 1e-3


def test_logarithms_give_the_same_law():
    q, a, b = build(2.0, 5.0)
    p = Kumaraswamy.from_logs(a.log(), b.log())
    x = torch.linspace(0.1, 0.9, 5, dtype=DOUBLE)
    torch.testing.assert_close(p.log_prob(x), q.log_prob(x))
    torch.testing.assert_close(p.entropy(), q.entropy())


def test_log1mexp_keeps_its_relative_precision():
    y = torch.tensor([1e-30, 1e-8, 0.5, 0.7, 30.0, 700.0], dtype=DOUBLE, requires_grad=True)
    expected = [math.log(1e-30), math.log(1e-8) - 5e-9, math.log(-math.expm1(-0.5)), math.log1p(-math.exp(-0.7))]
    expected += [math.log1p(-math.exp(-30)), -math.exp(-700)]
    torch.testing.assert_close(log1mexp(y), torch.tensor(expected, dtype=DOUBLE), rtol=1e-14, atol=0)
    (gradient,) = torch.autograd.grad(log1mexp(y).sum(), y)
    torch.testing.assert_close(gradient, 1 / torch.expm1(y.detach()), rtol=1e-12, atol=0)
