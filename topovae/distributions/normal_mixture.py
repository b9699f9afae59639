"""Mixtures of round normal laws, as priors that are learned."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Categorical, Distribution, Independent, MixtureSameFamily, Normal, register_kl
from torch.nn.functional import pad


class NormalMixture(MixtureSameFamily):
    """torch's own mixture, of normal laws of one scale, whose density takes one product of matrices.

    Args:
        logits: (..., C) log weights, up to a constant.
        centres: (..., C, k).
        scale: (...) standard deviation along every axis.
    """

    def __init__(self, logits: Tensor, centres: Tensor, scale: Tensor) -> None:
        self.centres, self.scale = centres, scale
        parts = Independent(Normal(centres, scale[..., None, None].expand_as(centres), validate_args=False), 1)
        super().__init__(Categorical(logits=logits, validate_args=False), parts, validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        # In double precision, for the square of a distance is a difference of larger numbers.
        scale = self.scale.double()
        z, centres = value.double() / scale[..., None], self.centres.double() / scale[..., None, None]
        offsets = self.mixture_distribution.logits - 0.5 * centres.square().sum(-1)
        logits = torch.einsum("...k,...ck->...c", pad(z, (0, 1), value=1.0), torch.cat([centres, offsets[..., None]], -1))
        constant = torch.log(scale) + 0.5 * math.log(2 * math.pi)
        density = torch.logsumexp(logits, -1) - 0.5 * z.square().sum(-1) - value.shape[-1] * constant
        return density.to(value.dtype)


@register_kl(Independent, NormalMixture)
@register_kl(torch.distributions.MultivariateNormal, NormalMixture)
def _kl_mixture(q: Distribution, p: NormalMixture) -> Tensor:
    """−H(q) − log p(z) at one sample z of q: unbiased."""
    return -q.entropy() - p.log_prob(q.rsample())
