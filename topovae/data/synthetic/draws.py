"""Uniform random coordinates."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

TAU = 2 * math.pi


def uniform_angles(rng: np.random.Generator, shape: int | tuple[int, ...]) -> np.ndarray:
    """Draw angles in [0, 2π), in radians, that stay below 2π when they are rounded to float32."""
    # 24-bit uniforms: a float64 just below 2π would round up to a float32 above it.
    return rng.random(shape, dtype=np.float32).astype(np.float64) * TAU


def uniform_sphere(rng: np.random.Generator, n: int, d: int) -> np.ndarray:
    """Draw n points uniformly from the unit sphere S^d, as (n, d + 1)."""
    z = rng.normal(size=(n, d + 1))
    return z / np.linalg.norm(z, axis=1, keepdims=True)


def uniform_by_density(
    rng: np.random.Generator,
    n: int,
    draw: Callable[[np.random.Generator, int], np.ndarray],
    density: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """Draw n rows with density `density`, at most 1, relative to `draw(rng, m)`, by rejection."""
    kept: list[np.ndarray] = []
    while sum(map(len, kept)) < n:
        proposal = draw(rng, n + 16)
        kept.append(proposal[rng.random(len(proposal)) < density(proposal)])
    return np.concatenate(kept)[:n]
