"""Transport operators: vector fields z ↦ Ψ (z, 1) on R^k, and the maps expm(Σ_m c_m Ψ_m) that their flows make.

A field is affine, so that operators turn about centres of their own and translate; in homogeneous coordinates it is linear, as
published.

References:
    Connor, Canal and Rozell, Variational autoencoder with learned latent structure (2021), equations 1 and 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from topovae.distributions.course import matrix_exponential
from topovae.distributions.wrapped_normal import wrap

NEIGHBOURS, SHARE = 12, 50
"""A place is seen by its nearest samples: one in `SHARE` of all, and at least `NEIGHBOURS`. Not tuned."""

STILL = 1e-4
"""Mean square of a coordinate, in units of the others', below which a field by it moves nothing: not tuned."""

THIN = 0.05
"""Variance across the data, as a share of that along them, below which a direction is no less across: not tuned."""

FARTHEST = 20
"""Coefficients between two points are at most so many times the reach of the prior: a limit on cost, not tuned."""

CLOSED = 0.3
"""An orbit closes where a turn brings it outward or inward by less than this, in nats of its size: not tuned."""

STEPS, DAMPING = 100, 1e-3
"""Most steps of `infer`, and the damping that it begins with, in units of the curvature; limits on cost, not tuned."""

WELL, BADLY = 0.75, 0.25
"""Shortening, as a share of what the slope promises, above which the damping is eased and below which it is raised: usual."""

AT_RIGHT_ANGLES, EXACT = 1e-4, 1e-7
"""`infer` has converged where what is left is at right angles to every way on, by this cosine (no coefficient alone would save
more than its square of the cost), or nothing is left, as a share of where the end lies: the rounding of single precision. Not
tuned."""

KINK = 1e-4
"""Where sizes of coefficients cost something, the kink of the cost at 0 is rounded over this share of the bound: it is off by
as much of what the bound costs, at most. Not tuned."""


def homogeneous(points: Tensor) -> Tensor:
    """Points (..., k) with a 1 behind, (..., k + 1)."""
    return pad(points, (0, 1), value=1.0)


def transports(operators: Tensor, coefficients: Tensor) -> Tensor:
    """The matrices expm(Σ_m c_m Ψ_m) on homogeneous coordinates, (..., k + 1, k + 1).

    Args:
        operators: (..., M, k, k + 1).
        coefficients: (..., M).
    """
    field = (coefficients[..., None, None] * operators).sum(-3)
    return matrix_exponential(pad(field, (0, 0, 0, 1)))


def transport(operators: Tensor, coefficients: Tensor, points: Tensor) -> Tensor:
    """Where points (..., k) are brought by coefficients (..., M)."""
    moved = transports(operators, coefficients) @ homogeneous(points)[..., None]
    return moved[..., :-1, 0]


def eigenvalues(operators: Tensor) -> Tensor:
    """Eigenvalues (..., M, k), complex, of the linear part of operators (..., M, k, k + 1).

    Where the real parts are 0 orbits close or run straight; they wind outward or inward by what the real parts are.
    """
    return torch.linalg.eigvals(operators[..., :-1])


