"""Invariant functions of a finite group acting linearly: what the decoder of a quotient reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from topovae.distributions.course import take
from topovae.errors import UsageError

MAX_FUNCTIONS = 5000
_TOLERANCE = 1e-8
_MAX_SHARE = 0.8
"""Where the generated functions fill a larger share of all functions on the sampled orbits, no other is told from them."""


@dataclass(frozen=True)
class Polynomials:
    """Polynomials in n variables, some pairs of which are the points (cos θ, sin θ) of circles, and in the waves on these.

    Args:
        n: number of variables.
        monomials: (m, degree) codes of what is multiplied: i < n for variable i, i + n (k − 1) for cos kθ or sin kθ where
            variable i is cos θ or sin θ, and −1 for the constant 1.
        coefficients: (f, m), one row a polynomial.
        circles: the variables cos θ; each is followed by its sin θ.
    """

    n: int
    monomials: np.ndarray
    coefficients: np.ndarray
    circles: tuple[int, ...] = ()


def find_invariants(points: np.ndarray, matrices: Sequence[np.ndarray], known: np.ndarray) -> Polynomials:
    """A small set of invariant polynomials that separates the orbits of a finite matrix group.

    By Noether's bound the averages over G of the monomials of degree at most |G| generate all invariant polynomials,
    and those separate orbits. On circles that the group maps to themselves waves of order k take the place of the monomials
    of degree k: the average of a power over rotations is small beside the power, and drowns in rounding. An average is kept
    when it is no polynomial in those kept before, as functions on the space that `points` sample, so relations such as
    cos² + sin² = 1 count. The kept ones are centred and scaled to mean square 1/2, like a coordinate of the unit circle.

    Args:
        points: (N, n) points of the space in the embedding, well spread: N / |G| of them, then their images under each
            further element of the group.
        matrices: the group, each (n, n); what they do beside circles is to change signs.
        known: (N, m) values of invariants of degree 1 that are at hand already; what they generate is not kept again.

    Raises:
        UsageError: the group is so large that it needs too many functions.

    References:
        Derksen and Kemper, Computational Invariant Theory, section 3.1 (Reynolds operator), theorem 3.2.2 (Noether).
    """
    order, n = len(matrices), points.shape[1]
    circles = _find_circles(points, matrices)
    if _count(n, len(circles), order) > MAX_FUNCTIONS:
        raise _too_large(order, n)
    # An invariant is the same on all points of an orbit.
    n_orbits = len(points) // order
    kept: list[tuple[int, np.ndarray]] = [(1, column) for column in known[:n_orbits].T]
    parts: list[tuple[np.ndarray, np.ndarray]] = []
    for degree in range(1, order + 1):
        monomials = _trimmed(np.array(list(_monomials(0, n, circles, degree)), dtype=np.int64).reshape(-1, degree))
        values = _evaluate(points, monomials, circles)
        averages = values.reshape(order, n_orbits, -1).mean(0)
        basis = _products(kept, degree, n_orbits)
        for average in averages.T:
            if basis.shape[1] > _MAX_SHARE * n_orbits:
                raise _too_large(order, n)
            residual = average - basis @ (basis.T @ average)
            if np.linalg.norm(residual) > _TOLERANCE * np.sqrt(n_orbits):
                centred = average - average.mean()
                kept.append((degree, centred / np.sqrt(2 * np.mean(centred**2))))
                parts.append(_fit(np.tile(kept[-1][1], order), values, monomials))
                basis = _products(kept, degree, n_orbits)
    return _joined(parts, n, circles)


def _too_large(order: int, n: int) -> UsageError:
    return UsageError(
        f"a group of order {order} acting on {n} embedding coordinates needs too many functions for its invariants; use a "
        "smaller group or fewer factors that it moves"
    )


def _find_circles(points: np.ndarray, matrices: Sequence[np.ndarray]) -> tuple[int, ...]:
    """The first of each two neighbouring variables that lie on a unit circle which the group maps to itself."""
    stacked, circles, i = np.abs(np.asarray(matrices)), [], 0
    while i + 1 < points.shape[1]:
        pair = [i, i + 1]
        apart = np.delete(stacked[:, pair], pair, 2).max(initial=0) < _TOLERANCE
        is_circle = apart and np.abs(np.sum(points[:, pair] ** 2, 1) - 1).max() < _TOLERANCE
        circles += [i] if is_circle else []
        i += 2 if is_circle else 1
    return tuple(circles)


def _monomials(first: int, n: int, circles: tuple[int, ...], degree: int) -> Iterator[tuple[int, ...]]:
    """Codes of the products of one wave a circle and powers of the other variables, from variable `first` on.

    Other variables have powers up to 2 alone: the group multiplies them by ±1, so that their squares are invariant already.
    """
    if first >= n:
        yield from [()] if degree == 0 else []
        return
    on_circle = first in circles
    for k in range(degree if on_circle else min(degree, 2), -1, -1):
        wave = first + n * (k - 1)
        # Padded to the length of the degree.
        choices = [(w,) + (-1,) * (k - 1) for w in (wave, wave + 1)] if on_circle and k else [(first,) * k]
        rests = list(_monomials(first + 1 + on_circle, n, circles, degree - k))
        yield from (choice + rest for choice in choices for rest in rests)


def _count(n: int, n_circles: int, degree: int) -> int:
    """How many products `_monomials` gives up to a degree."""
    wave, power = np.full(degree + 1, 2), np.zeros(degree + 1, dtype=int)
    wave[0], power[:3] = 1, 1
    total = np.eye(1, degree + 1, dtype=int)[0]
    for series in [wave] * n_circles + [power] * (n - 2 * n_circles):
        total = np.minimum(np.convolve(total, series)[: degree + 1], MAX_FUNCTIONS + 1)
    return int(total.sum())


def _evaluate(points: np.ndarray, monomials: np.ndarray, circles: tuple[int, ...]) -> np.ndarray:
    polynomials = Polynomials(points.shape[1], monomials, np.zeros((0, len(monomials))), circles)
    return PolynomialMap(polynomials).products(torch.as_tensor(points)).numpy()


def _trimmed(monomials: np.ndarray) -> np.ndarray:
    """The same products without columns that are the constant for all."""
    monomials = -np.sort(-monomials, 1)
    return monomials[:, : max(1, (monomials >= 0).any(0).sum())]


def _fit(target: np.ndarray, values: np.ndarray, monomials: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Monomials and their coefficients, the constant among them, that give `target`."""
    values = np.concatenate([values, np.ones((len(values), 1))], 1)
    coefficients = np.linalg.lstsq(values, target, rcond=1e-12)[0]
    used = np.abs(coefficients) > 1e-10
    return np.concatenate([monomials, np.full_like(monomials[:1], -1)])[used], coefficients[used]


