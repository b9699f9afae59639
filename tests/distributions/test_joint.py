"""Independent laws side by side, and laws of orbits: densities, divergences, gradients, any batch."""

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from topovae.distributions import (
    CircleUniform,
    Independent,
    IntervalUniform,
    Joint,
    Kumaraswamy,
    Orbit,
    PowerSpherical,
    Repeated,
    SphereUniform,
    TruncatedNormal,
    WrappedNormal,
)
from topovae.distributions.joint import kl_per_marginal
from topovae.distributions.wrapped_normal import wrap

DOUBLE = torch.float64


def within(samples, value, n_errors=4.5):
    """Whether the mean of samples is `value` up to its standard error."""
    error = n_errors * samples.std().item() / math.sqrt(len(samples))
    return abs(samples.mean().item() - torch.as_tensor(value).item()) <= error + 1e-6


def along_the_circle(loc, scale):
    return Independent(WrappedNormal(loc[..., None], scale[..., None]), 1)


def circle():
    return Independent(CircleUniform(torch.Size((1,)), DOUBLE), 1)


def interval():
    return Independent(IntervalUniform(torch.zeros(1, dtype=DOUBLE), torch.ones(1, dtype=DOUBLE)), 1)


def of_klein(p):
    return Joint([along_the_circle(p[..., 0], p[..., 1]), along_the_circle(p[..., 2], p[..., 3])])


def of_mobius(p):
    return Joint([along_the_circle(p[..., 0], p[..., 1]), Independent(TruncatedNormal(p[..., 2:3], p[..., 3:4]), 1)])


def of_mobius_by_kumaraswamy(p):
    return Joint([along_the_circle(p[..., 0], p[..., 1]), Independent(Kumaraswamy(p[..., 2:3], p[..., 3:4]), 1)])


def of_projective(d):
    def make(p):
        return Joint([PowerSpherical(torch.eye(d + 1, dtype=p.dtype)[0].expand(*p.shape[:-1], d + 1), p[..., 0])])

    return make


def turned(mirror):
    return lambda z: torch.stack([z, torch.cat([wrap(z[..., :1] + math.pi), mirror(z[..., 1:])], -1)])


def antipodes(z):
    return torch.stack([z, -z])


# name: law on the cover from its parameters (..., k), prior, action, parameters
QUOTIENTS = {
    "klein": (of_klein, lambda: Joint([circle(), circle()]), turned(torch.neg), (0.3, 0.8, 1.0, 0.6)),
    "mobius": (of_mobius, lambda: Joint([circle(), interval()]), turned(lambda h: 1 - h), (0.3, 0.9, 0.4, 0.3)),
    "mobius, kumaraswamy": (
        of_mobius_by_kumaraswamy,
        lambda: Joint([circle(), interval()]),
        turned(lambda h: 1 - h),
        (0.3, 0.9, 2.0, 5.0),
    ),
    **{
        name: (of_projective(d), lambda d=d: Joint([SphereUniform(d, dtype=DOUBLE)]), antipodes, (3.0,))
        for name, d in (("rp2", 2), ("so3", 3))
    },
}
each_quotient = pytest.mark.parametrize("name", QUOTIENTS)


def divergences(name, parameters, n, seed=0):
    """Unbiased estimates (n,) of the divergence of the law of the orbit, differentiable in its parameters."""
    make, prior, act, _ = QUOTIENTS[name]
    q = Orbit(make(parameters.expand(n, -1)), act, 2)
    torch.manual_seed(seed)
    return kl_divergence(q.cover, prior()) + q.kl_correction(q.rsample())


# kind of the reference: quotient and parameters by row
REFERENCES = {
    "klein: wrapped_normal x wrapped_normal / ((u,v)->(u+pi,-v)) || uniform": (
        lambda row: ("klein", [row["mu_u"], row["sigma_u"], row["mu_v"], row["sigma_v"]])
    ),
    "mobius: wrapped_normal x kumaraswamy / ((t,h)->(t+pi,1-h)) || uniform": (
        lambda row: ("mobius, kumaraswamy", [row["mu"], row["sigma"], row["a"], row["b"]])
    ),
    "real_projective: power_spherical / (z->-z) || uniform": (lambda row: ({2: "rp2", 3: "so3"}[row["d"]], [row["kappa"]])),
}


@pytest.mark.parametrize("kind", REFERENCES)
def test_divergences_of_quotients_equal_the_reference_values(references, kind):
    for row in references[kind]:
        name, parameters = REFERENCES[kind](row)
        estimates = divergences(name, torch.tensor(parameters, dtype=DOUBLE), 100000)
        assert estimates.std().item() / math.sqrt(100000) < 0.003, row
        assert within(estimates, row["value"], 4.0), row


