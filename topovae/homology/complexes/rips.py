"""Persistent homology of distance matrices: checked calls of ripser, and p-values of bars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from pyRipser import doRipsFiltrationDM, doRipsFiltrationDMSparse
from scipy.sparse import csr_matrix

from topovae.errors import UsageError
from topovae.homology.cloud.graphs import check_distances

LARGEST_PRIME = 46337
"""Beyond it products of field elements overflow ripser's 32-bit integers: not tuned."""


@dataclass(frozen=True)
class Diagram:
    """Bars of one filtration over one field.

    Attributes:
        prime: characteristic of the field.
        threshold: scale at which the filtration stopped; a bar alive there dies there.
        bars: for each degree an array (b, 2) of births and deaths; essential bars of degree 0 have infinite
            death.
        cocycles: for each degree and bar an array (e, 3) of edge ends and field elements, or None.
    """

    prime: int
    threshold: float
    bars: tuple[np.ndarray, ...]
    cocycles: list[list[np.ndarray]] | None = None


def check_prime(prime: int) -> None:
    """Refuse a number that is not a prime that ripser can compute with.

    Raises:
        UsageError: with the number.
    """
    factors = range(2, int(max(prime, 4) ** 0.5) + 1)
    if prime < 2 or prime > LARGEST_PRIME or any(prime % factor == 0 for factor in factors if factor < prime):
        raise UsageError(
            f"{prime} is not a prime between 2 and {LARGEST_PRIME}: homology is computed over the field Z/p. "
            "Give primes such as 2,3."
        )


def enclosing_radius(distances: np.ndarray) -> float:
    """Return the scale beyond which the Rips complex of a distance matrix is a cone: nothing lives there."""
    return float(distances.max(1).min())


def simplices(distances: np.ndarray, threshold: float, max_dim: int) -> tuple[float, float]:
    """Count the edges up to `threshold`, and from degree 2 on the triangles (0 below it)."""
    adjacency = (distances <= threshold).astype(np.float32)
    np.fill_diagonal(adjacency, 0.0)
    edges = float(adjacency.sum(dtype=np.float64)) / 2
    if max_dim < 2:
        return edges, 0.0
    return edges, float(((adjacency @ adjacency) * adjacency).sum(dtype=np.float64)) / 6


def persistence(
    distances: np.ndarray,
    prime: int,
    max_dim: int,
    cap: float = np.inf,
    *,
    cocycles: bool = False,
) -> Diagram:
    """Compute the persistent cohomology of the Rips filtration.

    Args:
        distances: (m, m) distance matrix.
        prime: the field is Z/prime.
        max_dim: highest degree.
        cap: edges longer than this are left out, for cost.
        cocycles: keep a cocycle for each bar.

    Raises:
        UsageError: the prime is none, or the degree negative.
        InputError: the matrix is not one of distances.

    References:
        Bauer (2021), Ripser: efficient computation of Vietoris-Rips persistence barcodes.
    """
    check_prime(prime)
    check_distances(distances)
    if max_dim < 0:
        raise UsageError(f"The highest degree of homology is {max_dim}; it must be 0 or more.")
    distances = np.asarray(distances, dtype=np.float64)
    threshold = min(enclosing_radius(distances), cap)
    above = distances[np.triu_indices(len(distances), 1)].astype(np.float32)
    found = doRipsFiltrationDM(above, max_dim, threshold * (1 + 1e-9), prime, cocycles)
    return _diagram(found, prime, threshold, cocycles)


def persistence_of_graph(graph: csr_matrix, prime: int, threshold: float, *, cocycles: bool = False) -> Diagram:
    """Compute the persistent cohomology of the flag complexes of a graph, up to degree 1.

    Args:
        graph: (m, m) lengths of edges, each held in both directions.
        prime: the field is Z/prime.
        threshold: the longest edge.
        cocycles: keep a cocycle for each bar.
    """
    edges = graph.tocoo()
    ends, lengths = (np.asarray(end, dtype=np.int32) for end in (edges.row, edges.col)), edges.data.astype(np.float32)
    found = doRipsFiltrationDMSparse(*ends, lengths, graph.shape[0], 1, threshold, prime, cocycles)
    return _diagram(found, prime, threshold, cocycles)


def _diagram(found: Mapping[str, list], prime: int, threshold: float, kept: bool) -> Diagram:
    """Shape what the compiled part of ripser gives: its Python part imports scikit-learn for what is not asked here."""
    numbers = [np.array(flat, dtype=float).reshape(-1, 2) for flat in found["births_and_deaths_by_dim"]]
    bars = tuple(_closed(bars, degree, threshold) for degree, bars in enumerate(numbers))
    cocycles = [
        [_cocycle(flat, degree, prime) for flat in of_degree] for degree, of_degree in enumerate(found["cocycles_by_dim"])
    ]
    return Diagram(prime, threshold, bars, cocycles if kept else None)


def _cocycle(flat: list[int], degree: int, prime: int) -> np.ndarray:
    """Return the ends of simplices and field elements (e, degree + 2)."""
    entries = np.array(flat, dtype=np.int64).reshape(-1, degree + 2)
    entries[:, -1] %= prime
    return entries


def _closed(bars: np.ndarray, degree: int, threshold: float) -> np.ndarray:
    """Let bars of positive degree that outlive the filtration die at its end."""
    closed = np.array(bars, dtype=float).reshape(-1, 2)
    if degree:
        closed[~np.isfinite(closed[:, 1]), 1] = threshold
    return closed
