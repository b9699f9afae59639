"""The normal law with full covariance, and its divergence from independent normal ones."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Independent, Normal, register_kl


class MultivariateNormal(torch.distributions.MultivariateNormal):
    """torch's own, whose density exists for empty batches too."""

    def log_prob(self, value: Tensor) -> Tensor:
        # In double precision, for the steps of the solution may be beyond single precision where the density is not.
        factor, offset = self.scale_tril.double(), (value.double() - self.loc.double())[..., None]
        white = torch.linalg.solve_triangular(factor, offset, upper=False)[..., 0]
        log_volume = torch.log(torch.diagonal(factor, dim1=-2, dim2=-1)).sum(-1)
        density = -0.5 * (white.square().sum(-1) + white.shape[-1] * math.log(2 * math.pi)) - log_volume
        return density.to(self.loc.dtype)


@register_kl(torch.distributions.MultivariateNormal, Independent)
def _kl_full_independent(q: torch.distributions.MultivariateNormal, p: Independent) -> Tensor:
    if not isinstance(p.base_dist, Normal):
        raise NotImplementedError(f"the divergence of a normal law from {type(p.base_dist).__name__}")
    loc, scale = p.base_dist.loc, p.base_dist.scale
    spread = q.scale_tril / scale[..., None]
    square = spread.square().sum((-2, -1)) + ((q.loc - loc) / scale).square().sum(-1)
    log_volumes = torch.log(torch.diagonal(spread, dim1=-2, dim2=-1)).sum(-1)
    return 0.5 * (square - q.loc.shape[-1]) - log_volumes
