"""Mixtures of latent spaces: each sample lies on one of several components, whose weights are learned.

A point is given by the number of its component and its coordinates there, (k, z), with zeros behind where another component
has more coordinates. The posterior is q(k | x) q(z | x, k), and the ELBO is the exact sum over k. The decoder reads the
features on the component, zeros for those of the others, and which component it is, as a one-hot vector.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, constraints
from torch.nn.functional import one_hot, pad
from torch.types import _size

from topovae.latent.factor import build
from topovae.latent.space import LatentSpace
from topovae.latent.terms import Loss, Terms
from topovae.signature import Latent, Mixture

LOG_ODDS = 10.0
"""Nats for one unit of what the encoder puts out for a component, so that a start at 1 or 0 is nearly certain; not tuned."""


class MixturePosterior(Distribution):
    """q(k | x) q(z | x, k), of points (k, z).

    Args:
        space: the mixture.
        log_shares: (..., K) log q(k | x).
        components: the posterior on each component, of batch shape (...).
    """

    arg_constraints: ClassVar = {}
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, space: MixtureSpace, log_shares: Tensor, components: Sequence[Distribution]) -> None:
        self.space, self.log_shares, self.components = space, log_shares, tuple(components)
        super().__init__(log_shares.shape[:-1], torch.Size((space.coordinate_dim,)), validate_args=False)

    def rsample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        """Points with a gradient by z, and none by the choice of k."""
        shares = self.log_shares.exp().expand(*sample_shape, *self.log_shares.shape)
        number = torch.multinomial(shares.flatten(0, -2), 1).reshape(shares.shape[:-1])
        return self.space.points(number, [part.rsample(sample_shape) for part in self.components])

    def log_prob(self, value: Tensor) -> Tensor:
        parts = zip(self.space.split(value), self.components, self.log_shares.unbind(-1), strict=True)
        return self.space.select(value, [posterior.log_prob(z) + share for z, posterior, share in parts])


class MixtureSpace(nn.Module):
    """Posteriors, prior, divergence, decoder features and distance of a mixture; what `LatentSpace` offers of one space.

    Args:
        signature: the components.
        parts: the latent space of each.

    Example:
        >>> from topovae.signature import parse_latent
        >>> space = space_of(parse_latent("mixture(circle,sphere)"))
        >>> space.coordinate_dim, space.feature_dim, space.kl_names
        (4, 7, ('0.S1', '1.S2', 'component'))
    """

    def __init__(self, signature: Mixture, parts: Sequence[LatentSpace]) -> None:
        super().__init__()
        self.signature = signature
        self.parts = nn.ModuleList(parts)
        self.dim = signature.dim
        count, self.order = len(parts), 1
        self._coordinate_sizes = [part.coordinate_dim for part in parts]
        self._feature_sizes = [part.feature_dim for part in parts]
        self._location_sizes = [count, *(part.location_dim for part in parts)]
        self._scale_sizes = [part.scale_dim for part in parts]
        self.coordinate_dim = 1 + max(self._coordinate_sizes)
        self.scale_dim = max(self._scale_sizes)
        self.feature_dim = sum(self._feature_sizes) + count
        self.location_dim = sum(self._location_sizes)
        self.output_dim = self.location_dim + sum(self._scale_sizes)
        # In the same unit as the encoder's outputs, so that a component that is not used loses its weight within few epochs.
        self.weights = nn.Parameter(torch.zeros(count))

    @property
    def spaces(self) -> list[LatentSpace]:
        """The components."""
        return list(self.parts)  # type: ignore[arg-type]

    @property
    def has_density(self) -> bool:
        """Whether all posteriors have densities."""
        return all(part.has_density for part in self.spaces)

    @property
    def has_weights(self) -> bool:
        """Whether importance weights can be taken on all components."""
        return all(part.has_weights for part in self.spaces)

    @property
    def periodic(self) -> bool:
        """Whether what the decoder reads of every component are the cosines and sines of angles alone."""
        return all(part.periodic for part in self.spaces)

    @property
    def kl_names(self) -> tuple[str, ...]:
        """What the columns of the divergence are: those of each component behind its number, and that of k."""
        return (*(f"{k}.{name}" for k, part in enumerate(self.spaces) for name in part.kl_names), "component")

    @property
    def log_weights_of_components(self) -> Tensor:
        """log p(k), (..., K)."""
        return (LOG_ODDS * self.weights).log_softmax(-1)

    def forward(self, outputs: Tensor, loss: Loss) -> Terms:
        """The terms of the negative ELBO, the exact sum over components, with one posterior sample on each.

        Args:
            outputs: the encoder's, (..., B, output_dim).
            loss: −log p(x | z) of what the decoder reads.
        """
        found = [part(own, self._loss_on(k, loss)) for k, (part, own) in enumerate(self._own_outputs(outputs))]
        log_shares = self.log_shares(outputs)
        shares = log_shares.exp()
        nll = (shares * torch.stack([terms.nll for terms in found], -1)).sum(-1)
        # Of several models side by side, each has weights of its own, and a batch beside them.
        choice = (shares * (log_shares - self.log_weights_of_components.unsqueeze(-2))).sum(-1, keepdim=True)
        kl = [share[..., None] * terms.kl for share, terms in zip(shares.unbind(-1), found, strict=True)]
        coordinates = self.points(log_shares.argmax(-1), [terms.coordinates for terms in found])
        penalty = sum(terms.penalty for terms in found)
        return Terms(nll, torch.cat([*kl, choice], -1), outputs[..., : self.location_dim], coordinates, penalty)

    def begin(self, coordinates: Tensor, angles: Tensor | None = None) -> None:
        """Begin priors that are learned at the points (n, coordinate_dim) of their component, in place."""
        number = self.component(coordinates)
        for k, (part, z) in enumerate(zip(self.spaces, self.split(coordinates), strict=True)):
            here = number == k
            part.begin(z[here], None if angles is None else angles[here])

    def prune(self, coordinates: Tensor) -> None:
        """Leave out, in place, what learned priors of components hold and their points (n, coordinate_dim) do not need."""
        number = self.component(coordinates)
        for k, (part, z) in enumerate(zip(self.spaces, self.split(coordinates), strict=True)):
            if (number == k).any():
                part.prune(z[number == k])

    def prepare(self) -> None:
        """Learn what components need before a model is trained."""
        for part in self.spaces:
            part.prepare()

    def fault(self) -> str:
        """Why parameters of a component can no longer be trained; empty where they can."""
        return next(filter(None, (part.fault() for part in self.spaces)), "")

    def _own_outputs(self, outputs: Tensor) -> Iterable[tuple[LatentSpace, Tensor]]:
        """Each component with its part of the encoder's outputs."""
        _, *parts = outputs.split([*self._location_sizes, *self._scale_sizes], -1)
        count = len(self.spaces)
        own = (torch.cat(pair, -1) for pair in zip(parts[:count], parts[count:], strict=True))
        return zip(self.spaces, own, strict=True)

    def _loss_on(self, k: int, loss: Loss) -> Loss:
        """A loss that takes the features of component k."""
        return lambda features: loss(self._tagged(k, features))

    def _tagged(self, k: int, features: Tensor) -> Tensor:
        """What the decoder reads at features (..., f) of component k, (..., feature_dim)."""
        before, after = sum(self._feature_sizes[:k]), sum(self._feature_sizes[k + 1 :])
        hot = torch.eye(len(self.spaces), dtype=features.dtype, device=features.device)[k]
        return torch.cat([pad(features, (before, after)), hot.expand(*features.shape[:-1], -1)], -1)

    def log_shares(self, outputs: Tensor) -> Tensor:
        """log q(k | x), (..., K), from an encoder's outputs."""
        return (LOG_ODDS * outputs[..., : len(self.spaces)]).log_softmax(-1)

    def memberships(self, outputs: Tensor) -> dict[str, Tensor]:
        """The most probable "component" (...,) and the "component_probability" of each (..., K)."""
        shares = self.log_shares(outputs).exp()
        return {"component": shares.argmax(-1), "component_probability": shares}

    def heads(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Posterior location and scale on the most probable component, from an encoder's outputs (..., output_dim)."""
        locations, scales = zip(*(part.heads(own) for part, own in self._own_outputs(outputs)), strict=True)
        number = self.log_shares(outputs).argmax(-1)
        return self.points(number, locations), self._chosen(number, [_wide(scale, self.scale_dim) for scale in scales])

    def component(self, coordinates: Tensor) -> Tensor:
        """The number of the component that points lie on, (...,), −1 where there is no such component."""
        first = torch.nan_to_num(coordinates[..., 0], nan=-1.0)
        known = (first == first.round()) & (first >= 0) & (first < len(self.spaces))
        return torch.where(known, first, -1.0).long()

    def split(self, coordinates: Tensor) -> list[Tensor]:
        """The coordinates of points as those of each component, which mean something on their own alone."""
        return [coordinates[..., 1 : 1 + size] for size in self._coordinate_sizes]

    def points(self, number: Tensor, parts: Sequence[Tensor]) -> Tensor:
        """Points from the number of the component and coordinates on every one, of which its own are taken."""
        own = self._chosen(number, [_wide(part, self.coordinate_dim - 1) for part in parts])
        return torch.cat([number[..., None].expand(*own.shape[:-1], 1).to(own.dtype), own], -1)

    def select(self, coordinates: Tensor, values: Sequence[Tensor]) -> Tensor:
        """Of values for every component, those of the components that points lie on."""
        return self._chosen(self.component(coordinates), values)

    def _chosen(self, number: Tensor, values: Sequence[Tensor]) -> Tensor:
        found = values[0]
        for k, value in enumerate(values[1:], 1):
            here = number == k
            found = torch.where(here[(..., *(None,) * (value.ndim - here.ndim))], value, found)
        return found

    def _mapped(self, coordinates: Tensor, function: Callable[[LatentSpace, Tensor], Tensor]) -> Tensor:
        """Points that a function of a component and coordinates on it takes points to."""
        moved = [function(part, z) for part, z in zip(self.spaces, self.split(coordinates), strict=True)]
        return self.points(self.component(coordinates), moved)

    def features(self, coordinates: Tensor) -> Tensor:
        """What the decoder reads, (..., feature_dim)."""
        parts = enumerate(zip(self.spaces, self.split(coordinates), strict=True))
        return self.select(coordinates, [self._tagged(k, part.features(z)) for k, (part, z) in parts])

    def representative(self, coordinates: Tensor) -> Tensor:
        """One point of each orbit, the same for all its points."""
        return self._mapped(coordinates, lambda part, z: part.representative(z))

    def posterior(self, loc: Tensor, scale: Tensor) -> MixturePosterior:
        """The posterior on the component that `loc` (..., coordinate_dim) lies on, with `scale` (..., scale_dim) there."""
        here = one_hot(self.component(loc).clamp(min=0), len(self.spaces)).to(loc.dtype).log()
        parts = zip(self.spaces, self.split(loc), self._scale_sizes, strict=True)
        return MixturePosterior(self, here, [part.posterior(z, scale[..., :size]) for part, z, size in parts])

    def read(self, outputs: Tensor) -> MixturePosterior:
        """The posterior over all components, from an encoder's outputs."""
        return MixturePosterior(self, self.log_shares(outputs), [part.read(own) for part, own in self._own_outputs(outputs)])

    def propose(self, outputs: Tensor) -> MixturePosterior:
        """The law over all components that importance weights are taken over."""
        parts = [part.propose(own) for part, own in self._own_outputs(outputs)]
        return MixturePosterior(self, self.log_shares(outputs), parts)

    def targets(self, coordinates: Tensor) -> Tensor:
        """The location outputs (..., location_dim) of points; NaN for those of other components, or where nothing is known."""
        number = self.component(coordinates)
        known = number >= 0
        shares = one_hot(number.clamp(min=0), len(self.spaces)).to(coordinates.dtype)
        parts = [part.targets(z) for part, z in zip(self.spaces, self.split(coordinates), strict=True)]
        own = [torch.where((known & (number == k))[..., None], part, torch.nan) for k, part in enumerate(parts)]
        return torch.cat([torch.where(known[..., None], shares, torch.nan), *own], -1)

    def sample_prior(self, n: int, like: Tensor) -> Tensor:
        """n points of the prior, (n, coordinate_dim)."""
        number = torch.multinomial(self.log_weights_of_components.exp(), n, replacement=True)
        return self.points(number, [part.sample_prior(n, like) for part in self.spaces])

    def log_weights(self, law: Distribution, coordinates: Tensor) -> Tensor:
        """log p(k, z) − log q(k, z | x) in nats, for importance weighting by draws of a law q."""
        parts = zip(self.spaces, self.split(coordinates), self.log_weights_of_components.unbind(-1), strict=True)
        prior = self.select(coordinates, [part.prior_log_prob(z) + weight for part, z, weight in parts])
        return prior - law.log_prob(coordinates)

    def contains(self, coordinates: Tensor) -> Tensor:
        """Whether coordinates (..., coordinate_dim) are a point of a component."""
        parts = zip(self.spaces, self.split(coordinates), strict=True)
        return (self.component(coordinates) >= 0) & self.select(coordinates, [part.contains(z) for part, z in parts])

    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        """Geodesic distance of points of one component; infinite between components."""
        a, b = torch.broadcast_tensors(a, b)
        parts = zip(self.spaces, self.split(a), self.split(b), strict=True)
        inside = self.select(a, [part.distance(x, y) for part, x, y in parts])
        return torch.where(self.component(a) == self.component(b), inside, torch.inf)


Space = LatentSpace | MixtureSpace


def space_of(latent: Latent, posteriors: Sequence[str] = (), encoder: str = "lift", divergence: str = "orbit") -> Space:
    """The latent space of an expression that was read.

    Args:
        latent: a single space, or a mixture.
        posteriors, encoder, divergence: as for `LatentSpace`.

    Raises:
        UsageError: a family or choice does not exist or does not fit a component.
    """
    known = [{name for factor in part.factors for name in build(factor).families} for part in latent.components]
    # A family that no component has is refused by each of them.
    asked = [[name for name in posteriors if name in own or name not in set().union(*known)] for own in known]
    parts = [LatentSpace(part, own, encoder, divergence) for part, own in zip(latent.components, asked, strict=True)]
    return MixtureSpace(latent, parts) if isinstance(latent, Mixture) else parts[0]


def _wide(columns: Tensor, width: int) -> Tensor:
    """Columns (..., w) with zeros behind up to a width."""
    return pad(columns, (0, width - columns.shape[-1]))
