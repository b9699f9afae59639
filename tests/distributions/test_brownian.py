"""Laws of Brownian motion: exact on the spheres of dimension 1 to 3, asymptotic on other closed submanifolds."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import kl_divergence

from topovae.distributions.brownian import (
    _CORRECTIONS,
    BrownianMotion,
    ManifoldUniform,
    RoundSphere,
    Submanifold,
    TorusOfRevolution,
    _log_heat_kernel,
    _short_time_divergence,
)
from topovae.distributions.uniform import SphereUniform, log_sphere_area

DOUBLE, SINGLE = torch.float64, torch.float32
TIMES = [1e-6, 1e-3, 0.05, 0.3, 0.799, 0.801, 2.0, 10.0]
each_time = pytest.mark.parametrize("time", TIMES)
each_sphere = pytest.mark.parametrize("d", [1, 2, 3])
each_dtype = pytest.mark.parametrize("dtype", [SINGLE, DOUBLE], ids=["single", "double"])
MANIFOLDS = {
    "S1": RoundSphere(1),
    "S2": RoundSphere(2),
    "S3": RoundSphere(3),
    "S4": RoundSphere(4),
    "torus": TorusOfRevolution(1.0, 0.4),
}
each_manifold = pytest.mark.parametrize("name", MANIFOLDS)


def start(manifold, dtype=DOUBLE):
    return manifold.project(torch.linspace(1.0, 0.3, manifold.ambient_dim, dtype=dtype))


def build(manifold, time, dtype=DOUBLE, batch=()):
    loc = start(manifold, dtype).expand(*batch, -1).clone().requires_grad_()
    time = torch.full(batch, time, dtype=dtype, requires_grad=True)
    return BrownianMotion(manifold, loc, time, validate_args=None if time.numel() else False), loc, time


def legendre(low, high, n=300):
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return torch.tensor(low + (high - low) * (nodes + 1) / 2), torch.tensor(weights * (high - low) / 2)


def ring(q):
    """Points at all distances from the start, the distances, and the areas that they stand for."""
    d, loc = q.manifold.dim, q.loc.detach()
    angle, weights = legendre(0, min(math.pi, 12 * math.sqrt(q.time.item())))
    tangent = torch.linalg.svd(loc[None])[2][1]
    z = torch.cos(angle)[:, None] * loc + torch.sin(angle)[:, None] * tangent
    return z, angle, weights * torch.sin(angle) ** (d - 1) * (math.exp(log_sphere_area(d - 1)) if d > 1 else 2)


def derivative(function, x):
    step = 1e-5 * x
    return (function(x + step) - function(x - step)) / (2 * step)


def within(samples, value, bias=0.0):
    return abs(samples.mean().item() - value) <= 4.5 * samples.std().item() / math.sqrt(len(samples)) + bias + 1e-9


@each_sphere
@each_time
def test_density_integrates_to_one_and_gives_the_divergence(d, time):
    q, _, _ = build(RoundSphere(d), time)
    z, _, weights = ring(q)
    log_density = q.log_prob(z)
    mass = weights * log_density.exp()
    assert mass.sum().item() == pytest.approx(1, abs=1e-6)
    kl = kl_divergence(q, SphereUniform(d)).item()
    assert kl == pytest.approx((mass * (log_density + log_sphere_area(d))).sum().item(), abs=1e-6)
    assert kl_divergence(q, ManifoldUniform(RoundSphere(d))).item() == kl
    assert q.entropy().item() == pytest.approx(log_sphere_area(d) - kl)
    single = kl_divergence(build(RoundSphere(d), time, SINGLE)[0], SphereUniform(d)).item()
    assert single == pytest.approx(kl, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("d", [2, 3])
def test_heat_kernel_solves_the_heat_equation_at_all_distances(d):
    # ∂p/∂t = ½ Δp, in logarithms: ∂u/∂t = ½ (u″ + u′² + (d − 1) cot(r) u′).
    r = torch.tensor([1e-3, 0.1, 1.0, 1.57, 1.58, 2.5, 3.1], dtype=DOUBLE, requires_grad=True)
    for value in (0.02, 0.1, 0.5, 0.79, 0.81, 3.0):
        t = torch.full_like(r, value).requires_grad_()
        u = _log_heat_kernel(d, r, t)
        by_r, by_t = torch.autograd.grad(u.sum(), (r, t), create_graph=True)
        (by_rr,) = torch.autograd.grad(by_r.sum(), r)
        laplacian = by_rr + by_r.square() + (d - 1) / torch.tan(r) * by_r
        torch.testing.assert_close(by_t, 0.5 * laplacian, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("d", [2, 3])
def test_proposals_of_the_rejection_sampler_dominate_the_law(d):
    r = torch.linspace(0, math.pi, 500, dtype=DOUBLE)
    for value in (1e-4, 0.05, 0.4, 0.8):
        ratio = _CORRECTIONS[d][1](r, torch.full_like(r, value)) + (d - 1) * torch.sinc(r / math.pi).abs().log()
        assert (ratio[1:] <= ratio[0]).all()
    for value in (0.8, 3.0):
        assert (_log_heat_kernel(d, r, torch.tensor(value, dtype=DOUBLE)).diff() <= 0).all()


@each_sphere
@each_time
def test_samples_follow_the_density(d, time):
    torch.manual_seed(0)
    q, _, _ = build(RoundSphere(d), time)
    z = q.sample((10000,))
    torch.testing.assert_close(z.norm(dim=-1), torch.ones(10000, dtype=DOUBLE))
    chord = (z - q.loc.detach()).norm(dim=-1).sort().values
    at, angle, weights = ring(q)
    mass = weights * q.log_prob(at).exp()
    levels = (mass.cumsum(0) - mass / 2).detach().numpy()
    expected = np.interp((2 * torch.asin((chord / 2).clamp(max=1))).numpy(), angle.numpy(), levels, left=0, right=1)
    steps = np.arange(len(chord) + 1) / len(chord)
    statistic = max((steps[1:] - expected).max(), (expected - steps[:-1]).max())
    assert statistic < 2.0 / math.sqrt(len(chord))  # Kolmogorov–Smirnov, p < 1e-3
    assert within(q.log_prob(z).detach(), -q.entropy().item())


@each_sphere
@each_time
def test_gradients_equal_numerical_ones(d, time):
    z = build(RoundSphere(d), time)[0].sample((5,))
    for function in (lambda q: kl_divergence(q, SphereUniform(d)), lambda q: q.log_prob(z).sum()):
        q, _, leaf = build(RoundSphere(d), time)
        (gradient,) = torch.autograd.grad(function(q), leaf)
        expected = derivative(lambda v, f=function: f(build(RoundSphere(d), v)[0]).item(), time)
        assert gradient.item() == pytest.approx(expected, rel=1e-4, abs=1e-7)


@each_sphere
@each_time
def test_pathwise_gradients_are_those_of_the_expectation(d, time):
    # E cos(angle to loc) = e^{−d t / 2}; of degree two, E (cos² − 1/(d+1)) = d/(d+1) e^{−(d+1) t}.
    n = 20000
    q, loc, leaf = build(RoundSphere(d), time, batch=(n,))
    torch.manual_seed(1)
    z, pole = q.rsample(), start(RoundSphere(d))
    across = torch.linalg.svd(pole[None])[2][1]
    cosine = (z * pole).sum(-1)
    (first,) = torch.autograd.grad(cosine.sum(), leaf, retain_graph=True)
    (second,) = torch.autograd.grad(cosine.square().sum(), leaf, retain_graph=True)
    assert within(first, -d / 2 * math.exp(-d * time / 2), 1e-4 if time < 1e-5 else 0)
    assert within(second, -d * math.exp(-(d + 1) * time), 2e-4 if time < 1e-5 else 0)
    # E z = e^{−d t / 2} loc, so along the sphere its derivative is that factor.
    (turned,) = torch.autograd.grad((z * across).sum(), loc)
    assert within((turned * across).sum(-1), math.exp(-d * time / 2), 1e-4)


@each_dtype
@each_manifold
@pytest.mark.parametrize("exponent", range(-6, 7))
def test_values_and_gradients_are_finite_at_any_time(name, exponent, dtype):
    manifold = MANIFOLDS[name]
    q, *leaves = build(manifold, 10.0**exponent, dtype)
    torch.manual_seed(0)
    z = q.rsample((200,))
    values = [z, q.entropy(), kl_divergence(q, ManifoldUniform(manifold, dtype=dtype))]
    if q.exact:
        poles = torch.stack([q.loc, -q.loc]).detach()
        values += [q.log_prob(z), q.log_prob(z.detach()), q.log_prob(poles)]
    for value in values:
        assert value.dtype == dtype and torch.isfinite(value).all()
        for gradient in torch.autograd.grad(value.sum(), leaves, retain_graph=True, allow_unused=True):
            assert gradient is None or torch.isfinite(gradient).all()
    assert values[2] >= -1e-6
    torch.testing.assert_close(manifold.project(z), z, atol=1e-5, rtol=0)


@each_dtype
@each_manifold
@pytest.mark.parametrize("n", [0, 1, 4096])
def test_batches_of_any_size(name, n, dtype):
    manifold = MANIFOLDS[name]
    q, *leaves = build(manifold, 0.3, dtype, (n,))
    z = q.rsample((2,))
    assert z.shape == (2, n, manifold.ambient_dim) and z.dtype == dtype
    kl = kl_divergence(q, ManifoldUniform(manifold, dtype=dtype))
    assert kl.shape == (n,)
    loss = z.sum() + kl.sum()
    if q.exact:
        assert q.log_prob(z).shape == (2, n)
        loss = loss + q.log_prob(z).sum()
    loss.backward()
    assert [leaf.grad.shape for leaf in leaves] == [leaf.shape for leaf in leaves]
    wide = q.expand(torch.Size((3, n)))
    assert wide.batch_shape == (3, n) and wide.rsample().shape == (3, n, manifold.ambient_dim)


@each_sphere
def test_small_times_in_single_precision_are_normal(d):
    for time in (1e-6, 1e-5, 1e-4):
        torch.manual_seed(0)
        q, _, leaf = build(RoundSphere(d), time, SINGLE, (20000,))
        z = q.rsample()
        square = (z - q.loc.detach()).square().sum(-1)
        assert within(square.detach(), d * time, 1e-3 * time)
        (gradient,) = torch.autograd.grad(square.sum(), leaf)
        assert within(gradient, d, 0.01)
        expected = -0.5 * square.double() / time - 0.5 * d * math.log(2 * math.pi * time)
        assert (q.log_prob(z.detach()) - expected).abs().max() < 0.01


@each_manifold
def test_projections_are_of_the_protocol(name):
    manifold = MANIFOLDS[name]
    assert isinstance(manifold, Submanifold)
    torch.manual_seed(0)
    x = torch.randn(50, manifold.ambient_dim, dtype=DOUBLE)
    p = manifold.project(x)
    torch.testing.assert_close(manifold.project(p), p)
    others = manifold.uniform(torch.zeros(4000, manifold.ambient_dim, dtype=DOUBLE))
    torch.testing.assert_close(manifold.project(others), others)
    assert (torch.cdist(x, others).amin(1) > (x - p).norm(dim=1) - 1e-9).all()
    worst = torch.zeros(2, manifold.ambient_dim, dtype=DOUBLE)
    worst[1, 0] = 1.0  # the centres of the sphere, of the torus and of its tube
    worst.requires_grad_()
    (gradient,) = torch.autograd.grad(manifold.project(worst).sum(), worst)
    assert torch.isfinite(gradient).all()


def test_uniform_law_of_the_torus_has_its_moments():
    torch.manual_seed(0)
    torus = MANIFOLDS["torus"]
    z = ManifoldUniform(torus, torch.Size((20000,)), DOUBLE).sample()
    rho = z[:, :2].norm(dim=1)
    assert within(rho, 1.0 + 0.4**2 / 2) and within(z[:, 2] ** 2, 0.4**2 / 2) and within(z[:, 0], 0)
    assert within(torus.scalar_curvature(z), 0)  # Gauss–Bonnet
    assert ManifoldUniform(torus).log_prob(z)[0].item() == pytest.approx(-math.log(4 * math.pi**2 * 0.4))


def torus_divergence(torus, start_angle, time, n=97):
    """KL of the heat kernel of the torus by Fourier series in u and a pseudospectral method in v."""
    step, k = 2 * np.pi / n, np.fft.fftfreq(n, 1 / n)
    d = np.real(np.fft.ifft(1j * k[:, None] * np.fft.fft(np.eye(n), axis=0), axis=0))
    rho = torus.major + torus.minor * np.cos(start_angle + step * np.arange(n))
    stiffness = d.T @ np.diag(rho) @ d / torus.minor**2
    modes = []
    for m in range(n):
        operator = (stiffness + np.diag(m**2 / rho)) / np.sqrt(rho[:, None] * rho)
        values, vectors = np.linalg.eigh(operator)
        heat = vectors @ (np.exp(-0.5 * time * values) * vectors[0])
        modes.append(heat / np.sqrt(rho * rho[0]) / (torus.minor * step))
    u, m = np.pi * (np.arange(2 * n) + 0.5) / (2 * n), np.arange(n)[:, None]
    factors = np.where(m == 0, 1, 2) * np.cos(m * u)
    density = np.maximum(np.array(modes).T @ factors / (2 * np.pi), 1e-30)
    area = 2 * rho[:, None] * torus.minor * step * np.pi / len(u)
    assert (density * area).sum() == pytest.approx(1, abs=1e-5)
    return (density * np.log(density) * area).sum() + math.log(torus.volume)


@pytest.mark.parametrize("angle", [0.0, math.pi / 2, math.pi])
def test_short_time_divergence_of_the_torus_approaches_that_of_the_heat_equation(angle):
    torus = TorusOfRevolution(1.0, 0.5)
    loc = torch.tensor([1 + 0.5 * math.cos(angle), 0.0, 0.5 * math.sin(angle)], dtype=DOUBLE)
    for time, tolerance in ((0.01, 0.001), (0.03, 0.006)):
        q = BrownianMotion(torus, loc, torch.tensor(time, dtype=DOUBLE))
        kl = kl_divergence(q, ManifoldUniform(torus)).item()
        assert kl == pytest.approx(torus_divergence(torus, angle, time), abs=tolerance)


@each_sphere
def test_short_time_divergence_of_spheres_approaches_the_exact_one(d):
    for time in (1e-4, 0.01, 0.05):
        q, loc, leaf = build(RoundSphere(d), time)
        assert _short_time_divergence(RoundSphere(d), loc, leaf).item() == pytest.approx(
            q.uniform_divergence().item(), abs=time**2
        )
    # Past its range it stays positive and falls.
    times = torch.logspace(-3, 1.5, 60, dtype=DOUBLE)
    values = _short_time_divergence(RoundSphere(d), start(RoundSphere(d)).expand(60, -1), times)
    assert (values > 0).all() and (values.diff() < 0).all()


def test_the_random_walk_on_the_torus_spreads_like_brownian_motion():
    torch.manual_seed(0)
    q, _, _ = build(MANIFOLDS["torus"], 0.01)
    z = q.sample((20000,))
    # E |z − loc|² = d t − O(t²), and the chord is shorter still by the curvature of the tube.
    assert within((z - q.loc.detach()).square().sum(-1), 0.02, 1.5e-3)
    with pytest.raises(NotImplementedError, match="spheres"):
        q.log_prob(z)


def test_the_random_walk_on_a_sphere_has_the_exact_mean():
    torch.manual_seed(0)
    time = torch.tensor(0.2, dtype=DOUBLE)
    walk = BrownianMotion(RoundSphere(4), start(RoundSphere(4)), time, steps=20)
    cosine = (walk.sample((20000,)) * start(RoundSphere(4))).sum(-1)
    assert within(cosine, math.exp(-0.4), 0.02)
