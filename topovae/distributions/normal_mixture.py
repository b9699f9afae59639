"""Mixtures of normal laws that are round but for few directions, as priors that are learned."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import (
    Categorical,
    Distribution,
    Independent,
    LowRankMultivariateNormal,
    MixtureSameFamily,
    register_kl,
)
from torch.nn.functional import pad


class NormalMixture(MixtureSameFamily):
    """torch's own mixture of normal laws N(m, γ² I + W Wᵀ), whose density takes two products of matrices.

    Args:
        logits: (..., C) log weights, up to a constant.
        centres: (..., C, k) m.
        factors: (..., C, k, M) W, the directions that each is drawn out along.
        scale: (...) γ.
    """

    def __init__(self, logits: Tensor, centres: Tensor, factors: Tensor, scale: Tensor) -> None:
        self.centres, self.factors, self.scale = centres, factors, scale
        diagonal = scale.square()[..., None, None].expand_as(centres)
        parts = LowRankMultivariateNormal(centres, factors, diagonal, validate_args=False)
        super().__init__(Categorical(logits=logits, validate_args=False), parts, validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        # In double precision, for the square of a distance is a difference of larger numbers.
        scale = self.scale.double()
        z, centres = value.double() / scale[..., None], self.centres.double() / scale[..., None, None]
        drawn = self.factors.double().mT / scale[..., None, None, None]
        root = torch.linalg.cholesky(torch.eye(drawn.shape[-2], dtype=drawn.dtype, device=drawn.device) + drawn @ drawn.mT)
        along = torch.linalg.solve_triangular(root, drawn, upper=False)  # (..., C, M, k): by Woodbury's identity
        offsets = self.mixture_distribution.logits - 0.5 * centres.square().sum(-1)
        offsets = offsets - root.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        logits = torch.einsum("...k,...ck->...c", pad(z, (0, 1), value=1.0), torch.cat([centres, offsets[..., None]], -1))
        places = torch.cat([along, -(along @ centres[..., None])], -1)
        eased = torch.einsum("...k,...cmk->...cm", pad(z, (0, 1), value=1.0), places)
        density = torch.logsumexp(logits + 0.5 * eased.square().sum(-1), -1) - 0.5 * z.square().sum(-1)
        return (density - value.shape[-1] * (torch.log(scale) + 0.5 * math.log(2 * math.pi))).to(value.dtype)


@register_kl(Independent, NormalMixture)
@register_kl(torch.distributions.MultivariateNormal, NormalMixture)
def _kl_mixture(q: Distribution, p: NormalMixture) -> Tensor:
    """−H(q) − log p(z) at one sample z of q: unbiased."""
    return -q.entropy() - p.log_prob(q.rsample())
