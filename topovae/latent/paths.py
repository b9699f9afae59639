"""Ways through a latent space: between two points, once around a circle, and along the orbit of an operator."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from topovae.distributions.wrapped_normal import wrap
from topovae.errors import UsageError
from topovae.latent.operators import Flow
from topovae.latent.space import LatentSpace

FINE = 257
"""Points by which the length of a path is measured: a limit on cost, not tuned."""

EVEN = 1e-3
"""Steps that differ by less, by their mean, are taken for equal: the rounding of single precision over `FINE`. Not tuned."""


@dataclass(frozen=True)
class Loop:
    """A closed way around a circle of a latent space.

    Args:
        number: as users count them, from 0.
        factor: the number of the factor that it goes around.
        column: of the angle, among the coordinates of what the factor is homeomorphic to; of a sphere, a great circle is gone
            around in the plane of the point and this axis.
        words: what it is.
    """

    number: int
    factor: int
    column: int
    words: str


def loops(space: LatentSpace) -> tuple[Loop, ...]:
    """The loops around each circle of a latent space, and around a great circle of each sphere, in the order of the factors."""
    found: list[tuple[int, int, str]] = []
    for number, factor in enumerate(space.signature.factors):
        inner = LatentSpace(factor.like) if factor.like else None
        if inner is not None:
            starts = [sum(f.coordinate_dim for f in inner.factors[:i]) for i in range(len(inner.factors))]
            circles = [start for start, f in zip(starts, inner.signature.factors, strict=True) if f.is_circle]
            found += [(number, column, f"circle {i} of factor {number}, {factor}") for i, column in enumerate(circles)]
        elif factor.kind == "S":
            kind = "the circle" if factor.is_circle else "a great circle"
            found.append((number, 0, f"{kind} of factor {number}, {factor}"))
    return tuple(Loop(i, *one) for i, one in enumerate(found))


def loop(space: LatentSpace, number: int, start: Tensor, n: int) -> Tensor:
    """Points once around a loop, in equal steps, the first and the last the same.

    Args:
        space: whose loops are counted.
        number: of the loop.
        start: (coordinate_dim,) where it begins; all else stays as it is there.
        n: points.

    Returns:
        (n, coordinate_dim).

    Raises:
        UsageError: there is no such loop.
    """
    known = loops(space)
    if not 0 <= number < len(known):
        offered = "; ".join(f"{one.number} is {one.words}" for one in known) or "it has none"
        raise UsageError(f"--loop {number}: {space.signature} has no such loop: {offered}")
    chosen = known[number]
    sizes = [f.coordinate_dim for f in space.factors]
    factor, named = space.factors[chosen.factor], space.signature.factors[chosen.factor]
    parts = [part.expand(n, -1) for part in start.split(sizes)]
    own = start.split(sizes)[chosen.factor]
    turn = torch.linspace(0, 2 * math.pi, n, dtype=start.dtype, device=start.device)[:, None]
    if named.kind == "S" and not named.is_circle:
        moved = torch.cos(turn) * own + torch.sin(turn) * _tangent(own)
    else:
        unrolled = factor.unroll(own[None])
        turned = unrolled.repeat(n, 1)
        turned[:, chosen.column] = wrap(unrolled[:, chosen.column] + turn[:, 0])
        moved = factor.parametrise(turned)
    moved[0] = moved[-1] = own
    parts[chosen.factor] = moved
    return torch.cat(parts, -1)


def operators(space: LatentSpace) -> tuple[tuple[int, Flow], ...]:
    """The operators of a latent space in the order of its factors, each with the number of its factor."""
    return tuple((number, flow) for number, factor in enumerate(space.factors) for flow in factor.flows)


def orbit(space: LatentSpace, number: int, start: Tensor, n: int) -> Tensor:
    """Points along the orbit of an operator, in equal steps: a whole turn where it closes, else to both sides of its start.

    Args:
        space: whose operators are counted.
        number: of the operator.
        start: (coordinate_dim,) that it goes through; all else stays as it is there.
        n: points.

    Returns:
        (n, coordinate_dim).

    Raises:
        UsageError: there is no such operator, or it was pruned.
    """
    known = operators(space)
    if not 0 <= number < len(known):
        offered = f"it has operators 0 to {len(known) - 1}" if known else "only latents such as learned(R2) have operators"
        raise UsageError(f"--operator {number}: {space.signature} has no such operator: {offered}")
    place, flow = known[number]
    if flow.pruned:
        others = ", ".join(str(i) for i, (_, other) in enumerate(known) if not other.pruned) or "none"
        raise UsageError(
            f"--operator {number}: it was pruned from {space.signature}, for the data do not need it; still there: {others}"
        )
    parts = list(start.split([factor.coordinate_dim for factor in space.factors]))
    own = parts[place]
    parts = [part.expand(n, -1) for part in parts]
    fine = torch.linspace(0, 1, FINE, dtype=start.dtype, device=start.device)
    steps = torch.linalg.vector_norm(flow.orbit(own, fine[:, None]).diff(dim=0), dim=-1)
    gone = torch.cat([steps.new_zeros(1), steps.cumsum(0)])
    even = torch.linspace(0, 1, n, dtype=start.dtype, device=start.device) * gone[-1]
    parts[place] = flow.orbit(own, _interpolated(even, gone, fine)[:, None])
    return torch.cat(parts, -1)


def _tangent(point: Tensor) -> Tensor:
    """A unit vector at right angles to a unit vector (k,): along the axis that it has least of."""
    axis = torch.zeros_like(point)
    axis[point.abs().argmin()] = 1
    across = axis - (axis @ point) * point
    return across / torch.linalg.vector_norm(across)


def geodesic(space: LatentSpace, start: Tensor, end: Tensor, n: int) -> Tensor:
    """Points on a shortest path between two orbits, in equal steps.

    Args:
        space: the latent space.
        start: (coordinate_dim,) where it begins.
        end: (coordinate_dim,) where it ends: at the nearest of its images under the group.
        n: points, the ends among them.

    Returns:
        (n, coordinate_dim) on the cover.
    """
    shares = torch.linspace(0, 1, n, dtype=start.dtype, device=start.device)
    fine = torch.linspace(0, 1, FINE, dtype=start.dtype, device=start.device)
    steps = _steps(space, space.path(start, end, fine[:, None]))
    if steps.max() - steps.min() > EVEN * steps.mean():
        # a chord of an embedded surface is not gone along evenly
        gone = torch.cat([steps.new_zeros(1), steps.cumsum(0)])
        shares = _interpolated(shares * gone[-1], gone, fine)
    points = space.path(start, end, shares[:, None])
    points[0] = start
    return points


def _steps(space: LatentSpace, points: Tensor) -> Tensor:
    """Lengths (n − 1,) from each point to the next."""
    return space.cover_distance(points[:-1], points[1:])


def _interpolated(at: Tensor, known: Tensor, values: Tensor) -> Tensor:
    """Piecewise linear interpolation of values (m,) at rising places (m,), at other places (n,)."""
    right = torch.searchsorted(known, at).clamp(1, len(known) - 1)
    low, high = known[right - 1], known[right]
    share = ((at - low) / (high - low).clamp(min=1e-30)).clamp(0, 1)
    return values[right - 1] + share * (values[right] - values[right - 1])
