"""R^k with a prior that is learned: transport operators move anchors along the data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.quasirandom import SobolEngine

from topovae.distributions import NormalMixture
from topovae.distributions.course import constant
from topovae.latent.factor import Family, register
from topovae.latent.line import Euclidean, _diagonal, _full
from topovae.latent.operators import (
    Flow,
    Inferred,
    Transport,
    bounds,
    fields_along,
    homogeneous,
    infer,
    tangent_fields,
    transport,
    transports,
)
from topovae.signature import LEARNED, LEARNED_NUMBERS

NODES, SPREAD_NODES = 48, 128
"""How many coefficients the prior is summed at, of one operator and of several: limits on cost, not tuned."""

FITTED = 1000
"""Samples of a cloud that a start is fitted to, and pruning judged by, at most: a limit on cost, not tuned."""

REACHES = tuple(math.pi * 2.0 ** (-k / 2) for k in range(10))
"""Reaches that are tried for a start: from a half turn at unit speed down, each by the root of two. Not tuned."""

REFITS = 8
"""Steps of expectation and maximisation for weights and width, enough to tell reaches apart: not tuned."""

NARROWEST = 1e-3
"""Least width of the prior's normals, in units of the latent's coordinates: below it the divergence of posteriors is more than
single precision holds. Not tuned."""

REMOTEST = 1e6
"""Centres lie at most so many widths from the origin: the square of it, in double precision, is exact to 2e-4 nats. Without it
operators that lead far away find places where rounding passes for density. Not tuned."""

THINNEST = 10.0
"""A start is at most so many times narrower across the flow than round normals would be: operators that lead everywhere leave
nothing across. Not tuned."""

FROBENIUS = 1e-3
"""Nats for the square of an operator's norm, twice: so little that it decides between operators that do the same. Not tuned."""

IDLE = -1000.0
"""The logarithm of the reach of an operator that is left out: its exponential is 0, in double precision too, and so are all its
gradients, so that it stays out. Not tuned."""

NEEDED = 1e-3
"""Nats that an operator saves of a sample, or it is left out: the last digit that an ELBO is told to. Not tuned."""

LARGEST = 100.0
"""Largest norm of what an operator does at its reach: its exponential is near the end of single precision. Not tuned."""

