"""Neighbouring factors that share one posterior, and rows of equal ones."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import groupby

import torch
from torch import Tensor
from torch.distributions import Distribution

from topovae.distributions import Joint, Repeated
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
        self._coordinates, self._embeddings = ([f.coordinate_dim for f in factors], [f.embedding_dim for f in factors])
        self.coordinate_dim, self.embedding_dim = sum(self._coordinates), sum(self._embeddings)
        self._own = [f.scale_dim for f in self.factors]
        self._slopes = [odd if changes else 1 for changes in signs]
        self._signs = tuple(signs)
        self.scale_dim = sum(self._own) + sum(self._slopes)

    def locate(self, embedded: Tensor) -> Tensor:
        """The coordinates nearest to vectors of the embedding space (..., embedding_dim)."""
        parts = embedded.split(self._embeddings, -1)
        return _side_by_side([f.locate(e) for f, e in zip(self.factors, parts, strict=True)])

    def embed(self, coordinates: Tensor) -> Tensor:
        """The embedded points, (..., embedding_dim)."""
        parts = coordinates.split(self._coordinates, -1)
        return _side_by_side([f.embed(z) for f, z in zip(self.factors, parts, strict=True)])

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


Law = Callable[[Block, Tensor, Tensor, Tensor], Distribution]
"""A block's posterior or proposal, as `Block.posterior`."""


class BlockRow:
    """Equal neighbouring blocks, computed at once: which of them it is, is one more axis of the batch.

    Args:
        block: one of them.
        count: how many there are.
    """

    def __init__(self, block: Block, count: int) -> None:
        self.block, self.count = block, count
        self.coordinate_dim, self.embedding_dim = count * block.coordinate_dim, count * block.embedding_dim
        self.scale_dim = count * block.scale_dim

    def _each(self, work: Callable[[Tensor], Tensor], parts: Tensor) -> Tensor:
        return work(parts) if self.count == 1 else work(parts.unflatten(-1, (self.count, -1))).flatten(-2)

    def locate(self, embedded: Tensor) -> Tensor:
        """The coordinates nearest to vectors of the embedding space (..., embedding_dim)."""
        return self._each(self.block.locate, embedded)

    def embed(self, coordinates: Tensor) -> Tensor:
        """The embedded points, (..., embedding_dim)."""
        return self._each(self.block.embed, coordinates)

    def spread(self, raw: Tensor) -> Tensor:
        """Scales (..., scale_dim) from unconstrained numbers."""
        return self._each(self.block.spread, raw)

    def law(
        self, of: Callable[[Block, Tensor, Tensor, Tensor], Distribution], loc: Tensor, scale: Tensor, odd: Tensor
    ) -> Distribution:
        """The posterior or proposal of event shape (coordinate_dim,), by that of a block."""
        if self.count == 1:
            return of(self.block, loc, scale, odd)
        loc, scale = (part.unflatten(-1, (self.count, -1)) for part in (loc, scale))
        return Repeated(of(self.block, loc, scale, odd), self.count)

    def prior(self, like: Tensor) -> Distribution:
        """The prior of event shape (coordinate_dim,), in the dtype and on the device of `like`."""
        prior = self.block.prior(like)
        return prior if self.count == 1 else Repeated(prior.expand(torch.Size((self.count,))), self.count)


def rows(blocks: Sequence[Block], kinds: Sequence[Hashable]) -> list[BlockRow]:
    """Blocks in rows of equal neighbours.

    Args:
        blocks: in their order.
        kinds: of each block: those of one kind are equal if each has one factor, without parameters of its own.
    """

    def alike(numbered: tuple[int, Block]) -> Hashable:
        number, block = numbered
        single = len(block.factors) == 1 and next(block.factors[0].parameters(), None) is None
        return (kinds[number],) if single else number

    found = [[block for _, block in run] for _, run in groupby(enumerate(blocks), alike)]
    return [BlockRow(run[0], len(run)) for run in found]


def _side_by_side(parts: Sequence[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(list(parts), -1)
