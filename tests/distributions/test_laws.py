"""Laws of every distribution: density, divergence, samples and gradients agree, in both precisions, at any scale."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch.distributions import Uniform, kl_divergence

from topovae.distributions import (
    Beta,
    BrownianMotion,
    CircleUniform,
    IntervalUniform,
    Kumaraswamy,
    PowerSpherical,
    SphereUniform,
    TruncatedNormal,
    VonMises,
    VonMisesFisher,
    WrappedNormal,
)
from topovae.distributions.brownian import RoundSphere
from topovae.distributions.uniform import log_sphere_area
from topovae.distributions.wrapped_normal import wrap

DOUBLE, SINGLE = torch.float64, torch.float32


def grid(low, high, n=4001):
    """Trapezoidal nodes and weights, exact to rounding for smooth periodic functions."""
    nodes = torch.linspace(low, high, n, dtype=DOUBLE)
    weights = torch.full((n,), (high - low) / (n - 1), dtype=DOUBLE)
    weights[[0, -1]] /= 2
    return nodes, weights


def legendre(low, high, n=400):
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return torch.tensor(low + (high - low) * (nodes + 1) / 2), torch.tensor(weights * (high - low) / 2)


@dataclass(frozen=True)
class Family:
    """How to build a family from two parameters, and how to integrate over its space along one coordinate.

    `points` gives points and weights of a rule for functions of the coordinate that `project` reads, exact to `tolerance`;
    `extremes` the parameters of a law at a power of ten; `function` is smooth on the space. Divergences are at least minus
    `rounding` in double precision.
    """

    build: object
    prior: object
    points: object
    members: tuple[tuple[float, float], ...]
    extremes: object
    function: object
    project: object = lambda q, z: z
    tolerance: float = 1e-6
    rounding: float = 1e-12


def pairs(locs, scales):
    return tuple((loc, scale) for loc in locs for scale in scales)


def sphere(d):
    def direction(angle):
        zeros = torch.zeros(*angle.shape, d - 1, dtype=angle.dtype)
        return torch.cat([torch.cos(angle)[..., None], torch.sin(angle)[..., None], zeros], -1)

    def points(q):
        angle, weights = legendre(0, math.pi, 600)
        ring = log_sphere_area(d - 1) if d > 1 else math.log(2)
        # The angle is measured from loc, about which the density is symmetric.
        tangent = direction(torch.atan2(q.loc[1], q.loc[0]) + math.pi / 2)
        z = torch.cos(angle)[:, None] * q.loc + torch.sin(angle)[:, None] * tangent
        return z.detach(), weights * torch.sin(angle) ** (d - 1) * math.exp(ring)

    return Family(
        build=lambda loc, scale: PowerSpherical(direction(loc), scale**-2),
        prior=lambda dtype: SphereUniform(d, dtype=dtype),
        points=points,
        project=lambda q, z: (z * q.loc).sum(-1),
        members=pairs((0.7,), (0.6, 0.14, 3.0)),
        extremes=lambda value: [(0.7, value)],
        function=lambda z: z[..., 0] + z[..., 0] ** 2,
    )


def unit_interval(family, members):
    """A family with parameters a and b; its rule is equidistant in the logit, where singular ends cost nothing."""

    def points(q):
        logit = torch.linspace(-120, 36, 60001, dtype=DOUBLE)
        return torch.sigmoid(logit), torch.sigmoid(logit) * torch.sigmoid(-logit) * (logit[1] - logit[0])

    return Family(
        build=family,
        prior=lambda dtype: IntervalUniform(torch.zeros((), dtype=dtype), torch.ones((), dtype=dtype)),
        points=points,
        members=members,
        extremes=lambda value: [(value, 10.0**e) for e in range(-6, 7, 2)],
        function=lambda z: torch.cos(3 * z) + z * z,
        tolerance=2e-5,
        rounding=1e-6,
    )


FAMILIES = {
    "wrapped normal": Family(
        build=WrappedNormal,
        prior=lambda dtype: CircleUniform(dtype=dtype),
        points=lambda q: grid(-math.pi, math.pi),
        project=lambda q, z: wrap(z - q.loc),
        members=pairs((0.7, -3.0, 9.0), (0.55, 0.05, 0.45, 1.4, 1.6, 3.0)),
        extremes=lambda value: pairs((0.7, -3.0, 9.0), (value,)),
        function=lambda z: torch.cos(z - 0.2),
    ),
    "truncated normal": Family(
        build=TruncatedNormal,
        prior=lambda dtype: IntervalUniform(torch.zeros((), dtype=dtype), torch.ones((), dtype=dtype)),
        points=lambda q: legendre(0, 1),
        members=pairs((0.5, 0.0, 0.97, -1.0, 2.5), (0.3, 0.05, 1.0, 8.0)),
        extremes=lambda value: pairs((0.5, 0.0, 0.97, -1.0, 2.5), (value,)),
        function=torch.square,
    ),
    "beta": unit_interval(Beta, ((2.0, 5.0), (1.0, 1.0), (0.3, 0.4), (60.0, 40.0), (0.2, 6.0), (3.0, 2000.0))),
    "kumaraswamy": unit_interval(
        Kumaraswamy, ((2.0, 5.0), (1.0, 1.0), (0.3, 0.4), (10.0, 10.0), (40.0, 3.0), (0.2, 6.0), (1.0, 200.0))
    ),
    **{f"power spherical, d={d}": sphere(d) for d in (1, 2, 3, 4, 5)},
}
MEMBERS = [(name, *member) for name, f in FAMILIES.items() for member in f.members]
each_member = pytest.mark.parametrize(("name", "loc", "scale"), MEMBERS)
each_family = pytest.mark.parametrize("name", FAMILIES)
each_dtype = pytest.mark.parametrize("dtype", [SINGLE, DOUBLE], ids=["single", "double"])


def build(name, loc, scale, dtype=DOUBLE, batch=()):
    """The member, and its two parameters (location and scale, of most families) as leaves."""
    loc, scale = (torch.full(batch, v, dtype=dtype, requires_grad=True) for v in (loc, scale))
    return FAMILIES[name].build(loc, scale), loc, scale


def within(samples, value, n_errors=4.5, tolerance=1e-6):
    """Whether the mean of samples is `value` up to its standard error."""
    error = n_errors * samples.std().item() / math.sqrt(len(samples))
    return abs(samples.mean().item() - torch.as_tensor(value).item()) <= error + tolerance


def derivative(function, x, step=1e-5):
    return (function(x + step) - function(x - step)) / (2 * step)


@each_member
def test_density_integrates_to_one(name, loc, scale):
    q, _, _ = build(name, loc, scale)
    z, weights = FAMILIES[name].points(q)
    assert (weights * q.log_prob(z).exp()).sum().item() == pytest.approx(1, abs=1e-6)


@each_member
def test_divergence_and_entropy_are_those_of_the_density(name, loc, scale):
    q, _, _ = build(name, loc, scale)
    z, weights = FAMILIES[name].points(q)
    log_density, log_prior = q.log_prob(z), FAMILIES[name].prior(DOUBLE).log_prob(z)
    integral = (weights * log_density.exp() * (log_density - log_prior)).sum()
    kl = kl_divergence(q, FAMILIES[name].prior(DOUBLE))
    assert kl.item() == pytest.approx(integral.item(), abs=FAMILIES[name].tolerance)
    assert (kl + q.entropy()).item() == pytest.approx(-log_prior[0].item(), abs=1e-12)
    single, _, _ = build(name, loc, scale, SINGLE)
    assert kl_divergence(single, FAMILIES[name].prior(SINGLE)).item() == pytest.approx(kl.item(), rel=1e-3, abs=1e-6)


@each_member
def test_samples_follow_the_density(name, loc, scale):
    family = FAMILIES[name]
    q, _, _ = build(name, loc, scale)
    torch.manual_seed(0)
    samples = family.project(q, q.sample((20000,))).sort().values
    z, weights = family.points(q)
    at = family.project(q, z)
    order = at.argsort()
    mass = weights * q.log_prob(z).exp()
    # Half a node's mass on each side of it.
    levels = (mass[order].cumsum(0) - mass[order] / 2).detach().numpy()
    expected = np.interp(samples.detach().numpy(), at[order].detach().numpy(), levels, left=0, right=1)
    steps = np.arange(len(samples) + 1) / len(samples)
    statistic = max((steps[1:] - expected).max(), (expected - steps[:-1]).max())
    assert statistic < 2.0 / math.sqrt(len(samples))  # Kolmogorov–Smirnov, p < 1e-3


@each_member
def test_divergence_equals_its_monte_carlo_estimate(name, loc, scale):
    q, _, _ = build(name, loc, scale)
    torch.manual_seed(1)
    z = q.sample((20000,))
    prior = FAMILIES[name].prior(DOUBLE)
    assert within((q.log_prob(z) - prior.log_prob(z)).detach(), kl_divergence(q, prior))


@each_member
def test_divergence_gradients_equal_numerical_ones(name, loc, scale):
    q, *leaves = build(name, loc, scale)
    prior = FAMILIES[name].prior(DOUBLE)
    gradients = torch.autograd.grad(kl_divergence(q, prior), leaves, allow_unused=True)
    numerical = [
        derivative(lambda v: kl_divergence(build(name, v, scale)[0], prior).item(), loc),
        derivative(lambda v: kl_divergence(build(name, loc, v)[0], prior).item(), scale),
    ]
    for gradient, expected in zip(gradients, numerical, strict=True):
        assert (0.0 if gradient is None else gradient.item()) == pytest.approx(expected, rel=1e-5, abs=1e-6)


@each_member
def test_density_gradients_equal_numerical_ones(name, loc, scale):
    z = build(name, loc, scale)[0].sample((5,))
    q, *leaves = build(name, loc, scale)
    gradients = torch.autograd.grad(q.log_prob(z).sum(), leaves)
    numerical = [
        derivative(lambda v: build(name, v, scale)[0].log_prob(z).sum().item(), loc),
        derivative(lambda v: build(name, loc, v)[0].log_prob(z).sum().item(), scale),
    ]
    for gradient, expected in zip(gradients, numerical, strict=True):
        assert gradient.item() == pytest.approx(expected, rel=1e-4, abs=1e-4)


@each_member
def test_pathwise_gradients_are_those_of_the_expectation(name, loc, scale):
    family, (q, *leaves) = FAMILIES[name], build(name, loc, scale)
    n = 20000
    members, *batch = build(name, loc, scale, batch=(n,))
    torch.manual_seed(2)
    gradients = torch.autograd.grad(family.function(members.rsample()).sum(), batch)
    z, weights = family.points(q)
    if name.startswith("power"):
        # By symmetry about loc, the first two moments of the cosine to it give those of any coordinate.
        law = family.build(leaves[0].detach(), leaves[1])
        mass, cosine = weights * law.log_prob(z).exp(), family.project(law, z)
        first, second, along = (mass * cosine).sum(), (mass * cosine**2).sum(), q.loc[0]
        expectation = first * along + second * along**2 + (1 - second) / q.dim * (1 - along**2)
    else:
        expectation = (weights * q.log_prob(z).exp() * family.function(z)).sum()
    for sample, exact in zip(gradients, torch.autograd.grad(expectation, leaves), strict=True):
        assert within(sample, exact, tolerance=family.tolerance)


@each_dtype
@each_family
@pytest.mark.parametrize("exponent", range(-6, 7))
def test_values_and_gradients_are_finite_at_any_scale(name, exponent, dtype):
    family = FAMILIES[name]
    for parameters in family.extremes(10.0**exponent):
        q, *leaves = build(name, *parameters, dtype)
        torch.manual_seed(0)
        z = q.rsample((300,))
        far = family.points(q)[0].to(dtype)
        kl = kl_divergence(q, family.prior(dtype))
        values = [z, q.log_prob(z), q.log_prob(z.detach()), q.log_prob(far[:: len(far) // 300]), kl, q.entropy()]
        for value in values:
            assert value.dtype == dtype
            assert torch.isfinite(value).all()
            for gradient in torch.autograd.grad(value.sum(), leaves, retain_graph=True, allow_unused=True):
                assert gradient is None or torch.isfinite(gradient).all()
        assert kl >= (-1e-6 if dtype is SINGLE else -family.rounding)


@each_dtype
@each_family
@pytest.mark.parametrize("n", [0, 1, 4096])
def test_batches_of_any_size(name, n, dtype):
    q, *leaves = build(name, *FAMILIES[name].members[0], dtype, (n,))
    z = q.rsample((2,))
    event = tuple(q.event_shape)
    assert z.shape == (2, n, *event) and z.dtype == dtype
    assert q.log_prob(z).shape == (2, n)
    assert kl_divergence(q, FAMILIES[name].prior(dtype)).shape == (n,)
    assert q.entropy().shape == (n,)
    (q.log_prob(z).sum() + kl_divergence(q, FAMILIES[name].prior(dtype)).sum()).backward()
    assert all(leaf.grad.shape == (n,) for leaf in leaves[1:])
    wide = q.expand(torch.Size((3, n)))
    assert wide.batch_shape == (3, n) and wide.rsample().shape == (3, n, *event)
    torch.testing.assert_close(wide.log_prob(z[0]), q.log_prob(z[0]).expand(3, n))


@each_family
def test_samples_repeat_with_the_seed(name):
    q, _, _ = build(name, *FAMILIES[name].members[0])
    draws = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        draws.append(q.sample((10,)))
    assert torch.equal(draws[0], draws[1]) and not torch.equal(draws[0], draws[2])


@each_dtype
@pytest.mark.parametrize("scale", [1e-3, 1e-2, 0.1])
@pytest.mark.parametrize("d", [1, 2, 3, 5])
def test_narrow_power_spherical_samples_spread_in_proportion_to_the_scale(d, scale, dtype):
    q, _, leaf = build(f"power spherical, d={d}", 0.0, scale, dtype, (2000,))
    torch.manual_seed(0)
    z = q.rsample()
    chord = (z - q.loc.detach()).square().sum(-1)
    (gradient,) = torch.autograd.grad(chord.sum(), leaf)
    assert gradient.mean().item() == pytest.approx(2 * chord.mean().item() / scale, rel=max(10 * scale**2, 0.01))


def test_points_stay_on_their_space():
    torch.manual_seed(0)
    for scale in (1e-3, 0.6, 1e3):
        angles = build("wrapped normal", 3.1, scale, SINGLE)[0].sample((1000,))
        assert angles.abs().max() <= math.pi + 1e-6
        heights = build("truncated normal", 0.99, scale, SINGLE)[0].sample((1000,))
        assert heights.min() >= 0 and heights.max() <= 1
        vectors = build("power spherical, d=3", 0.7, scale, SINGLE)[0].sample((1000,))
        torch.testing.assert_close(vectors.norm(dim=-1), torch.ones(1000), atol=1e-5, rtol=0)
        for name in ("beta", "kumaraswamy"):
            x = build(name, scale, 1 / scale, SINGLE)[0].sample((1000,))
            assert x.min() > 0 and x.max() < 1


@pytest.mark.parametrize("name", ["beta", "kumaraswamy"])
def test_density_outside_the_unit_interval_is_zero_and_a_smaller_support_is_infinitely_far(name):
    q, _, _ = build(name, 2.0, 5.0)
    assert q.log_prob(torch.tensor([-0.1, 1.1], dtype=DOUBLE)).tolist() == [-math.inf, -math.inf]
    assert kl_divergence(q, IntervalUniform(torch.tensor(0.1), torch.tensor(1.0))) == math.inf
    wide = kl_divergence(q, Uniform(torch.tensor(-1.0, dtype=DOUBLE), torch.tensor(1.0, dtype=DOUBLE)))
    assert (wide - kl_divergence(q, FAMILIES[name].prior(DOUBLE))).item() == pytest.approx(math.log(2))


def test_truncated_normal_outside_its_interval_is_exponential():
    # At loc = −k scales from the interval the law is nearly exponential with mean scale / k.
    q = TruncatedNormal(torch.tensor(-0.1, dtype=DOUBLE), torch.tensor(0.005, dtype=DOUBLE))
    torch.manual_seed(0)
    z = q.sample((20000,))
    assert q.log_prob(torch.tensor(0.0, dtype=DOUBLE)).item() == pytest.approx(math.log(0.1 / 0.005**2), abs=0.01)
    assert z.mean().item() == pytest.approx(0.005**2 / 0.1, rel=0.03)


def test_truncated_normal_on_any_interval_is_the_shifted_law():
    unit = TruncatedNormal(torch.tensor(0.2, dtype=DOUBLE), torch.tensor(0.3, dtype=DOUBLE))
    moved = TruncatedNormal(torch.tensor(-1.6, dtype=DOUBLE), torch.tensor(0.6, dtype=DOUBLE), -2.0, 0.0)
    x = torch.linspace(0, 1, 7, dtype=DOUBLE)
    torch.testing.assert_close(moved.log_prob(2 * x - 2), unit.log_prob(x) - math.log(2))
    uniform = Uniform(torch.tensor(-2.0, dtype=DOUBLE), torch.tensor(0.0, dtype=DOUBLE))
    kl = kl_divergence(unit, IntervalUniform(torch.zeros((), dtype=DOUBLE), torch.ones((), dtype=DOUBLE)))
    torch.testing.assert_close(kl_divergence(moved, uniform), kl)
    assert unit.log_prob(torch.tensor(1.01, dtype=DOUBLE)) == -math.inf


def pole(row, at):
    return torch.eye(row["d"] + 1, dtype=at(0.0).dtype)[0]


def brownian(d):
    return (
        lambda row, at: BrownianMotion(RoundSphere(d), torch.eye(d + 1, dtype=at(0.0).dtype)[0], at(row["t"])),
        lambda row, dtype: SphereUniform(d, dtype=dtype),
    )


CIRCLE = lambda row, dtype: CircleUniform(dtype=dtype)  # noqa: E731
INTERVAL = lambda row, dtype: Uniform(torch.zeros((), dtype=dtype), torch.ones((), dtype=dtype))  # noqa: E731
SPHERE = lambda row, dtype: SphereUniform(row["d"], dtype=dtype)  # noqa: E731
# kind of the reference: posterior from a row and a maker of tensors, prior from a row and a dtype
REFERENCES = {
    "wrapped_normal || uniform(S1)": (lambda row, at: WrappedNormal(at(0.3), at(row["sigma"])), CIRCLE),
    "von_mises || uniform(S1)": (lambda row, at: VonMises(at(0.3), at(row["kappa"])), CIRCLE),
    "kumaraswamy || uniform[0,1]": (lambda row, at: Kumaraswamy(at(row["a"]), at(row["b"])), INTERVAL),
    "beta || uniform[0,1]": (lambda row, at: Beta(at(row["a"]), at(row["b"])), INTERVAL),
    "truncated_normal[0,1] || uniform[0,1]": (lambda row, at: TruncatedNormal(at(row["loc"]), at(row["scale"])), INTERVAL),
    "von_mises_fisher || uniform(S^d)": (lambda row, at: VonMisesFisher(pole(row, at), at(row["kappa"])), SPHERE),
    "power_spherical || uniform(S^d)": (lambda row, at: PowerSpherical(pole(row, at), at(row["kappa"])), SPHERE),
    "brownian(t) || uniform(S^2)": brownian(2),
    "brownian(t) || uniform(S^3)": brownian(3),
}


@pytest.mark.parametrize("kind", REFERENCES)
def test_divergences_equal_the_reference_values(references, kind):
    make, prior = REFERENCES[kind]
    for row in references[kind]:
        for dtype, tolerance in ((DOUBLE, {"abs": 1e-6}), (SINGLE, {"rel": 1e-3, "abs": 1e-6})):
            q = make(row, lambda value, dtype=dtype: torch.tensor(float(value), dtype=dtype))
            assert kl_divergence(q, prior(row, dtype)).item() == pytest.approx(row["value"], **tolerance), row


UNIFORMS = {
    "circle": (CircleUniform(dtype=DOUBLE), 2 * math.pi),
    "interval": (IntervalUniform(torch.tensor(-1.0, dtype=DOUBLE), torch.tensor(3.0, dtype=DOUBLE)), 4.0),
    "S1": (SphereUniform(1, dtype=DOUBLE), 2 * math.pi),
    "S2": (SphereUniform(2, dtype=DOUBLE), 4 * math.pi),
    "S3": (SphereUniform(3, dtype=DOUBLE), 2 * math.pi**2),
}


@pytest.mark.parametrize("name", UNIFORMS)
def test_uniform_density_is_one_over_the_volume(name):
    p, volume = UNIFORMS[name]
    torch.manual_seed(0)
    z = p.sample((20000,))
    torch.testing.assert_close(p.log_prob(z), torch.full((20000,), -math.log(volume), dtype=DOUBLE))
    assert p.entropy().item() == pytest.approx(math.log(volume))
    assert p.expand(torch.Size((2, 3))).sample().shape == (2, 3, *p.event_shape)
    if p.event_shape:
        torch.testing.assert_close(z.norm(dim=-1), torch.ones(20000, dtype=DOUBLE))
        covariance = z.T @ z / len(z)
        torch.testing.assert_close(covariance, torch.eye(p.dim + 1, dtype=DOUBLE) / (p.dim + 1), atol=0.015, rtol=0)
    else:
        centre = 0.0 if name == "circle" else 1.0
        assert within(z, centre) and (z - centre).abs().max() <= volume / 2
        assert within((z - centre) ** 2, volume**2 / 12)


def test_closed_interval_has_density_at_both_ends():
    p = IntervalUniform(torch.zeros(()), torch.ones(()))
    assert p.log_prob(torch.tensor([0.0, 1.0])).tolist() == [0.0, 0.0]
    assert p.log_prob(torch.tensor([-0.1, 1.1])).tolist() == [-math.inf, -math.inf]


def test_samples_of_the_sphere_move_no_further_than_their_location():
    """A tangent made by projecting a Gaussian would turn without bound where it is nearly parallel to the location."""
    torch.manual_seed(0)
    loc = torch.nn.functional.normalize(torch.randn(20_000, 3, dtype=DOUBLE), dim=-1).requires_grad_()
    sample = PowerSpherical(loc, torch.full((20_000,), 4.0, dtype=DOUBLE)).rsample()
    (gradient,) = torch.autograd.grad((sample * torch.tensor([1.0, 0.0, 0.0], dtype=DOUBLE)).sum(), loc)
    assert torch.linalg.vector_norm(gradient, dim=-1).max() < 3.0
