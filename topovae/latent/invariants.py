"""Invariant polynomials of a finite group acting linearly: what the decoder of a quotient reads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
import torch
from torch import Tensor, nn

from topovae.errors import UsageError

MAX_MONOMIALS = 5000
MAX_ORDER = 16
"""Averages of monomials shrink as 2 to the minus their degree, and must stay above single-precision rounding."""
_TOLERANCE = 1e-8


@dataclass(frozen=True)
class Polynomials:
    """Polynomials in n variables.

    Args:
        monomials: (m, degree) indices of the variables multiplied; index n stands for the constant 1.
        coefficients: (k, m), one row a polynomial.
    """

    monomials: np.ndarray
    coefficients: np.ndarray


def find_invariants(points: np.ndarray, matrices: Sequence[np.ndarray], known: np.ndarray) -> Polynomials:
    """A small set of invariant polynomials that separates the orbits of a finite matrix group.

    By Noether's bound the averages over G of the monomials of degree at most |G| generate all invariant polynomials,
    and those separate orbits. One is kept when it is no polynomial in those kept before, as functions on the space that
    `points` sample, so relations such as cos² + sin² = 1 count. The kept ones are centred and scaled to mean square
    1/2, like a coordinate of the unit circle.

    Args:
        points: (N, n) points of the space in the embedding, well spread.
        matrices: the group, each (n, n).
        known: (N, m) values of invariants of degree 1 that are at hand already; what they generate is not kept again.

    Raises:
        UsageError: the group is so large that it needs too many monomials.

    References:
        Derksen and Kemper, Computational Invariant Theory, section 3.1 (Reynolds operator), theorem 3.2.2 (Noether).
    """
    n = points.shape[1]
    kept: list[tuple[int, np.ndarray]] = [(1, column) for column in known.T]
    if len(matrices) > MAX_ORDER:
        raise UsageError(
            f"the invariants of a group of order {len(matrices)} are lost to rounding; use a group of order at most {MAX_ORDER}"
        )
    n_monomials = math.comb(n + len(matrices) - 1, len(matrices))
    if n_monomials > min(MAX_MONOMIALS, len(points) // 2):
        raise UsageError(
            f"a group of order {len(matrices)} acting on {n} embedding coordinates needs {n_monomials} monomials for "
            "its invariants; use a smaller group or fewer factors that it moves"
        )
    for degree in range(1, len(matrices) + 1):
        monomials = _monomials(n, degree)
        averages = np.mean([_evaluate(points @ g.T, monomials) for g in matrices], 0)
        basis = _products(kept, degree, len(points))
        for average in averages.T:
            residual = average - basis @ (basis.T @ average)
            if np.linalg.norm(residual) > _TOLERANCE * np.sqrt(len(points)):
                centred = average - average.mean()
                kept.append((degree, centred / np.sqrt(2 * np.mean(centred**2))))
                basis = _products(kept, degree, len(points))
    kept = kept[known.shape[1] :]
    degree = max(d for d, _ in kept)
    monomials = np.concatenate([_padded(_monomials(n, d), degree, n) for d in range(degree + 1)])
    values = np.stack([v for _, v in kept], 1)
    coefficients = np.linalg.lstsq(_evaluate(points, monomials), values, rcond=1e-12)[0].T
    coefficients[np.abs(coefficients) < 1e-10] = 0
    used = np.any(coefficients != 0, 0)
    return Polynomials(monomials[used], coefficients[:, used])


def _monomials(n: int, degree: int) -> np.ndarray:
    combinations = list(combinations_with_replacement(range(n), degree))
    return np.array(combinations, dtype=np.int64).reshape(len(combinations), degree)


def _padded(monomials: np.ndarray, degree: int, constant: int) -> np.ndarray:
    return np.pad(monomials, ((0, 0), (0, degree - monomials.shape[1])), constant_values=constant)


def _evaluate(points: np.ndarray, monomials: np.ndarray) -> np.ndarray:
    extended = np.concatenate([points, np.ones((len(points), 1))], 1)
    return np.prod(extended[:, monomials], -1)


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
    """Evaluates polynomials on the last axis: (..., n) to (..., k).

    Args:
        polynomials: which.
    """

    monomials: Tensor
    coefficients: Tensor

    def __init__(self, polynomials: Polynomials) -> None:
        super().__init__()
        # Derived from the group at every start, so no part of a model's state.
        self.register_buffer("monomials", torch.as_tensor(polynomials.monomials), persistent=False)
        # In double precision, for features that are invariant to the precision of the points.
        self.register_buffer("coefficients", torch.as_tensor(polynomials.coefficients), persistent=False)
        self.out_dim = len(polynomials.coefficients)

    def forward(self, points: Tensor) -> Tensor:
        extended = torch.cat([points, torch.ones_like(points[..., :1])], -1)
        values = extended[..., self.monomials[:, 0]]
        for column in self.monomials.T[1:]:
            values = values * extended[..., column]
        return values @ self.coefficients.T.to(points.dtype)