def _joined(parts: Sequence[tuple[np.ndarray, np.ndarray]], n: int, circles: tuple[int, ...]) -> Polynomials:
    """One table of the monomials of all polynomials; an empty one where what is at hand separates the orbits."""
    if not parts:
        return Polynomials(n, np.zeros((0, 1), dtype=np.int64), np.zeros((0, 0)), circles)
    width = max(monomials.shape[1] for monomials, _ in parts)
    padded = [np.pad(m, ((0, 0), (0, width - m.shape[1])), constant_values=-1) for m, _ in parts]
    monomials, where = np.unique(np.concatenate(padded), axis=0, return_inverse=True)
    coefficients = np.zeros((len(parts), len(monomials)))
    rows = np.repeat(np.arange(len(parts)), [len(c) for _, c in parts])
    np.add.at(coefficients, (rows, where.reshape(-1)), np.concatenate([c for _, c in parts]))
    return Polynomials(n, _trimmed(monomials), coefficients, circles)


def _products(kept: Sequence[tuple[int, np.ndarray]], degree: int, n_points: int) -> np.ndarray:
    """Orthonormal basis of the products of kept invariants of degree at most `degree`, the constant among them."""
    columns = [np.ones(n_points)]
    stack = [(0, 0, np.ones(n_points))]
    while stack:
        first, used, value = stack.pop()
        for i in range(first, len(kept)):
            total = used + kept[i][0]
            if total <= degree:
                product = value * kept[i][1]
                columns.append(product)
                stack.append((i, total, product))
    u, s, _ = np.linalg.svd(np.stack(columns, 1), full_matrices=False)
    return u[:, s > 1e-9 * s[0]]


class PolynomialMap(nn.Module):
    """Evaluates polynomials on the last axis: (..., n) to (..., f).

    Args:
        polynomials: which.
    """

    columns: Tensor
    coefficients: Tensor

    def __init__(self, polynomials: Polynomials) -> None:
        super().__init__()
        self.out_dim = len(polynomials.coefficients)
        self.circles = list(polynomials.circles)
        n, codes = polynomials.n, polynomials.monomials
        self.orders = _with_halves(set((codes // n + 1)[codes >= 0].tolist()))
        # Derived from the group at every start, so no part of a model's state.
        self.register_buffer("columns", torch.as_tensor(self._columns(codes, n)), persistent=False)
        # In double precision, for features that are invariant to the precision of the points.
        self.register_buffer("coefficients", torch.as_tensor(polynomials.coefficients), persistent=False)

    def _columns(self, codes: np.ndarray, n: int) -> np.ndarray:
        """Where in the table that `products` makes the coded variables are."""
        waves = [v + side + n * (k - 1) for k in self.orders for side in (0, 1) for v in self.circles]
        column = {code: i for i, code in enumerate([*range(n), *waves, -1])}
        return np.vectorize(column.__getitem__, otypes=[np.int64])(codes)

    def products(self, points: Tensor) -> Tensor:
        """The monomials, (..., m)."""
        cosine = take(points, self.circles)
        sine = take(points, [v + 1 for v in self.circles])
        waves = {1: (cosine, sine)}
        for k in self.orders:
            (a, b), (c, d) = waves[k // 2], waves[k - k // 2]
            waves[k] = a * c - b * d, b * c + a * d
        table = torch.cat([points, *(part for k in self.orders for part in waves[k]), torch.ones_like(points[..., :1])], -1)
        values = table[..., self.columns[:, 0]]
        for column in self.columns.T[1:]:
            values = values * table[..., column]
        return values

    def forward(self, points: Tensor) -> Tensor:
        return self.products(points) @ self.coefficients.T.to(points.dtype)


def _with_halves(orders: set[int]) -> list[int]:
    """The wave numbers from 2 on, increasing, with the halves of each, so that angles add up in few steps."""
    found: set[int] = set()
    while orders:
        found |= orders
        orders = {half for k in orders if k > 1 for half in (k // 2, k - k // 2)} - found
    return sorted(found - {1})