@each_quotient
def test_orbit_density_integrates_to_one_by_importance_sampling(name):
    make, prior, act, parameters = QUOTIENTS[name]
    q = Orbit(make(torch.tensor(parameters, dtype=DOUBLE)), act, 2)
    torch.manual_seed(0)
    z = prior().sample((200000,))
    ratio = torch.exp(q.log_prob(z) - prior().log_prob(z) - math.log(2))
    assert within(ratio, 1.0, 4.0) and ratio.std().item() / math.sqrt(len(ratio)) < 0.02


@each_quotient
def test_orbit_divergence_gradients_equal_numerical_ones(name):
    # By common random numbers: every sampler here is a smooth function of its parameters and the noise.
    parameters = torch.tensor(QUOTIENTS[name][3], dtype=DOUBLE, requires_grad=True)
    (gradient,) = torch.autograd.grad(divergences(name, parameters, 2000).mean(), parameters)
    for i, step in enumerate(1e-5 * torch.eye(len(parameters), dtype=DOUBLE)):
        ahead, behind = (divergences(name, parameters.detach() + s * step, 2000).mean().item() for s in (1, -1))
        assert gradient[i].item() == pytest.approx((ahead - behind) / 2e-5, rel=1e-5, abs=1e-6)


@each_quotient
@pytest.mark.parametrize("n", [0, 1, 4096])
def test_divergences_and_gradients_of_batches_of_any_size(name, n):
    parameters = torch.tensor(QUOTIENTS[name][3], dtype=DOUBLE).expand(n, -1).clone().requires_grad_()
    estimates = divergences(name, parameters, n)
    assert estimates.shape == (n,)
    (gradient,) = torch.autograd.grad(estimates.sum(), parameters)
    assert gradient.shape == parameters.shape and torch.isfinite(gradient).all()


@pytest.mark.parametrize("n", [0, 1, 4096])
def test_densities_and_entropies_of_batches_of_any_size(n):
    q, p = joint((n,))
    z = q.rsample((2,))
    assert q.log_prob(z).shape == p.log_prob(z).shape == (2, n)
    assert q.entropy().shape == kl_divergence(q, p).shape == (n,)
    assert q.expand(torch.Size((3, n))).log_prob(z[0]).shape == (3, n)


def test_independent_laws_are_those_of_torch():
    base = Normal(torch.randn(3, 4, 2), torch.rand(3, 4, 2) + 0.5)
    value = torch.randn(3, 4, 2)
    for n in range(3):
        q, theirs = Independent(base, n), torch.distributions.Independent(base, n)
        other = Normal(torch.zeros(3, 4, 2), 1.0)
        torch.testing.assert_close(q.log_prob(value), theirs.log_prob(value))
        torch.testing.assert_close(q.entropy(), theirs.entropy())
        torch.testing.assert_close(
            kl_divergence(q, Independent(other, n)), kl_divergence(theirs, torch.distributions.Independent(other, n))
        )
        assert type(q.expand(torch.Size((5, *q.batch_shape)))) is Independent
    with pytest.raises(NotImplementedError, match="event axes"):
        kl_divergence(Independent(base, 1), Independent(base, 2))


def joint(batch=(4,)):
    loc, scale = torch.full((*batch, 1), 0.4, dtype=DOUBLE), torch.full((*batch, 1), 0.8, dtype=DOUBLE)
    pole = torch.tensor([0.0, 0.6, 0.8], dtype=DOUBLE).expand(*batch, 3)
    q = Joint(
        [
            Independent(WrappedNormal(loc, scale), 1),
            PowerSpherical(pole, scale[..., 0] ** -2),
            Independent(Normal(torch.cat([loc, -loc], -1), scale), 1),
        ]
    )
    p = Joint(
        [
            Independent(CircleUniform(torch.Size((1,)), DOUBLE), 1),
            SphereUniform(2, dtype=DOUBLE),
            Independent(Normal(torch.zeros(2, dtype=DOUBLE), 1.0), 1),
        ]
    )
    return q, p


