"""Mixtures of normal laws that are round but for few directions, as priors that are learned."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Categorical, Distribution, Independent, constraints, register_kl
from torch.nn.functional import pad
from torch.types import _size


class NormalMixture(Distribution):
    r"""A mixture of normal laws, each drawn out along directions of its own.

    .. math:: p(z) = \sum_c w_c N(z; m_c, γ^2 I + W_c W_c^T)

    torch's mixture of `LowRankMultivariateNormal` is the same law; this density takes two products of matrices for all points
    and laws at once, and where parameters are no numbers it is none, and no error.

    Args:
        logits: (..., C) log weights, up to a constant.
        centres: (..., C, k) m.
        factors: (..., C, k, M) W.
        scale: (...) γ.
    """

    arg_constraints: ClassVar = {}
    support = constraints.real_vector

    def __init__(self, logits: Tensor, centres: Tensor, factors: Tensor, scale: Tensor) -> None:
        self.logits = logits - logits.logsumexp(-1, keepdim=True)
        self.centres, self.factors, self.scale = centres, factors, scale
        super().__init__(logits.shape[:-1], centres.shape[-1:], validate_args=False)

    @torch.no_grad()
    def sample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        shape = (*sample_shape, *self.batch_shape)
        chosen = Categorical(logits=self.logits, validate_args=False).sample(sample_shape)
        centres = self.centres.expand(*shape, -1, -1)
        factors = self.factors.expand(*shape, -1, -1, -1)
        at = chosen[..., None, None]
        centre = centres.gather(-2, at.expand(*shape, 1, centres.shape[-1]))[..., 0, :]
        factor = factors.gather(-3, at[..., None].expand(*shape, 1, *factors.shape[-2:]))[..., 0, :, :]
        along = (factor @ torch.randn(*shape, factor.shape[-1], 1, dtype=centre.dtype, device=centre.device))[..., 0]
        return centre + along + self.scale[..., None] * torch.randn_like(centre)

    def log_prob(self, value: Tensor) -> Tensor:
        # In double precision, for the square of a distance is a difference of larger numbers.
        scale = self.scale.double()
        z, centres = value.double() / scale[..., None], self.centres.double() / scale[..., None, None]
        drawn = self.factors.double().mT / scale[..., None, None, None]
        inner = torch.eye(drawn.shape[-2], dtype=drawn.dtype, device=drawn.device) + drawn @ drawn.mT
        root = torch.linalg.cholesky_ex(inner).L
        along = torch.linalg.solve_triangular(root, drawn, upper=False)  # (..., C, M, k): by Woodbury's identity
        offsets = self.logits - 0.5 * centres.square().sum(-1) - root.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        extended = pad(z, (0, 1), value=1.0)
        logits = torch.einsum("...k,...ck->...c", extended, torch.cat([centres, offsets[..., None]], -1))
        eased = torch.einsum("...k,...cmk->...cm", extended, torch.cat([along, -(along @ centres[..., None])], -1))
        density = torch.logsumexp(logits + 0.5 * eased.square().sum(-1), -1) - 0.5 * z.square().sum(-1)
        return (density - value.shape[-1] * (torch.log(scale) + 0.5 * math.log(2 * math.pi))).to(value.dtype)


@register_kl(Independent, NormalMixture)
@register_kl(torch.distributions.MultivariateNormal, NormalMixture)
def _kl_mixture(q: Distribution, p: NormalMixture) -> Tensor:
    """−H(q) − log p(z) at one sample z of q: unbiased."""
    return -q.entropy() - p.log_prob(q.rsample())
