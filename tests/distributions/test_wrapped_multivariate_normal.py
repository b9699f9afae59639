"""Laws of the multivariate normal wrapped on the torus, for any covariance."""

import itertools
import math

import pytest
import torch
from torch.distributions import Independent, MultivariateNormal, kl_divergence

from topovae.distributions.uniform import CircleUniform, IntervalUniform
from topovae.distributions.wrapped_multivariate_normal import WrappedMultivariateNormal, _reduced
from topovae.distributions.wrapped_normal import WrappedNormal, wrap

DOUBLE, SINGLE = torch.float64, torch.float32
LOC = [0.4, -2.9, 7.0]
SHAPE = [[1.0, 0.0, 0.0], [0.7, 0.6, 0.0], [-0.5, 0.4, 1.3]]
SCALES = [0.05, 0.4, 0.9, 1.6, 2.5, 5.0]
each_scale = pytest.mark.parametrize("scale", SCALES)
each_dim = pytest.mark.parametrize("k", [1, 2, 3])
each_dtype = pytest.mark.parametrize("dtype", [SINGLE, DOUBLE], ids=["single", "double"])


def build(k, scale, dtype=DOUBLE, batch=(), mc_samples=8):
    loc = torch.tensor(LOC[:k], dtype=dtype).expand(*batch, k).clone().requires_grad_()
    tril = (scale * torch.tensor(SHAPE, dtype=dtype)[:k, :k]).expand(*batch, k, k).clone().requires_grad_()
    return WrappedMultivariateNormal(loc, tril, mc_samples, validate_args=None if loc.numel() else False), loc, tril


def prior(k, dtype=DOUBLE):
    return Independent(CircleUniform(torch.Size((k,)), dtype), 1)


def images(q, value, turns):
    """The density as a plain sum over images."""
    k = q.loc.shape[-1]
    shifts = 2 * math.pi * torch.tensor(list(itertools.product(range(-turns, turns + 1), repeat=k)), dtype=DOUBLE)
    normal = MultivariateNormal(q.loc.detach(), scale_tril=q.scale_tril.detach())
    return torch.logsumexp(normal.log_prob(value[..., None, :] + shifts), -1)


def torus(k, n):
    axis = -math.pi + 2 * math.pi * (torch.arange(n, dtype=DOUBLE) + 0.5) / n
    return torch.cartesian_prod(*[axis] * k).reshape(-1, k), (2 * math.pi / n) ** k


def within(samples, value):
    error = 4.5 * samples.std().item() / math.sqrt(len(samples))
    return abs(samples.mean().item() - torch.as_tensor(value).item()) <= error + 1e-6


@each_dim
@each_scale
def test_density_is_the_sum_over_all_images(k, scale):
    q, _, _ = build(k, scale)
    torch.manual_seed(0)
    value = (torch.rand(20, k, dtype=DOUBLE) - 0.5) * 2 * math.pi
    turns = math.ceil(10 * scale * 1.5 / 6) + 2
    expected = images(q, value, turns)
    torch.testing.assert_close(q.log_prob(value).detach(), expected, atol=1e-6, rtol=1e-9)
    torch.testing.assert_close(q.log_prob(value + 2 * math.pi), q.log_prob(value), atol=1e-7, rtol=1e-7)
    single = build(k, scale, SINGLE)[0].log_prob(value.to(SINGLE))
    torch.testing.assert_close(single.double(), expected, atol=1e-3, rtol=1e-3)


@each_dim
def test_density_of_random_covariances_is_the_sum_over_all_images(k):
    torch.manual_seed(0)
    for _ in range(20):
        tril = torch.randn(k, k, dtype=DOUBLE).tril(-1) + torch.diag(2 * torch.rand(k, dtype=DOUBLE) + 0.1)
        q = WrappedMultivariateNormal(torch.randn(k, dtype=DOUBLE), tril)
        value = (torch.rand(10, k, dtype=DOUBLE) - 0.5) * 2 * math.pi
        torch.testing.assert_close(q.log_prob(value), images(q, value, 9), atol=1e-6, rtol=1e-9)


