"""Laws of the Kumaraswamy distribution, at any pair of parameters."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.distributions import Uniform, kl_divergence

from topovae.distributions.kumaraswamy import Kumaraswamy, log1mexp
from topovae.distributions.uniform import IntervalUniform

ORACLES = Path(__file__).resolve().parents[3] / "shared" / "oracles" / "kl.json"
DOUBLE, SINGLE = torch.float64, torch.float32
CASES = [(1.0, 1.0), (0.3, 0.4), (2.0, 5.0), (10.0, 10.0), (40.0, 3.0), (0.2, 6.0), (1.0, 200.0)]
each_case = pytest.mark.parametrize(("a", "b"), CASES)
each_dtype = pytest.mark.parametrize("dtype", [SINGLE, DOUBLE], ids=["single", "double"])


def build(a, b, dtype=DOUBLE, batch=()):
    a, b = (torch.full(batch, v, dtype=dtype, requires_grad=True) for v in (a, b))
    return Kumaraswamy(a, b), a, b


def prior(dtype=DOUBLE):
    return Uniform(torch.zeros((), dtype=dtype), torch.ones((), dtype=dtype))


def rule():
    """Points of (0, 1) and weights, equidistant in the logit: singular ends cost nothing."""
    logit = torch.linspace(-120, 36, 60001, dtype=DOUBLE)
    return torch.sigmoid(logit), torch.sigmoid(logit) * torch.sigmoid(-logit) * (logit[1] - logit[0])


def derivative(function, x):
    step = 1e-5 * x
    return (function(x + step) - function(x - step)) / (2 * step)


@each_case
def test_density_integrates_to_one_and_gives_the_divergence_and_the_mean(a, b):
    q, _, _ = build(a, b)
    x, weights = rule()
    mass = weights * q.log_prob(x).exp()
    assert mass.sum().item() == pytest.approx(1, abs=1e-6)
    assert (mass * x).sum().item() == pytest.approx(q.mean.item(), abs=1e-6)
    kl = kl_divergence(q, prior()).item()
    assert kl == pytest.approx((mass * q.log_prob(x)).sum().item(), abs=2e-5)
    assert q.entropy().item() == -kl
    assert kl_divergence(build(a, b, SINGLE)[0], prior(SINGLE)).item() == pytest.approx(kl, rel=1e-3, abs=1e-6)


@pytest.mark.skipif(not ORACLES.exists(), reason="the reference divergences are not beside the repository")
def test_divergences_equal_the_reference_values():
    rows = [r for r in json.loads(ORACLES.read_text())["rows"] if r["kl"] == "kumaraswamy || uniform[0,1]"]
    assert rows
    for row in rows:
        for dtype, tolerance in ((DOUBLE, {"abs": 1e-6}), (SINGLE, {"rel": 1e-3, "abs": 1e-6})):
            q = build(float(row["a"]), float(row["b"]), dtype)[0]
            assert kl_divergence(q, prior(dtype)).item() == pytest.approx(row["value"], **tolerance), row


@each_case
def test_samples_follow_the_distribution_function(a, b):
    torch.manual_seed(0)
    x = build(a, b)[0].sample((20000,)).sort().values.numpy()
    expected = -np.expm1(b * np.log1p(-(x**a)))
    steps = np.arange(len(x) + 1) / len(x)
    statistic = max((steps[1:] - expected).max(), (expected - steps[:-1]).max())
    assert statistic < 2.0 / math.sqrt(len(x))  # Kolmogorov–Smirnov, p < 1e-3


@each_case
def test_gradients_equal_numerical_ones(a, b):
    x, _ = rule()
    x = x[20000:55000:7000]
    for function in (lambda q: kl_divergence(q, prior()), lambda q: q.log_prob(x).sum(), lambda q: q.mean):
        q, *leaves = build(a, b)
        gradients = torch.autograd.grad(function(q), leaves)
        numerical = [
            derivative(lambda v, f=function: f(build(v, b)[0]).item(), a),
            derivative(lambda v, f=function: f(build(a, v)[0]).item(), b),
        ]
        for gradient, expected in zip(gradients, numerical, strict=True):
            assert gradient.item() == pytest.approx(expected, rel=1e-5, abs=1e-6)


@each_case
@pytest.mark.parametrize("test", [torch.square, lambda x: torch.cos(3 * x)], ids=["square", "cosine"])
def test_pathwise_gradients_are_those_of_the_expectation(a, b, test):
    members, *batch = build(a, b, batch=(20000,))
    torch.manual_seed(1)
    samples = torch.autograd.grad(test(members.rsample()).sum(), batch)
    q, *leaves = build(a, b)
    x, weights = rule()
    exact = torch.autograd.grad((weights * q.log_prob(x).exp() * test(x)).sum(), leaves)
    for sample, gradient in zip(samples, exact, strict=True):
        error = 4.5 * sample.std().item() / math.sqrt(len(sample))
        assert sample.mean().item() == pytest.approx(gradient.item(), abs=error + 1e-5)


@each_dtype
@pytest.mark.parametrize("a", 10.0 ** np.arange(-6, 7))
@pytest.mark.parametrize("b", 10.0 ** np.arange(-6, 7, 2))
def test_values_and_gradients_are_finite_at_any_scale(a, b, dtype):
    q, *leaves = build(a, b, dtype)
    torch.manual_seed(0)
    x = q.rsample((100,))
    assert x.dtype == dtype and (x > 0).all() and (x < 1).all()
    at = torch.linspace(0, 1, 7, dtype=dtype)
    kl = kl_divergence(q, prior(dtype))
    for value in (x, q.log_prob(x), q.log_prob(x.detach()), q.log_prob(at), kl, q.entropy(), q.mean):
        assert value.dtype == dtype and torch.isfinite(value).all()
        for gradient in torch.autograd.grad(value.sum(), leaves, retain_graph=True, allow_unused=True):
            assert gradient is None or torch.isfinite(gradient).all()
    assert kl >= -1e-6


@each_dtype
@pytest.mark.parametrize("n", [0, 1, 4096])
def test_batches_of_any_size(n, dtype):
    q, *leaves = build(2.0, 3.0, dtype, (n,))
    x = q.rsample((2,))
    assert x.shape == (2, n) and q.log_prob(x).shape == (2, n) and kl_divergence(q, prior(dtype)).shape == (n,)
    (q.log_prob(x).sum() + kl_divergence(q, prior(dtype)).sum()).backward()
    assert all(leaf.grad.shape == (n,) for leaf in leaves)
    wide = q.expand(torch.Size((3, n)))
    assert wide.batch_shape == (3, n) and wide.rsample().shape == (3, n)


def test_logarithms_give_the_same_law():
    q, a, b = build(2.0, 5.0)
    p = Kumaraswamy.from_logs(a.log(), b.log())
    x = torch.linspace(0.1, 0.9, 5, dtype=DOUBLE)
    torch.testing.assert_close(p.log_prob(x), q.log_prob(x))
    torch.testing.assert_close(p.entropy(), q.entropy())


def test_density_outside_the_interval_is_zero_and_a_smaller_support_is_infinitely_far():
    q, _, _ = build(2.0, 5.0)
    assert q.log_prob(torch.tensor([-0.1, 1.1], dtype=DOUBLE)).tolist() == [-math.inf, -math.inf]
    assert kl_divergence(q, IntervalUniform(torch.tensor(0.1), torch.tensor(1.0))) == math.inf
    wide = kl_divergence(q, Uniform(torch.tensor(-1.0, dtype=DOUBLE), torch.tensor(1.0, dtype=DOUBLE)))
    assert (wide - kl_divergence(q, prior())).item() == pytest.approx(math.log(2))


def test_log1mexp_keeps_its_relative_precision():
    y = torch.tensor([1e-30, 1e-8, 0.5, 0.7, 30.0, 700.0], dtype=DOUBLE, requires_grad=True)
    expected = [math.log(1e-30), math.log(1e-8) - 5e-9, math.log(-math.expm1(-0.5)), math.log1p(-math.exp(-0.7))]
    expected += [math.log1p(-math.exp(-30)), -math.exp(-700)]
    torch.testing.assert_close(log1mexp(y), torch.tensor(expected, dtype=DOUBLE), rtol=1e-14, atol=0)
    (gradient,) = torch.autograd.grad(log1mexp(y).sum(), y)
    torch.testing.assert_close(gradient, 1 / torch.expm1(y.detach()), rtol=1e-12, atol=0)
