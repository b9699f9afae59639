"""The annulus: a circle and an interval, embedded together in the plane."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Distribution

from topovae.distributions import Joint
from topovae.latent.circle import Circle
from topovae.latent.factor import Factor, Family, register
from topovae.latent.interval import Interval

_CIRCLE, _INTERVAL = Circle(1), Interval(1)


def _posterior(loc: Tensor, scale: Tensor) -> Distribution:
    return Joint([_CIRCLE.posterior(loc[..., :1], scale[..., :1]), _INTERVAL.posterior(loc[..., 1:], scale[..., 1:])])


_FAMILIES = {"wrapped-normal": Family("WrappedNormal x TruncatedNormal", _posterior)}


@register("annulus")
class Annulus(Factor):
    """S^1 × I by angle θ and height h, with its flat metric, embedded in the plane at the radius 1/2 + h."""

    coordinate_dim = embedding_dim = scale_dim = 2
    prior_name, volume = "CircleUniform x Uniform(0, 1)", _CIRCLE.volume
    families = _FAMILIES

    def locate(self, embedded: Tensor) -> Tensor:
        angle = _CIRCLE.locate(embedded)
        radius = (embedded * _CIRCLE.embed(angle)).sum(-1, keepdim=True)
        return torch.cat([angle, _INTERVAL.locate(radius - 1)], -1)

    def spread(self, raw: Tensor) -> Tensor:
        return torch.cat([_CIRCLE.spread(raw[..., :1]), _INTERVAL.spread(raw[..., 1:])], -1)

    def prior(self, like: Tensor) -> Distribution:
        return Joint([_CIRCLE.prior(like), _INTERVAL.prior(like)])

    def embed(self, coordinates: Tensor) -> Tensor:
        return (0.5 + coordinates[..., 1:]) * _CIRCLE.embed(coordinates[..., :1])

    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        along, across = _CIRCLE.distance(a[..., :1], b[..., :1]), _INTERVAL.distance(a[..., 1:], b[..., 1:])
        return torch.linalg.vector_norm(torch.stack([along, across], -1), dim=-1)

    def path(self, a: Tensor, b: Tensor, t: Tensor) -> Tensor:
        along, across = _CIRCLE.path(a[..., :1], b[..., :1], t), _INTERVAL.path(a[..., 1:], b[..., 1:], t)
        return torch.cat([along, across], -1)

    def contains(self, coordinates: Tensor) -> Tensor:
        return _CIRCLE.contains(coordinates[..., :1]) & _INTERVAL.contains(coordinates[..., 1:])
