"""Independent distributions side by side, along an axis or concatenated, and the law of the orbit of a sample."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints, kl_divergence, register_kl
from torch.types import _size


class Independent(torch.distributions.Independent):
    """torch's own, whose densities, entropies and divergences exist for empty batches too."""

    def log_prob(self, value: Tensor) -> Tensor:
        return self.sum_events(self.base_dist.log_prob(value))

    def entropy(self) -> Tensor:
        """Differential entropy in nats, summed over the event axes."""
        return self.sum_events(self.base_dist.entropy())

    def sum_events(self, terms: Tensor) -> Tensor:
        """The sum of terms of the base's batch shape over the axes that are the event's."""
        n = self.reinterpreted_batch_ndims
        return terms.flatten(-n).sum(-1) if n else terms


@register_kl(Independent, Independent)
def _kl_independent_independent(q: Independent, p: Independent) -> Tensor:
    if q.reinterpreted_batch_ndims != p.reinterpreted_batch_ndims:
        raise NotImplementedError("the divergence of laws with different numbers of event axes")
    return q.sum_events(kl_divergence(q.base_dist, p.base_dist))


class Repeated(Distribution):
    """Independent distributions of one kind, events concatenated along the last axis, computed at once.

    Args:
        base: of batch shape (..., count) and one event axis.
        count: how many there are.
    """

    arg_constraints: ClassVar = {}
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, base: Distribution, count: int) -> None:
        self.base, self.count = base, count
        super().__init__(base.batch_shape[:-1], torch.Size((count * base.event_shape[0],)), validate_args=False)

    def expand(self, batch_shape: _size, _instance: object = None) -> Repeated:
        return Repeated(self.base.expand(torch.Size((*batch_shape, self.count))), self.count)

    def rsample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        return self.base.rsample(sample_shape).flatten(-2)

    def sample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        return self.base.sample(sample_shape).flatten(-2)

    def log_prob(self, value: Tensor) -> Tensor:
        return self.base.log_prob(value.unflatten(-1, (self.count, -1))).sum(-1)

    def entropy(self) -> Tensor:
        """Differential entropy in nats, summed over the row."""
        return self.base.entropy().sum(-1)


@register_kl(Repeated, Repeated)
def _kl_repeated_repeated(q: Repeated, p: Repeated) -> Tensor:
    return kl_divergence(q.base, p.base).sum(-1)


class Joint(Distribution):
    """The product of independent distributions, events concatenated along the last axis.

    Args:
        marginals: distributions of one event axis each and equal batch shapes.
    """

    arg_constraints: ClassVar = {}
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, marginals: Sequence[Distribution]) -> None:
        self.marginals = tuple(marginals)
        self.sizes = [m.event_shape[0] for m in self.marginals]
        super().__init__(self.marginals[0].batch_shape, torch.Size((sum(self.sizes),)), validate_args=False)

    def expand(self, batch_shape: _size, _instance: object = None) -> Joint:
        return Joint([m.expand(batch_shape) for m in self.marginals])

    def rsample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        return torch.cat([m.rsample(sample_shape) for m in self.marginals], -1)

    def sample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        return torch.cat([m.sample(sample_shape) for m in self.marginals], -1)

    def log_prob(self, value: Tensor) -> Tensor:
        parts = value.split(self.sizes, -1)
        terms = [m.log_prob(part) for m, part in zip(self.marginals, parts, strict=True)]
        return torch.stack(terms).sum(0)

    def entropy(self) -> Tensor:
        """Differential entropy in nats, the sum of the marginals'."""
        return torch.stack([m.entropy() for m in self.marginals]).sum(0)


@register_kl(Joint, Joint)
def _kl_joint_joint(q: Joint, p: Joint) -> Tensor:
    return kl_per_marginal(q, p).sum(-1)


def kl_per_marginal(q: Joint, p: Joint) -> Tensor:
    """KL(q_i ‖ p_i) in nats, stacked along a last axis, of a row those of each in it."""
    terms = [
        kl_divergence(a.base, b.base) if isinstance(a, Repeated) and isinstance(b, Repeated) else kl_divergence(a, b)[..., None]
        for a, b in zip(q.marginals, p.marginals, strict=True)
    ]
    if len(terms) == 1:
        return terms[0]
    shape = torch.broadcast_shapes(*(term.shape[:-1] for term in terms))
    return torch.cat([term.expand(*shape, -1) for term in terms], -1)


class Orbit(Distribution):
    r"""The law of the orbit of z under a finite group, for z drawn from a distribution on the cover.

    .. math:: q_M([z]) = \sum_{g ∈ G} q(g z)

    Samples are representatives on the cover; the density is with respect to the volume of the quotient.

    Args:
        cover: the distribution on the cover, of one event axis.
        act: maps z of shape (..., k) to its orbit of shape (|G|, ..., k), the identity's image first.
        order: |G|.
    """

    arg_constraints: ClassVar = {}
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, cover: Distribution, act: Callable[[Tensor], Tensor], order: int) -> None:
        self.cover, self.act, self.order = cover, act, order
        super().__init__(cover.batch_shape, cover.event_shape, validate_args=False)

    def expand(self, batch_shape: _size, _instance: object = None) -> Orbit:
        return Orbit(self.cover.expand(batch_shape), self.act, self.order)

    def rsample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        return self.cover.rsample(sample_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        return torch.logsumexp(self._log_densities(value), 0)

    def _log_densities(self, value: Tensor) -> Tensor:
        # The axis of the group comes in front of all that value and batch broadcast to.
        missing = len(self.batch_shape) + 1 - value.ndim
        return self.cover.log_prob(self.act(value.reshape((1,) * missing + value.shape)))

    def kl_correction(self, value: Tensor) -> Tensor:
        r"""KL(q_M ‖ U_M) − KL(q ‖ U_C), estimated without bias from a sample, in nats.

        .. math:: −\log |G| + \log \sum_g q(g z) / q(z)
        """
        log_densities = self._log_densities(value)
        return torch.logsumexp(log_densities, 0) - log_densities[0] - math.log(self.order)
