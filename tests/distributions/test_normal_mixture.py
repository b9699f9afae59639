"""Laws of mixtures of normal laws: the quick density is torch's own, integrates to one, and its divergences are unbiased."""

import math

import pytest
import torch
from torch.distributions import (
    Categorical,
    Independent,
    LowRankMultivariateNormal,
    MixtureSameFamily,
    Normal,
    kl_divergence,
)

from topovae.distributions import MultivariateNormal, NormalMixture

DOUBLE = torch.float64


def torch_s(law):
    """The same law as torch has it."""
    diagonal = law.scale.square().expand_as(law.centres)
    return MixtureSameFamily(Categorical(logits=law.logits), LowRankMultivariateNormal(law.centres, law.factors, diagonal))


SHAPES = [(1, 1), (2, 1), (3, 2), (2, 4)]  # dimensions, directions that are drawn out


def mixture(k, m, count=7, batch=(), scale=0.3, dtype=DOUBLE):
    torch.manual_seed(k + m)
    drawn = (torch.randn(*batch, count, *size, dtype=dtype) for size in ((), (k,), (k, m)))
    return NormalMixture(*drawn, torch.full(batch, scale, dtype=dtype))


@pytest.mark.parametrize("k, m", SHAPES)
@pytest.mark.parametrize("scale", [1e-3, 0.3, 5.0])
def test_the_density_is_that_of_torch_s_mixture(k, m, scale):
    law = mixture(k, m, scale=scale)
    same = torch_s(law)
    z = torch.cat([law.sample((50,)), 3 * torch.randn(50, k, dtype=DOUBLE)])
    torch.testing.assert_close(law.log_prob(z), same.log_prob(z), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("k, m", SHAPES)
def test_samples_have_the_moments_of_torch_s_mixture(k, m):
    law, n = mixture(k, m), 40000
    same = torch_s(law)
    z, expected = law.sample((n,)), same.variance.sqrt()
    assert ((z.mean(0) - same.mean).abs() <= 4 * expected / math.sqrt(n)).all()
    torch.testing.assert_close(z.std(0), expected, rtol=0.03, atol=0)
    assert law.sample((5,)).shape == (5, k) and not z.requires_grad


@pytest.mark.parametrize("k, m", [(1, 1), (2, 1), (2, 4)])
def test_the_density_integrates_to_one(k, m):
    law = mixture(k, m)
    nodes = torch.linspace(-15, 15, 601, dtype=DOUBLE)
    grid = torch.cartesian_prod(*[nodes] * k).reshape(-1, k)
    assert law.log_prob(grid).exp().sum().item() * (30 / 600) ** k == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("full", [False, True], ids=["diagonal", "full"])
def test_divergences_are_unbiased(full):
    law, n = mixture(2, 1), 20000
    torch.manual_seed(0)
    loc, scale = torch.tensor([0.3, -0.2], dtype=DOUBLE), torch.tensor([0.4, 0.2], dtype=DOUBLE)
    q = MultivariateNormal(loc, torch.diag(scale)) if full else Independent(Normal(loc, scale), 1)
    drawn = kl_divergence(q.expand((n,)), law)
    nodes = torch.linspace(-8, 8, 401, dtype=DOUBLE)
    grid = loc + scale * torch.cartesian_prod(nodes, nodes)
    density = q.log_prob(grid)
    exact = (density.exp() * (density - law.log_prob(grid))).sum() * (16 / 400) ** 2 * scale.prod()
    assert abs(drawn.mean() - exact) <= 4 * drawn.std() / math.sqrt(n)


def test_several_models_have_a_batch_each():
    law = mixture(2, 1, batch=(3, 1))
    z = torch.randn(3, 11, 2, dtype=DOUBLE)
    parts = [NormalMixture(law.logits[i, 0], law.centres[i, 0], law.factors[i, 0], law.scale[i, 0]) for i in range(3)]
    torch.testing.assert_close(law.log_prob(z), torch.stack([part.log_prob(own) for part, own in zip(parts, z, strict=True)]))


def test_a_density_of_no_numbers_is_no_error():
    law = NormalMixture(torch.zeros(3), torch.full((3, 2), math.nan), torch.ones(3, 2, 1), torch.tensor(1.0))
    assert torch.isnan(law.log_prob(torch.zeros(4, 2))).all()


@pytest.mark.parametrize("dtype", [torch.float32, DOUBLE], ids=["single", "double"])
@pytest.mark.parametrize("far", [0.0, 1e3, 1e8])
def test_densities_and_gradients_are_numbers_however_far(dtype, far):
    law = mixture(2, 1, scale=1e-3, dtype=dtype)
    z = torch.full((4, 2), far, dtype=dtype, requires_grad=True)
    density = law.log_prob(z)
    (gradient,) = torch.autograd.grad(density.sum(), z)
    assert density.dtype == dtype and torch.isfinite(density).all() and torch.isfinite(gradient).all()
