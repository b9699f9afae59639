"""The normal law with full covariance is torch's, for any batch."""

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from topovae.distributions import Independent, MultivariateNormal

DOUBLE = torch.float64


def build(n, k=3):
    generator = torch.Generator().manual_seed(0)
    loc = torch.randn(n, k, generator=generator, dtype=DOUBLE)
    tril = torch.randn(n, k, k, generator=generator, dtype=DOUBLE).tril(-1) + torch.eye(k, dtype=DOUBLE) / 2
    return loc.requires_grad_(), tril.requires_grad_()


def prior(k=3):
    return Independent(Normal(torch.full((k,), 0.3, dtype=DOUBLE), 2.0), 1)


def test_density_and_divergence_are_those_of_torch():
    loc, tril = build(5)
    q = MultivariateNormal(loc, scale_tril=tril)
    theirs = torch.distributions.MultivariateNormal(loc, scale_tril=tril)
    value = torch.randn(2, 5, 3, dtype=DOUBLE)
    torch.testing.assert_close(q.log_prob(value), theirs.log_prob(value))
    like_prior = torch.distributions.MultivariateNormal(prior().mean, scale_tril=2 * torch.eye(3, dtype=DOUBLE))
    torch.testing.assert_close(kl_divergence(q, prior()), kl_divergence(theirs, like_prior))
    assert type(q.expand(torch.Size((4, 5)))) is MultivariateNormal


@pytest.mark.parametrize("n", [0, 1, 4096])
def test_batches_of_any_size(n):
    leaves = build(n)
    q = MultivariateNormal(leaves[0], scale_tril=leaves[1], validate_args=False)
    z = q.rsample((2,))
    kl = kl_divergence(q, prior())
    assert z.shape == (2, n, 3) and q.log_prob(z).shape == (2, n) and kl.shape == q.entropy().shape == (n,)
    (q.log_prob(z).sum() + kl.sum() + q.entropy().sum()).backward()
    assert all(leaf.grad.shape == leaf.shape and torch.isfinite(leaf.grad).all() for leaf in leaves)


def test_a_prior_that_is_not_normal_is_refused():
    loc, tril = build(1)
    uniform = Independent(torch.distributions.Uniform(torch.zeros(3, dtype=DOUBLE), torch.ones(3, dtype=DOUBLE)), 1)
    with pytest.raises(NotImplementedError, match="Uniform"):
        kl_divergence(MultivariateNormal(loc, scale_tril=tril), uniform)
