"""Transport operators: vector fields z ↦ Ψ (z, 1) on R^k, and the maps expm(Σ_m c_m Ψ_m) that their flows make.

A field is affine, so that operators turn about centres of their own and translate; in homogeneous coordinates it is linear, as
published.

References:
    Connor, Canal and Rozell, Variational autoencoder with learned latent structure (2021), equations 1 and 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad


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
    return torch.linalg.matrix_exp(pad(field, (0, 0, 0, 1)))


def transport(operators: Tensor, coefficients: Tensor, points: Tensor) -> Tensor:
    """Where points (..., k) are brought by coefficients (..., M)."""
    moved = transports(operators, coefficients) @ homogeneous(points)[..., None]
    return moved[..., :-1, 0]


NEIGHBOURS, SHARE = 12, 50
"""A place is seen by its nearest samples: one in `SHARE` of all, and at least `NEIGHBOURS`. Not tuned."""

THIN = 0.05
"""Variance across the data, as a share of that along them, below which a direction is no less across: not tuned."""


def tangent_fields(cloud: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The affine fields most tangent to a cloud, of mean square speed 1 on it, and uncorrelated there.

    A field is tangent where it points along directions in which the samples nearby spread: its speed in units of their
    deviation, squared, is the least. That is a generalised eigenvalue problem.

    Args:
        cloud: (n, k) points.
        count: of fields, at most k (k + 1).

    Returns:
        (count, k, k + 1), the most tangent first, and how far each is from tangent, (count,): from 1, tangent everywhere, to
        1 / `THIN`, across everywhere.
    """
    n, k = cloud.shape
    points = cloud.double()
    near = torch.cdist(points, points).topk(min(n, max(NEIGHBOURS, n // SHARE) + 1), largest=False).indices
    offsets = points[near] - points[near].mean(1, keepdim=True)
    spread = offsets.mT @ offsets
    spread = spread / torch.linalg.matrix_norm(spread, 2).clamp(min=1e-300)[:, None, None]
    cost = torch.linalg.inv(spread + THIN * torch.eye(k, dtype=torch.float64)) * (1 + THIN)
    extended = homogeneous(points)
    across = torch.einsum("ib,id,iac->abcd", extended, extended, cost).reshape(k * (k + 1), -1) / n
    moments = extended.mT @ extended / n + 1e-9 * torch.eye(k + 1, dtype=torch.float64)
    root = torch.linalg.cholesky(torch.kron(torch.eye(k, dtype=torch.float64), moments))
    white = torch.linalg.solve_triangular(root, across, upper=False)
    white = torch.linalg.solve_triangular(root, white.mT, upper=False)
    values, vectors = torch.linalg.eigh((white + white.mT) / 2)
    fields = torch.linalg.solve_triangular(root.mT, vectors[:, :count], upper=True)
    largest = fields.gather(0, fields.abs().argmax(0, keepdim=True))
    return (fields * largest.sign()).mT.reshape(count, k, k + 1).to(cloud.dtype), values[:count].to(cloud.dtype)
