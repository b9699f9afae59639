"""Circular coordinates: maps to the circle from classes in the first cohomology.

A class over Z/p is lifted to an integer cocycle z and replaced by its harmonic representative z − δf; then
f mod 1 is the coordinate, as even as the class allows.

References:
    de Silva, Morozov and Vejdemo-Johansson (2011), Persistent cohomology and circular coordinates, section 2.
    Scoccola, Gakhar, Bush, Schonsheck, Rask, Zhou and Perea (2023), Toroidal coordinates, section 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from topovae.homology.calibration import tuned
from topovae.homology.cloud.landmarks import Landmarks
from topovae.homology.complexes.bars import by_ratio
from topovae.homology.complexes.graph import (
    Graph,
    graph_at,
    harmonic_potential,
    lattice_index,
    periods,
    reduce_lattice,
    saturate,
    whole_lift,
)
from topovae.homology.complexes.rips import persistence

PRIMES = (47, 53, 61)
"""Fields in which cocycles are sought; the next is tried where the integer lift fails."""

LONGEST_EDGE = tuned("circle_longest_edge")
MIDDLE = tuned("circle_middle")
WIDE = tuned("circle_wide")


@dataclass(frozen=True)
class Circles:
    """Maps of the landmarks to circles.

    Attributes:
        scale: edges up to it are those of the graph.
        turns: (k, m, m) integer cocycles: how often edge i → j passes each circle's origin; 0 off the graph.
        potentials: (m, k) positions in turns, with potentials[j] − potentials[i] near turns[:, i, j] along every edge.
        winding: how often the maps go around along the loops that the data close first, of several circles the index of those
            loops' windings among all; 1 where they are coordinates, more where strands of one loop lie side by side and what
            was found is the circle that they wind around together.
    """

    scale: float
    turns: np.ndarray
    potentials: np.ndarray
    winding: int = 1


def find_circles(distances: np.ndarray, count: int, trusted: int | None = None) -> Circles | None:
    """Find maps to circles, as orthogonal as the lattice of classes allows.

    Args:
        distances: (m, m) self-tuned distances of landmarks.
        count: how many classes to use, most persistent first; fewer where fewer are alive at one scale.
        trusted: how many of them are taken for classes of the data and not of noise, all by default; others are used only
            where they go around all of the data, as a loop not yet filled does not.
    """
    trusted = count if trusted is None else min(trusted, count)
    for prime in PRIMES if count else ():
        diagram = persistence(distances, prime, 1, LONGEST_EDGE, cocycles=True)
        bars = diagram.bars[1]
        order = by_ratio(bars)
        assert diagram.cocycles is not None  # as asked
        wide = [bar for bar in order[trusted:count] if _is_wide(diagram.cocycles[1][bar], bars[bar], prime, distances)]
        best = np.array([*order[:trusted], *wide], dtype=int)
        while len(best) and bars[best, 0].max() >= bars[best, 1].min():
            best = best[:-1]
        if not len(best):
            return None
        scale = _within(bars[best, 0].max(), bars[best, 1].min())
        graph = graph_at(distances, scale)
        lifts = [whole_lift(diagram.cocycles[1][bar], prime, graph) for bar in best]
        integral = [lift for lift in lifts if lift is not None]
        if len(integral) == len(lifts):
            cocycles = np.array(integral)
            whole = saturate(cocycles, graph)
            cocycles = cocycles if whole is None else whole
            return _reduced(cocycles, graph, scale, _winding(cocycles, graph, distances, bars[best, 0].max()))
    return None


def _within(birth: float, death: float) -> float:
    return float(birth + MIDDLE * (death - birth))


def _winding(cocycles: np.ndarray, graph: Graph, distances: np.ndarray, birth: float) -> int:
    """Return the index of the windings of cocycles (k, e) around loops of edges no longer than the birth of their classes."""
    first, second = graph.ends.T
    early = distances[first, second] <= birth * (1 + 1e-6)
    loops = periods(cocycles[:, early], Graph(graph.size, graph.ends[early], graph.weights[early]))
    return lattice_index(loops.T) or 1


def _reduced(cocycles: np.ndarray, graph: Graph, scale: float, winding: int) -> Circles:
    """Return the maps of integer cocycles (k, e), in a short basis of their lattice."""
    pairs = [harmonic_potential(cocycle, graph) for cocycle in cocycles]
    harmonic = np.array([form for _, form in pairs])
    change = reduce_lattice(harmonic @ harmonic.T)
    turns = np.zeros((len(change), graph.size, graph.size), dtype=int)
    i, j = graph.ends.T
    turns[:, i, j] = change @ cocycles
    potentials = change @ np.array([potential for potential, _ in pairs])
    return Circles(scale, turns - turns.transpose(0, 2, 1), potentials.T, winding)


def _is_wide(cocycle: np.ndarray, bar: np.ndarray, prime: int, distances: np.ndarray) -> bool:
    """Whether the harmonic form of a class has its energy spread over the data."""
    graph = graph_at(distances, _within(*bar))
    values = whole_lift(cocycle, prime, graph)
    if values is None:
        return False
    energy = harmonic_potential(values, graph)[1] ** 2
    return bool(energy.sum() ** 2 >= WIDE * len(energy) * (energy**2).sum())


def landmark_angles(landmarks: Landmarks, count: int) -> np.ndarray:
    """Return circular coordinates of the landmarks, as orthogonal as the lattice of classes allows.

    Args:
        landmarks: landmarks with self-tuned distances.
        count: how many classes to use, most persistent first.

    Returns:
        Angles (m, k) in radians, k ≤ count: fewer where there are fewer classes alive at one scale.
    """
    found = find_circles(landmarks.distances, count)
    if found is None:
        return np.zeros((len(landmarks.distances), 0))
    return 2 * np.pi * (found.potentials % 1.0)