@each_scale
@pytest.mark.parametrize("k", [1, 2])
def test_density_integrates_to_one_and_gives_the_divergence(k, scale):
    q, _, _ = build(k, scale)
    points, area = torus(k, 400)
    log_density = q.log_prob(points).detach()
    mass = area * log_density.exp()
    assert mass.sum().item() == pytest.approx(1, abs=1e-6)
    expected = (mass * (log_density + k * math.log(2 * math.pi))).sum().item()
    if k == 1:
        assert kl_divergence(q, prior(k)).item() == pytest.approx(expected, abs=1e-6)
    torch.manual_seed(0)
    batch, _, _ = build(k, scale, batch=(2000,))
    estimates = kl_divergence(batch, prior(k)).detach()
    assert within(estimates, expected)
    assert estimates.std().item() < 0.35
    torch.testing.assert_close(batch.entropy().mean(), k * math.log(2 * math.pi) - estimates.mean(), atol=0.05, rtol=0)


def test_divergence_is_exact_where_nothing_wraps_and_where_all_is_uniform():
    for k in (2, 3):
        q, _, _ = build(k, 0.05)
        closed = k * math.log(2 * math.pi) - MultivariateNormal(q.loc, scale_tril=q.scale_tril).entropy()
        torch.testing.assert_close(kl_divergence(q, prior(k)), closed, atol=1e-6, rtol=0)
        assert kl_divergence(build(k, 30.0)[0], prior(k)).item() == pytest.approx(0, abs=1e-6)