_FAMILIES = {
    "normal": Family("Normal", _diagonal, kl="unbiased"),
    "full-normal": Family("MultivariateNormal", _full, scale_dim=lambda k: k * (k + 1) // 2, kl="unbiased"),
}


@cache
def nodes(operators: int) -> np.ndarray:
    """Fixed coefficients (J, M) of unit reach: evenly over [−1, 1] for one operator, Laplace for several."""
    if operators == 1:
        return ((2 * np.arange(NODES) + 1) / NODES - 1)[:, None]
    u = SobolEngine(operators, scramble=True, seed=0).draw(SPREAD_NODES, dtype=torch.float64).numpy().clip(1e-3, 1 - 1e-3) - 0.5
    return -np.sign(u) * np.log1p(-2 * np.abs(u)) / 2


def spacing(operators: int) -> float:
    """How far nodes lie apart, in units of the reach."""
    return 2 / NODES if operators == 1 else 2 * SPREAD_NODES ** (-1 / operators)


def parameter_counts(dim: int, operators: int) -> tuple[int, int]:
    """Free parameters of a prior on R^dim: those of its operators and width, and those of each anchor."""
    return operators * (dim * (dim + 1) + 2) + 1, dim + len(nodes(operators))


@register(LEARNED)
class Learned(Euclidean):
    r"""R^k under the density that transport operators make of anchors.

    .. math:: p(z) = \sum_{ij} w_{ij} N(z; z_{ij}, γ^2 I + \sum_m (τ_m b_m)^2 f_m f_m^T),
        z_{ij} = \mathrm{expm}(\sum_m b_m c_{jm} Ψ_m) a_i, f_m = Ψ_m (z_{ij}, 1)

    The coefficients c are fixed, so the density is proper and no coefficients are inferred while it is trained; between two of
    them the flow is taken for straight, by normal deviations τ. Posteriors are normal, as on R^k; their divergence is estimated
    without bias from one sample.

    Args:
        dim: k.
        family: of posteriors.
        M: operators.
        anchors: points that are moved.
    """

    prior_name, families = "transported anchors", _FAMILIES

    def __init__(self, dim: int, family: str | None = None, M: int = LEARNED_NUMBERS["M"][0], anchors: int = 6) -> None:
        super().__init__(dim, family)
        # Where no cloud is known to begin at. Spaces are built to be looked at too, so the global random state stays.
        drawn = torch.as_tensor(np.random.default_rng(0).standard_normal((M + anchors, dim, dim + 1)), dtype=torch.float32)
        self.operators = nn.Parameter(drawn[:M] / 4)
        self.anchors = nn.Parameter(drawn[M:, :, 0].clone())
        self.weights = nn.Parameter(torch.zeros(anchors, len(nodes(M))))
        self.reach = nn.Parameter(torch.zeros(M))
        self.smear = nn.Parameter(torch.full((M,), math.log(spacing(M))))
        self.width = nn.Parameter(torch.tensor(math.log(0.5)))

    def prior(self, like: Tensor) -> Distribution:
        operators, anchors, weights = (p.to(like) for p in (self.operators, self.anchors, self.weights))
        steps = constant(nodes(operators.shape[-3]), operators) * self.reach.exp().to(like).unsqueeze(-2)
        moved = transports(operators.unsqueeze(-4), steps) @ homogeneous(anchors).mT.unsqueeze(-3)  # (..., J, k + 1, A)
        centres = moved.movedim(-1, -3).flatten(-3, -2)  # (..., A J, k + 1)
        steps = (self.reach + self.smear).exp().to(like).unsqueeze(-2).unsqueeze(-2)
        factors = torch.einsum("...mab,...cb->...cam", operators, centres) * steps
        centres = centres[..., :-1]
        width = self.width.exp().to(like) + NARROWEST + centres.abs().amax((-2, -1)) / REMOTEST
        parts = [weights.flatten(-2), centres, factors, width]
        if operators.ndim > 3:  # several models side by side, each with a batch of its own
            parts = [part.unsqueeze(operators.ndim - 3) for part in parts]
        return NormalMixture(*parts)

    def penalty(self) -> Tensor:
        """Nats that large operators cost, (...)."""
        return 0.5 * FROBENIUS * self.operators.square().sum((-3, -2, -1))

    def fault(self) -> str:
        fields = self.reach.exp()[:, None, None] * self.operators
        largest = float(torch.linalg.matrix_norm(fields).detach().max())
        return "" if largest <= LARGEST else f"an operator has grown to a norm of {largest:.3g}, and {LARGEST:g} is the limit"

    @property
    def flows(self) -> tuple[Flow, ...]:
        width, anchors = float(self.width.detach().exp()), homogeneous(self.anchors.detach())
        found = []
        for operator, reach in zip(self.operators.detach(), self.reach.detach().exp().tolist(), strict=True):
            speed = torch.linalg.vector_norm(anchors @ operator.mT, dim=-1).max()
            found.append(Flow(operator, reach, bool(reach * speed > width)))
        return tuple(found)

    @property
    def transport(self) -> Transport:
        operators, anchors, reach = self.operators.detach(), self.anchors.detach(), self.reach.detach().exp()
        width = float(self.prior(anchors).scale.detach())  # type: ignore[attr-defined]
        return Transport(operators, reach, constant(nodes(len(operators)), anchors), anchors, width)

    def between(self, a: Tensor, b: Tensor) -> Inferred:
        """Coefficients that bring points (P, k) to others."""
        operators = self.operators.detach().to(a)
        return infer(operators, a, b, bounds(operators, self.reach.detach().exp().to(a)), constant(nodes(len(operators)), a))

    @torch.no_grad()
    def path(self, a: Tensor, b: Tensor, t: Tensor) -> Tensor:
        """Points on the way from `a` to `b` that the operators lead; what they leave is gone straight, at shares t of it."""
        a, b = torch.broadcast_tensors(a, b)
        first, last = a.reshape(-1, self.dim), b.reshape(-1, self.dim)
        c = self.between(first, last).coefficients.reshape(*a.shape[:-1], -1)
        operators = self.operators.detach().to(a)
        rest = b - transport(operators, c, a)
        return transport(operators, t * c, a) + t * rest

    def lead(self, a: Tensor, b: Tensor) -> str:
        found = self.between(a[None], b[None])
        ended = "converged" if bool(found.converged) else "not converged"
        return f"the operators lead to within {float(found.left):.3g} of the end ({ended} after {found.steps} steps)"

    @torch.no_grad()
    def begin(self, cloud: Tensor, angles: Tensor | None = None) -> None:
        """Begin at a cloud (n, k): operators along its angles (n, c) and tangent to it, the likeliest anchors and reach.

        Of tangent fields there are as many as are likeliest; the other operators stay out.
        """
        count, cloud = len(self.operators), some(cloud)
        turned = cloud.new_zeros(0, self.dim, self.dim + 1)
        if angles is not None and angles.shape[1]:
            turned = fields_along(cloud, some(angles))[:count]
        tangent, _ = tangent_fields(cloud, count - len(turned), turned)
        known = torch.cat([turned, tangent])
        counts: Sequence[int] = range(max(1, len(turned)), len(known) + 1)
        if len(counts) > 1:
            counts = (max(counts, key=lambda moving: self._density(cloud, known[:moving])),)
        self._begin(cloud, known[: counts[-1]], REACHES)

    def _density(self, cloud: Tensor, known: Tensor) -> float:
        """The `_worth` of a beginning at a cloud (n, k) with fields (m, k, k + 1), at their best reach.

        It tells fields along the data from fields across, which the round normals that a reach is chosen by do not.
        """
        best = -math.inf
        for reach in REACHES:
            self._begin(cloud, known, (reach,))
            best = max(best, self._worth(cloud))
        return best

    def _begin(self, cloud: Tensor, known: Tensor, reaches: Sequence[float]) -> None:
        """Begin at a cloud (n, k) with fields (m, k, k + 1), all of the likeliest reach, and without the other operators."""
        moving, best = len(known), -math.inf
        fields = torch.zeros_like(self.operators)
        fields[:moving] = known
        for reach in reaches:
            moves = transports(fields, reach * constant(nodes(len(fields)), cloud))
            anchors, orbits = spread_out(cloud, moves, len(self.anchors))
            weights, width, value = mixture_fit(cloud, orbits)
            if value > best:
                best = value
                self.operators.copy_(fields)
                self.anchors.copy_(anchors)
                self.weights.copy_(weights.log()[:, None].expand_as(self.weights))
                self.reach[:moving], self.reach[moving:] = math.log(reach), IDLE
                self.width.copy_(width.log())
        self._narrow(cloud)

    @torch.no_grad()
    def prune(self, cloud: Tensor) -> None:
        """Leave out operators without which a cloud (n, k) loses fewer nats a sample than `NEEDED`."""
        cloud, left = some(cloud), -1
        while left != (left := sum(not flow.pruned for flow in self.flows)):  # where one is gone, another may be needless
            for operator, reach in zip(self.operators, self.reach, strict=True):
                before, kept = self._worth(cloud), (operator.clone(), reach.clone())
                operator.zero_()
                reach.fill_(IDLE)
                if self._worth(cloud) < before - NEEDED:
                    operator.copy_(kept[0])
                    reach.copy_(kept[1])

    def _worth(self, cloud: Tensor) -> float:
        """Mean log-density of a cloud (n, k), less what the operators cost."""
        return float(self.prior(cloud).log_prob(cloud).double().mean() - self.penalty())

    def _narrow(self, cloud: Tensor) -> None:
        """Take the width from how far a cloud (n, k) lies beside the flow through the nearest node."""
        prior = self.prior(cloud)
        assert isinstance(prior, NormalMixture)
        nearest = torch.cdist(cloud, prior.centres).argmin(1)
        along = prior.factors[nearest]
        offsets = (cloud - prior.centres[nearest])[..., None]
        beside = offsets - along @ (torch.linalg.pinv(along) @ offsets)
        width = beside.square().mean().sqrt().log()
        self.width.copy_(torch.maximum(width, self.width - math.log(THINNEST)))


def some(rows: Tensor) -> Tensor:
    """`FITTED` of some rows, evenly among them, or all."""
    return rows[torch.linspace(0, len(rows) - 1, min(len(rows), FITTED)).long()]


def spread_out(cloud: Tensor, moves: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Anchors among the points of a cloud: each the point that the orbits of those before it leave farthest.

    Args:
        cloud: (n, k).
        moves: (J, k + 1, k + 1) where the nodes bring a point.
        count: A, of anchors.

    Returns:
        (A, k), and their orbits (A, J, k).
    """
    place = torch.cdist(cloud, cloud.mean(0, keepdim=True))[:, 0].argmax()
    left = torch.full((len(cloud),), math.inf, dtype=cloud.dtype)
    anchors, orbits = [], []
    for _ in range(count):
        orbit = (moves @ homogeneous(cloud[place]))[:, :-1]
        left = torch.minimum(left, torch.cdist(cloud, orbit).amin(1))
        anchors.append(cloud[place])
        orbits.append(orbit)
        place = left.argmax()
    return torch.stack(anchors), torch.stack(orbits)


def mixture_fit(cloud: Tensor, orbits: Tensor) -> tuple[Tensor, Tensor, float]:
    """The likeliest weights (A,) and width of normals around orbits (A, J, k), of a cloud (n, k), and its mean log-density."""
    k = cloud.shape[1]
    square = torch.cdist(cloud, orbits.flatten(0, 1)).square().unflatten(1, orbits.shape[:2])
    weights, width = torch.full((len(orbits),), 1 / len(orbits), dtype=cloud.dtype), square.amin((1, 2)).mean().sqrt()
    value = -math.inf
    for _ in range(REFITS):
        logits = (weights / orbits.shape[1]).log()[:, None] - square / (2 * width.square())
        logits = logits - k * (width.log() + 0.5 * math.log(2 * math.pi))
        total = logits.flatten(1).logsumexp(1)
        value = float(total.mean())
        shares = (logits - total[:, None, None]).exp()
        weights = shares.sum(2).mean(0).clamp(min=1e-4)
        width = ((shares * square).sum((1, 2)).mean() / k).sqrt().clamp(min=NARROWEST)
    return weights / weights.sum(), width, value
