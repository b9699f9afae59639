"""Neighbouring factors that share one posterior."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from torch.distributions import Distribution

from topovae.distributions import Joint
from topovae.latent.factor import Factor


def join(factors: Iterable[Factor]) -> list[tuple[Factor, ...]]:
    """Factors in runs of neighbours with one posterior: of a family that spans several, or each by itself."""
    runs: list[tuple[Factor, ...]] = []
    for factor in factors:
        if runs and runs[-1][0].family == factor.family and len(runs[-1]) < factor.family.span:
            runs[-1] = (*runs[-1], factor)
        else:
            runs.append((factor,))
    return runs


class Block:
    """Neighbouring factors and their posterior: most often one factor alone.

    The scale of several is the scale of each, then the slopes of their common family: for every factor, by the ones before
    it, how far it moves with them. An isometry that flips one of two factors changes the sign of their slope, though a scale
    is to be the same on the whole orbit. Such a slope is w · y for functions y of the place that change sign as well, and the
    scale holds w.

    Args:
        factors: of one family where there are several.
        signs: for each slope, whether isometries change it.
        odd: how many functions change sign with the slopes that do.
    """

    def __init__(self, factors: Sequence[Factor], signs: Sequence[bool] = (), odd: int = 0) -> None:
        self.factors = tuple(factors)
        self.coordinate_dim = sum(f.coordinate_dim for f in self.factors)
        self._own = [f.scale_dim for f in self.factors]
        self._slopes = [odd if changes else 1 for changes in signs]
        self._signs = tuple(signs)
        self.scale_dim = sum(self._own) + sum(self._slopes)

    def spread(self, raw: Tensor) -> Tensor:
        """Scales (..., scale_dim) from unconstrained numbers; slopes have any sign."""
        if len(self.factors) == 1:
            return self.factors[0].spread(raw)
        *own, slopes = raw.split([*self._own, sum(self._slopes)], -1)
        return torch.cat([*(f.spread(r) for f, r in zip(self.factors, own, strict=True)), slopes], -1)

    def posterior(self, loc: Tensor, scale: Tensor, odd: Tensor) -> Distribution:
        """The posterior of event shape (coordinate_dim,); `odd` (..., odd) has the functions that change sign, at `loc`."""
        first, *others = self.factors
        if not others:
            return first.posterior(loc, scale)
        own, slopes = scale.split([sum(self._own), sum(self._slopes)], -1)
        parts = [
            (part * odd).sum(-1, keepdim=True) if changes else part
            for changes, part in zip(self._signs, slopes.split(self._slopes, -1), strict=True)
        ]
        return first.family.make(loc, torch.cat([own, *parts], -1))

    def proposal(self, loc: Tensor, scale: Tensor, odd: Tensor) -> Distribution:
        """As `posterior`, with a density in any case: that of several factors has one."""
        first, *others = self.factors
        return self.posterior(loc, scale, odd) if others else first.proposal(loc, scale)

    def prior(self, like: Tensor) -> Distribution:
        """The prior of event shape (coordinate_dim,), in the dtype and on the device of `like`."""
        priors = [f.prior(like) for f in self.factors]
        return priors[0] if len(priors) == 1 else Joint(priors)