def tangent_fields(cloud: Tensor, count: int, beside: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The affine fields most tangent to a cloud, of mean square speed 1 on it, and uncorrelated there.

    A field is tangent where it points along directions in which the samples nearby spread: its speed in units of their
    deviation, squared, is the least. That is a generalised eigenvalue problem.

    Args:
        cloud: (n, k) points.
        count: of fields; there are k (k + 1) at most.
        beside: (b, k, k + 1) fields that they are to be uncorrelated with too.

    Returns:
        (count, k, k + 1), the most tangent first, fewer where there are fewer; and how far each is from tangent, (count,): from
        1, tangent everywhere, to 1 + 1 / `THIN`, across everywhere.
    """
    n, k = cloud.shape
    points = cloud.double()
    near = torch.cdist(points, points).topk(min(n, max(NEIGHBOURS, n // SHARE) + 1), largest=False).indices
    offsets = points[near] - points[near].mean(1, keepdim=True)
    spread = offsets.mT @ offsets
    spread = spread / torch.linalg.matrix_norm(spread, 2).clamp(min=1e-300)[:, None, None]
    cost = torch.linalg.inv(spread + THIN * torch.eye(k, dtype=torch.float64, device=cloud.device)) * (1 + THIN)
    extended = homogeneous(points)
    across = torch.einsum("ib,id,iac->abcd", extended, extended, cost).reshape(k * (k + 1), -1) / n
    # what moves nothing is no less across than any field
    across = across + STILL * (1 + 1 / THIN) * torch.eye(len(across), dtype=torch.float64, device=cloud.device)
    root = _root(points)
    white = torch.linalg.solve_triangular(root, across, upper=False)
    white = torch.linalg.solve_triangular(root, white.mT, upper=False)
    if beside is not None and len(beside):
        taken, _ = torch.linalg.qr(root.mT @ beside.double().flatten(1).mT)
        kept = torch.eye(len(white), dtype=torch.float64, device=cloud.device) - taken @ taken.mT
        white = kept @ white @ kept + 2 * (1 + 1 / THIN) * taken @ taken.mT
    values, vectors = torch.linalg.eigh((white + white.mT) / 2)
    taken_up = 0 if beside is None else len(beside)
    count = min(count, len(white) - taken_up)
    fields = torch.linalg.solve_triangular(root.mT, vectors[:, :count], upper=True)
    largest = fields.gather(0, fields.abs().argmax(0, keepdim=True))
    return (fields * largest.sign()).mT.reshape(count, k, k + 1).to(cloud.dtype), values[:count].to(cloud.dtype)


def fields_along(cloud: Tensor, angles: Tensor) -> Tensor:
    """The affine fields that move along circular coordinates, of mean square speed 1: regression of steps on turns.

    Between neighbours z and w the step w − z is Σ_m (θ_m(w) − θ_m(z)) Ψ_m at their middle, as nearly as can be.

    Args:
        cloud: (n, k) points.
        angles: (n, c) circular coordinates there, in radians.

    Returns:
        (c, k, k + 1).
    """
    points, count = cloud.double(), angles.shape[1]
    n, k = points.shape
    near = torch.cdist(points, points).topk(min(n, NEIGHBOURS + 1), largest=False).indices[:, 1:]
    turns = wrap(angles[near] - angles[:, None]).double().flatten(0, 1)
    steps = (points[near] - points[:, None]).flatten(0, 1)
    middles = homogeneous((points[near] + points[:, None]).flatten(0, 1) / 2)
    regressors = (turns[:, :, None] * middles[:, None]).flatten(1)
    gram = regressors.mT @ regressors
    ridge = 1e-9 * gram.diagonal().mean().clamp(min=1e-12) * torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    found = torch.linalg.solve(gram + ridge, regressors.mT @ steps)
    fields = found.reshape(count, k + 1, k).mT
    speed = torch.einsum("mab,ib->mia", fields, homogeneous(points)).square().sum(-1).mean(1).sqrt()
    return (fields / speed.clamp(min=1e-300)[:, None, None]).to(cloud.dtype)


def _root(points: Tensor) -> Tensor:
    """The Cholesky factor of the mean square speed on points (n, k), a quadratic form of flattened fields (k, k + 1)."""
    n, k = points.shape
    extended, eye = homogeneous(points), torch.eye(k + 1, dtype=points.dtype, device=points.device)
    moments = extended.mT @ extended / n + STILL * eye
    return torch.linalg.cholesky(torch.kron(eye[:k, :k].contiguous(), moments))


@dataclass(frozen=True)
class Flow:
    """The flow of one operator.

    Attributes:
        operator: (k, k + 1).
        reach: the largest coefficient by which the prior follows it.
        used: whether the prior moves an anchor by more than its width with it.
    """

    operator: Tensor
    reach: float
    used: bool

    @property
    def pruned(self) -> bool:
        """Whether it moves nothing at all, as it was left out."""
        return not bool(self.operator.any())

    @property
    def period(self) -> float:
        """The coefficient of a whole turn, the slowest where there are several; 0 where orbits do not close."""
        found = eigenvalues(self.operator)
        turning = float(found.imag.abs().max())
        outward = 2 * math.pi * float(found.real.abs().max())
        return 0.0 if turning == 0 or outward > CLOSED * turning else 2 * math.pi / turning

    def orbit(self, start: Tensor, shares: Tensor) -> Tensor:
        """Points (n, k) of its orbit: a whole turn from `start` (k,) on where orbits close, else to both sides of it.

        Args:
            start: (k,).
            shares: (n, 1) how far along, in [0, 1].
        """
        coefficients = shares * self.period if self.period else (2 * shares - 1) * self.reach
        return transport(self.operator[None].to(start), coefficients, start)


@dataclass(frozen=True)
class Transport:
    """The operators that a prior moves its anchors by, as the generative model that was published has them.

    Attributes:
        operators: (M, k, k + 1).
        reach: (M,) the largest coefficients of the prior; 0 of an operator that was left out.
        nodes: (J, M) coefficients of unit reach, to begin with where coefficients are inferred.
        anchors: (A, k).
        width: γ, the deviation around where anchors are moved.
    """

    operators: Tensor
    reach: Tensor
    nodes: Tensor
    anchors: Tensor
    width: float


@dataclass(frozen=True)
class Inferred:
    """Coefficients that bring points to others.

    Attributes:
        coefficients: (P, M).
        left: (P,) distance from where they bring the points to where these were to come.
        converged: (P,) whether no way on is shorter, within the bounds.
        steps: that were taken.
    """

    coefficients: Tensor
    left: Tensor
    converged: Tensor
    steps: int


def bounds(operators: Tensor, reach: Tensor) -> Tensor:
    """Largest coefficients (M,) that are looked at between two points.

    A half turn either way reaches every point of a closed orbit; one that hardly turns is followed `FARTHEST` times as far as
    by the prior.

    Args:
        operators: (M, k, k + 1).
        reach: (M,) of the prior.
    """
    half_turn = math.pi / eigenvalues(operators).imag.abs().amax(-1)
    return torch.maximum(2 * reach, torch.minimum(half_turn, FARTHEST * reach))


def infer(
    operators: Tensor, starts: Tensor, ends: Tensor, bound: Tensor, nodes: Tensor, sparsity: Tensor | None = None
) -> Inferred:
    """Coefficients that bring starts as near to ends as the operators can, for all pairs at once.

    Levenberg–Marquardt steps with a damping for each pair, from the best of some nodes, within a box, on half the square of the
    distance and, where it is asked for, a weighted sum of the sizes of the coefficients.

    Args:
        operators: (M, k, k + 1).
        starts, ends: (P, k).
        bound: (M,) largest size of each coefficient.
        nodes: (J, M) coefficients to begin with, in units of the bound.
        sparsity: (M,) ζ, what each coefficient costs by its size, in squares of distance; nothing where it is left out.

    References:
        Marquardt (1963), An algorithm for least-squares estimation of nonlinear parameters. Culpepper and Olshausen (2009),
        Learning transport operators for image manifolds, for the cost of sizes.
    """
    fields, starts, ends, bound = operators.double(), starts.double(), ends.double(), bound.double()
    weights = torch.zeros_like(bound) if sparsity is None else sparsity.double()
    kink = (KINK * bound).clamp(min=1e-12)
    first = nodes.double().clamp(-1, 1) * bound
    reached = (transports(fields, first) @ homogeneous(starts).mT)[:, :-1]  # (J, k, P)
    c = first[((reached - ends.mT).square().sum(1) + 2 * (weights * first.abs()).sum(1)[:, None]).argmin(0)]
    moved, slopes = _with_slopes(fields, c, starts)
    damping, pairs, taken = torch.full_like(c[:, 0], DAMPING), torch.arange(len(c), device=c.device), 0
    found, distances, solved = torch.zeros_like(c), torch.zeros_like(damping), torch.zeros_like(pairs, dtype=torch.bool)
    while True:
        distance, sizes = torch.linalg.vector_norm(moved - ends, dim=-1), torch.hypot(c, kink)
        gradient = (slopes @ (moved - ends)[..., None])[..., 0] + weights * c / sizes
        stopped = (c.abs() >= bound) & (gradient * c < 0)  # only the box keeps them from going on
        lengths = torch.linalg.vector_norm(slopes, dim=-1).clamp(min=1e-12)
        cost, curvature = distance.square() + 2 * (weights * sizes).sum(-1), lengths.square() + weights / sizes
        cosines = gradient.abs() / (curvature * cost.clamp(min=1e-300)[:, None]).sqrt()
        small = (distance <= EXACT * (1 + torch.linalg.vector_norm(ends, dim=-1))) & ~weights.any()
        converged = small | torch.where(stopped, 0.0, cosines).amax(-1).le(AT_RIGHT_ANGLES)
        found[pairs], distances[pairs], solved[pairs] = c, distance, converged
        if taken == STEPS or bool(converged.all()):
            break
        taken += 1
        state = (pairs, starts, ends, c, cost, moved, slopes, damping, sizes, gradient, stopped, lengths)
        # Those that have arrived leave.
        pairs, starts, ends, c, cost, moved, slopes, damping, sizes, gradient, stopped, lengths = (
            part[~converged] for part in state
        )
        free = (~stopped).double()
        normal = (slopes @ slopes.mT) * free[:, None] * free[:, :, None]
        curved = normal + torch.diag_embed((damping[:, None] * lengths.square() + weights / sizes) * free + (1 - free))
        step = -torch.linalg.solve(curved, gradient * free)
        tried = torch.maximum(torch.minimum(c + step, bound), -bound)
        there, their_slopes = _with_slopes(fields, tried, starts)
        left = (there - ends).square().sum(-1) + 2 * (weights * torch.hypot(tried, kink)).sum(-1)
        gain = (cost - left) / (-(step * gradient).sum(-1)).clamp(min=1e-300)
        better = left < cost
        c, moved = (torch.where(better[:, None], new, old) for new, old in ((tried, c), (there, moved)))
        slopes = torch.where(better[:, None, None], their_slopes, slopes)
        damping = torch.where(gain > WELL, damping / 3, torch.where(gain < BADLY, damping * 3, damping)).clamp(1e-12, 1e12)
    return Inferred(found.to(operators.dtype), distances.to(operators.dtype), solved, taken)


def _with_slopes(operators: Tensor, coefficients: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """Where points (P, k) are brought by coefficients (P, M), and the derivative by each, (P, M, k).

    The derivative of a matrix exponential by a direction stands in the upper right of that of a block matrix.

    References:
        Van Loan (1978), Computing integrals involving the matrix exponential, theorem 1.
    """
    square = pad(operators, (0, 0, 0, 1))
    size = square.shape[-1]
    field = (coefficients[..., None, None] * square).sum(-3)[:, None].expand(-1, len(square), -1, -1)
    upper = torch.cat([field, square.expand(len(points), -1, -1, -1)], -1)
    lower = torch.cat([torch.zeros_like(field), field], -1)
    exponential = torch.linalg.matrix_exp(torch.cat([upper, lower], -2))[..., :size, :]
    extended = homogeneous(points)[:, None, :, None]
    moved = exponential[:, :1, :, :size] @ extended
    slopes = exponential[..., size:] @ extended
    return moved[:, 0, :-1, 0], slopes[..., :-1, 0]
