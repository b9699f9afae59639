"""Uniform distributions on intervals, the circle and spheres: the priors of compact factors."""

from __future__ import annotations

import math
from copy import copy
from typing import Any, ClassVar, Self

import torch
from torch import Tensor
from torch.distributions import Distribution, Uniform, constraints
from torch.types import _size


def log_sphere_area(dim: int) -> float:
    """log of the volume of the unit sphere S^dim in R^(dim+1)."""
    return math.log(2) + (dim + 1) / 2 * math.log(math.pi) - math.lgamma((dim + 1) / 2)


class IntervalUniform(Uniform):
    """The uniform law on the closed interval [low, high].

    torch's gives `high` itself the density 0, and samples of a posterior can lie there.
    """

    def log_prob(self, value: Tensor) -> Tensor:
        inside = (value >= self.low) & (value <= self.high)
        return torch.where(inside, -torch.log(self.high - self.low), -math.inf)


class ClosedUniform(Distribution):
    """The uniform law on a closed manifold of known volume; what derives from it draws the samples.

    Args:
        log_volume: log of the volume.
        batch_shape: shape of independent copies.
        event_shape: shape of one point.
        dtype, device: of the samples.
    """

    arg_constraints: ClassVar = {}
    has_rsample = True

    def __init__(
        self,
        log_volume: float,
        batch_shape: torch.Size,
        event_shape: torch.Size,
        dtype: torch.dtype | None,
        device: torch.device | str | None,
    ) -> None:
        self.log_volume = log_volume
        self._like = torch.empty(0, dtype=dtype, device=device)
        super().__init__(batch_shape, event_shape, validate_args=False)

    def expand(self, batch_shape: _size, _instance: object = None) -> Self:
        expanded = copy(self)
        Distribution.__init__(expanded, torch.Size(batch_shape), self.event_shape, validate_args=False)
        return expanded

    def log_prob(self, value: Tensor) -> Tensor:
        return torch.full_like(value[..., 0] if self.event_shape else value, -self.log_volume)

    def entropy(self) -> Tensor:
        """Differential entropy in nats, the log of the volume."""
        return self._like.new_full(self.batch_shape, self.log_volume)


class CircleUniform(ClosedUniform):
    """The uniform law on the circle, angles in [−π, π), density 1/2π per radian.

    Args:
        batch_shape: shape of independent copies.
        dtype, device: of the samples.
    """

    support = constraints.real

    def __init__(
        self,
        batch_shape: torch.Size = torch.Size(),  # noqa: B008
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__(math.log(2 * math.pi), batch_shape, torch.Size(), dtype, device)

    def rsample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        shape = self._extended_shape(sample_shape)
        return (torch.rand(shape, dtype=self._like.dtype, device=self._like.device) - 0.5) * (2 * math.pi)


class SphereUniform(ClosedUniform):
    """The uniform law on S^dim, as unit vectors of R^(dim+1).

    Args:
        dim: dimension of the sphere, at least 1.
        batch_shape: shape of independent copies.
        dtype, device: of the samples.
    """

    support = constraints.real_vector

    def __init__(
        self,
        dim: int,
        batch_shape: torch.Size = torch.Size(),  # noqa: B008
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        self.dim = dim
        super().__init__(log_sphere_area(dim), batch_shape, torch.Size((dim + 1,)), dtype, device)

    def rsample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        shape = self._extended_shape(sample_shape)
        normal = torch.randn(shape, dtype=self._like.dtype, device=self._like.device)
        return torch.nn.functional.normalize(normal, dim=-1)


class _Transported(torch.autograd.Function):
    """Tangent vectors at `loc`, with the derivative of their parallel transport along the great circles loc moves on."""

    generate_vmap_rule = True

    @staticmethod
    def forward(loc: Tensor, tangent: Tensor) -> Tensor:
        return tangent.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        loc, tangent = ctx.saved_tensors
        return -(gradient * loc).sum(-1, keepdim=True) * tangent, None


def uniform_tangent(loc: Tensor) -> Tensor:
    """A uniform unit tangent vector of the sphere at each of the unit vectors `loc`, which moves with them.

    Its gradient is that of the parallel transport along the great circle on which `loc` moves. Projecting one Gaussian
    vector onto the tangent space instead makes the gradient large where the vector is nearly parallel to `loc`: on S²
    its variance is infinite.
    """
    fixed = loc.detach()
    first, rest = fixed[..., :1], fixed[..., 1:]
    noise = torch.nn.functional.normalize(torch.randn_like(rest), dim=-1)
    # A unit vector orthogonal to the first axis, in the mirror that takes this axis, or its opposite, to loc.
    along = (rest * noise).sum(-1, keepdim=True)
    tangent = torch.cat([-torch.where(first < 0, -along, along), noise - along / (1 + first.abs()) * rest], -1)
    return _Transported.apply(loc, tangent)