@each_scale
def test_a_diagonal_covariance_is_a_product_of_wrapped_normals(scale):
    scales = scale * torch.tensor([0.5, 1.0, 1.7], dtype=DOUBLE)
    q = WrappedMultivariateNormal(torch.tensor(LOC, dtype=DOUBLE), torch.diag(scales))
    p = Independent(WrappedNormal(torch.tensor(LOC, dtype=DOUBLE), scales), 1)
    torch.manual_seed(0)
    value = q.sample((50,))
    torch.testing.assert_close(q.log_prob(value), p.log_prob(value), atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(kl_divergence(q, prior(3)), p.base_dist.entropy().neg().sum() + 3 * math.log(2 * math.pi))


@each_dim
@each_scale
def test_samples_have_the_characteristic_function_of_the_law(k, scale):
    # E e^{i m·θ} = exp(i m·loc − ½ |Lᵀm|²), which determines the law on the torus.
    q, loc, tril = build(k, scale)
    torch.manual_seed(0)
    z = q.sample((20000,))
    assert (z.abs() <= math.pi).all()
    for m in itertools.product((-1, 0, 2), repeat=k):
        m = torch.tensor(m, dtype=DOUBLE)
        size = torch.exp(-0.5 * (tril.detach().T @ m).square().sum()).item()
        phase = (z - loc.detach()) @ m
        assert within(torch.cos(phase), size) and within(torch.sin(phase), 0.0)


@each_dim
@each_scale
def test_density_gradients_equal_numerical_ones(k, scale):
    torch.manual_seed(0)
    value = build(k, scale)[0].sample((6,))
    q, loc, tril = build(k, scale)
    by_loc, by_tril = torch.autograd.grad(q.log_prob(value).sum(), (loc, tril))
    lower = torch.ones(k, k).tril().bool()
    for leaf, gradient, entries in ((0, by_loc, range(k)), (1, by_tril, lower.nonzero().tolist())):
        for entry in entries:
            values = []
            for step in (1e-6, -1e-6):
                parts = [loc.detach().clone(), tril.detach().clone()]
                at = parts[leaf]
                at[tuple(entry) if leaf else entry] += step
                values.append(WrappedMultivariateNormal(*parts).log_prob(value).sum().item())
            numerical = (values[0] - values[1]) / 2e-6
            assert gradient[tuple(entry) if leaf else entry].item() == pytest.approx(numerical, rel=1e-4, abs=2e-5)


@each_scale
@pytest.mark.parametrize("k", [2, 3])
def test_pathwise_gradients_are_those_of_the_expectation(k, scale):
    q, loc, tril = build(k, scale, batch=(20000,))
    torch.manual_seed(1)
    m = torch.tensor([1.0, 1.0, -1.0], dtype=DOUBLE)[:k]
    value = torch.cos(q.rsample() @ m).sum()
    leaves = build(k, scale)[1:]
    exact = torch.cos(leaves[0] @ m) * torch.exp(-0.5 * (leaves[1].mT @ m).square().sum())
    samples = torch.autograd.grad(value, (loc, tril))
    for sample, gradient in zip(samples, torch.autograd.grad(exact, leaves), strict=True):
        for s, g in zip(sample.reshape(20000, -1).T, gradient.reshape(-1), strict=True):
            if s.any():
                assert within(s, g)


@each_scale
def test_divergence_gradients_are_those_of_the_integral(scale):
    points, area = torus(2, 300)
    q, _, tril = build(2, scale)
    log_density = q.log_prob(points)
    (exact,) = torch.autograd.grad((area * log_density.exp() * log_density).sum(), tril)
    batch, _, leaf = build(2, scale, batch=(4000,))
    torch.manual_seed(0)
    (samples,) = torch.autograd.grad(kl_divergence(batch, prior(2)).sum(), leaf)
    for i, j in ((0, 0), (1, 0), (1, 1)):
        error = 4.5 * samples[:, i, j].std().item() / math.sqrt(4000)
        assert samples[:, i, j].mean().item() == pytest.approx(exact[i, j].item(), abs=error + 1e-4, rel=1e-6)


@each_dtype
@each_dim
@pytest.mark.parametrize("exponent", range(-6, 7))
def test_values_and_gradients_are_finite_at_any_scale(k, exponent, dtype):
    q, *leaves = build(k, 10.0**exponent, dtype)
    torch.manual_seed(0)
    z = q.rsample((50,))
    far = wrap(q.loc.detach() + math.pi * torch.linspace(-1, 1, 5, dtype=dtype)[:, None])
    for value in (z, q.log_prob(z), q.log_prob(z.detach()), q.log_prob(far), kl_divergence(q, prior(k)), q.entropy()):
        assert value.dtype == dtype and torch.isfinite(value).all()
        for gradient in torch.autograd.grad(value.sum(), leaves, retain_graph=True, allow_unused=True):
            assert gradient is None or torch.isfinite(gradient).all()


@each_dtype
def test_values_and_gradients_are_finite_for_needles(dtype):
    for long, narrow, slope in itertools.product((1e-3, 1.0, 1e3, 1e6), (1e-6, 1e-2, 1.0), (0.0, 1.0, 0.618)):
        tril = torch.tensor([[long, 0.0], [slope * long, narrow]], dtype=dtype, requires_grad=True)
        q = WrappedMultivariateNormal(torch.zeros(2, dtype=dtype), tril)
        torch.manual_seed(0)
        z = q.rsample((20,))
        for value in (z, q.log_prob(z), kl_divergence(q, prior(2))):
            assert torch.isfinite(value).all()
            (gradient,) = torch.autograd.grad(value.sum(), tril, retain_graph=True)
            assert torch.isfinite(gradient).all()


@each_dtype
@each_dim
@pytest.mark.parametrize("n", [0, 1, 4096])
def test_batches_of_any_size(k, n, dtype):
    q, *leaves = build(k, 0.8, dtype, (n,), mc_samples=1)
    z = q.rsample((2,))
    assert z.shape == (2, n, k) and z.dtype == dtype
    assert q.log_prob(z[0]).shape == (n,) and kl_divergence(q, prior(k)).shape == (n,)
    (q.log_prob(z[0]).sum() + kl_divergence(q, prior(k)).sum()).backward()
    assert [leaf.grad.shape for leaf in leaves] == [leaf.shape for leaf in leaves]
    wide = q.expand(torch.Size((3, n)))
    assert wide.batch_shape == (3, n) and wide.rsample().shape == (3, n, k)


def test_reduction_finds_the_shortest_vectors():
    torch.manual_seed(0)
    for k in (2, 3):
        short = torch.randn(30, k, k, dtype=DOUBLE)
        change = torch.eye(k, dtype=DOUBLE).repeat(30, 1, 1)
        for _ in range(4):
            shear = torch.randint(-4, 5, (30, k, k)).double()
            change = change @ (torch.eye(k, dtype=DOUBLE) + shear.tril(-1)) @ (torch.eye(k, dtype=DOUBLE) + shear.triu(1))
        basis = short @ change
        u = _reduced(basis)
        torch.testing.assert_close(u, u.round())
        found = (basis @ u).norm(dim=-2).sort(-1).values
        counts = torch.tensor(list(itertools.product(range(-6, 7), repeat=k)), dtype=DOUBLE).T
        counts = counts[:, counts.abs().amax(0) > 0]
        shortest = (short @ counts).norm(dim=-2).amin(-1)
        assert (found[:, 0] <= shortest * (1 + 1e-6)).all()


def test_wrong_shapes_and_priors_are_refused():
    with pytest.raises(ValueError, match="1 to 3 angles"):
        WrappedMultivariateNormal(torch.zeros(4), torch.eye(4))
    q, _, _ = build(2, 1.0)
    with pytest.raises(NotImplementedError, match="torus"):
        kl_divergence(q, Independent(IntervalUniform(torch.zeros(2), torch.ones(2)), 1))