@pytest.mark.parametrize("law", ["wrapped normal", "sphere"])
def test_a_row_is_the_joint_of_its_members(law):
    torch.manual_seed(1)
    if law == "wrapped normal":
        loc, scale = torch.randn(4, 3, 1, dtype=DOUBLE), 0.2 + torch.rand(4, 3, 1, dtype=DOUBLE)
        members = [Independent(WrappedNormal(loc[:, i], scale[:, i]), 1) for i in range(3)]
        base, prior = Independent(WrappedNormal(loc, scale), 1), Independent(CircleUniform(torch.Size((1,)), DOUBLE), 1)
    else:
        loc = torch.nn.functional.normalize(torch.randn(4, 3, 3, dtype=DOUBLE), dim=-1)
        concentration = 1 + torch.rand(4, 3, dtype=DOUBLE)
        members = [PowerSpherical(loc[:, i], concentration[:, i]) for i in range(3)]
        base, prior = PowerSpherical(loc, concentration), SphereUniform(2, dtype=DOUBLE)
    row, apart = Joint([Repeated(base, 3)]), Joint(members)
    priors = Joint([Repeated(prior.expand(torch.Size((3,))), 3)]), Joint([prior] * 3)
    z = row.rsample((5,))
    assert (
        z.shape == apart.rsample((5,)).shape and row.batch_shape == apart.batch_shape and row.event_shape == apart.event_shape
    )
    torch.testing.assert_close(row.log_prob(z), apart.log_prob(z))
    torch.testing.assert_close(row.entropy(), apart.entropy())
    torch.testing.assert_close(kl_per_marginal(row, priors[0]), kl_per_marginal(apart, priors[1]))
    torch.testing.assert_close(kl_divergence(row, priors[0]), kl_divergence(apart, priors[1]))
    torch.testing.assert_close(priors[0].log_prob(z), priors[1].log_prob(z))
    assert priors[0].sample((2,)).shape == priors[1].sample((2,)).shape
    assert row.expand(torch.Size((2, 4))).rsample().shape == apart.expand(torch.Size((2, 4))).rsample().shape


def test_joint_adds_its_marginals():
    q, p = joint()
    torch.manual_seed(0)
    z = q.rsample((5,))
    assert z.shape == (5, 4, 6) and q.event_shape == (6,) and q.batch_shape == (4,)
    parts = z.split([1, 3, 2], -1)
    torch.testing.assert_close(q.log_prob(z), sum(m.log_prob(x) for m, x in zip(q.marginals, parts, strict=True)))
    torch.testing.assert_close(q.entropy(), sum(m.entropy() for m in q.marginals))
    expected = sum(kl_divergence(a, b) for a, b in zip(q.marginals, p.marginals, strict=True))
    torch.testing.assert_close(kl_divergence(q, p), expected)
    assert q.expand(torch.Size((2, 4))).rsample().shape == (2, 4, 6)
    assert p.log_prob(z).shape == (5, 4)


def test_joint_divergence_equals_its_monte_carlo_estimate():
    q, p = joint(())
    torch.manual_seed(0)
    z = q.sample((20000,))
    assert within(q.log_prob(z) - p.log_prob(z), kl_divergence(q, p))


def half_turn(z):
    return torch.stack([z, wrap(z + math.pi)])


def orbit(loc, scale):
    q = Independent(WrappedNormal(torch.tensor([loc], dtype=DOUBLE), torch.tensor([scale], dtype=DOUBLE)), 1)
    return Orbit(q, half_turn, 2)


@pytest.mark.parametrize("scale", [0.3, 1.0, 2.0])
def test_orbit_density_integrates_to_one_over_the_quotient(scale):
    # The midpoint rule, exact to rounding for periodic functions.
    nodes = math.pi * ((torch.arange(4000, dtype=DOUBLE) + 0.5) / 4000 - 0.5)
    q = orbit(0.3, scale)
    assert q.log_prob(nodes[:, None]).exp().mean().item() * math.pi == pytest.approx(1, abs=1e-6)
    torch.testing.assert_close(q.log_prob(nodes[:, None]), q.log_prob(nodes[:, None] + math.pi))


@pytest.mark.parametrize("scale", [0.3, 1.0, 2.0])
def test_orbit_of_a_half_turned_circle_is_the_wrapped_normal_of_twice_the_angle(scale):
    # θ ↦ 2θ is an isometry of the quotient with a circle up to the factor 2.
    q, doubled = (
        orbit(0.3, scale),
        WrappedNormal(torch.tensor(0.6, dtype=DOUBLE), torch.tensor(2 * scale, dtype=DOUBLE)),
    )
    nodes = torch.linspace(-3, 3, 11, dtype=DOUBLE)
    torch.testing.assert_close(q.log_prob(nodes[:, None]), doubled.log_prob(2 * nodes) + math.log(2), atol=1e-7, rtol=0)
    torch.manual_seed(0)
    z = q.rsample((20000,))
    cover = kl_divergence(q.cover, Independent(CircleUniform(torch.Size((1,)), DOUBLE), 1))
    estimate = cover + q.kl_correction(z)
    assert within(estimate, kl_divergence(doubled, CircleUniform(dtype=DOUBLE)))
    assert (q.kl_correction(z) >= -math.log(2)).all()
