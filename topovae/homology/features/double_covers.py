"""Classes in H¹ over Z/2 of the landmarks: their cup products, and their double covers.

Betti numbers do not tell a torus from a wedge of two circles and a sphere, nor, over one field, from a Klein bottle.
The product of two classes of a wedge is a coboundary, of a surface it is not; and a double cover of a Klein bottle is
a torus for exactly one class, that of orientation.

References:
    Hatcher (2002), Algebraic topology, sections 1.3 and 3.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from topovae.homology.calibration import tuned
from topovae.homology.complexes.bars import by_ratio, ranked_ratios
from topovae.homology.complexes.cups import cup_products
from topovae.homology.complexes.graph import double_cover, list_triangles, mod_two_matrix
from topovae.homology.complexes.rips import Diagram, persistence, persistence_of_graph
from topovae.homology.features.nulls import betti_number
from topovae.homology.fitted import Law

MOST_CLASSES = 3
"""Products of more classes are not computed."""

TOGETHER = tuned("classes_together")
LATE, EARLY, STEP = tuned("cup_late"), tuned("cup_early"), tuned("cup_step")
"""A product that vanishes at one scale vanishes at all smaller ones, so the later it is looked at the better, as long as the
classes live."""

MOST_TRIANGLES = 60_000
"""Products are looked at earlier where there are more triangles, for cost."""


@dataclass(frozen=True)
class Classes:
    """Significant classes of H¹ over Z/2 that live together on landmarks.

    Attributes:
        distances: (m, m) distances of the landmarks.
        cocycles: (k, m, m) symmetric 0-1 matrices, valid on edges up to `death`.
        birth: scale from which all are alive.
        death: scale up to which all are.
    """

    distances: np.ndarray
    cocycles: np.ndarray
    birth: float
    death: float

    def combinations(self) -> Iterator[tuple[tuple[int, ...], np.ndarray]]:
        """Yield each non-zero sum of the classes, as its coefficients and its cocycle (m, m)."""
        for chosen in product((0, 1), repeat=len(self.cocycles)):
            if any(chosen):
                yield chosen, np.logical_xor.reduce(self.cocycles[np.array(chosen, dtype=bool)])


@dataclass(frozen=True)
class Cover:
    """The double cover of one class, and its first Betti numbers over Z/2 and Z/3."""

    combination: tuple[int, ...]
    betti: tuple[int, int]

    def to_dict(self) -> dict[str, object]:
        over_two, over_three = self.betti
        return {"class": list(self.combination), "betti": {"2": [1, over_two], "3": [1, over_three]}}


def find_classes(distances: np.ndarray, count: int, longest_edge: float) -> Classes | None:
    """Return the `count` most persistent classes; None where they are not alive at one scale.

    Args:
        distances: (m, m) self-tuned distances of landmarks.
        count: significant classes of degree 1 over Z/2.
        longest_edge: cap of the filtration.
    """
    return next(find_fewer_classes(distances, (count,), longest_edge))


def find_fewer_classes(distances: np.ndarray, counts: Sequence[int], longest_edge: float) -> Iterator[Classes | None]:
    """Yield the most persistent classes of one filtration for each count in turn; Args as of `find_classes`."""
    diagram = None
    for count in counts:
        if not 1 <= count <= MOST_CLASSES:
            yield None
            continue
        diagram = diagram or persistence(distances, 2, 1, longest_edge, cocycles=True)
        yield _most_persistent(distances, diagram, count)


def _most_persistent(distances: np.ndarray, diagram: Diagram, count: int) -> Classes | None:
    bars = diagram.bars[1]
    if len(bars) < count or diagram.cocycles is None:
        return None
    best = by_ratio(bars)[:count]
    birth, death = float(bars[best, 0].max()), float(bars[best, 1].min())
    if death < TOGETHER * birth:
        return None
    cocycles = np.array([mod_two_matrix(diagram.cocycles[1][bar], len(distances)) for bar in best])
    # a cocycle holds below its death, not at it
    return Classes(distances, cocycles, birth, death * (1 - 1e-6))


def cup_matrix(classes: Classes) -> np.ndarray:
    """Return which products (k, k) of the classes are not zero in H² over Z/2."""
    near = np.triu(classes.distances <= _late(classes), 1)
    ends = np.argwhere(near)
    number = np.full(near.shape, -1)
    number[ends[:, 0], ends[:, 1]] = np.arange(len(ends))
    i, j, k = list_triangles(near).T
    triangles = np.column_stack([number[i, j], number[j, k], number[i, k]])
    return cup_products(len(ends), triangles, classes.cocycles[:, ends[:, 0], ends[:, 1]])


def _late(classes: Classes) -> float:
    """Return the latest scale within the window at which the triangles are not too many."""
    share = LATE
    while share > EARLY:
        scale = classes.birth + share * (classes.death - classes.birth)
        near = np.triu(classes.distances <= scale, 1).astype(np.float32)
        if ((near @ near) * near).sum() <= MOST_TRIANGLES:
            return scale
        share *= STEP
    return classes.birth + share * (classes.death - classes.birth)


def observe_double_covers(classes: Classes, law: Law, alpha: float) -> Iterator[Cover]:
    """Yield the double cover of each non-zero combination of the classes, with its homology.

    Its edges are those of the landmarks up to the end of the window.

    Args:
        classes: classes on the landmarks.
        law: null of the ratios in degree 1.
        alpha: level of the test.
    """
    for chosen, sheet in classes.combinations():
        first, second = (betti_number(_cover_ratios(classes, sheet, prime), law, alpha) for prime in (2, 3))
        yield Cover(chosen, (first, second))


def _cover_ratios(classes: Classes, sheet: np.ndarray, prime: int) -> np.ndarray:
    """Return the ranked ratios death/birth in degree 1 of the cover that changes sheets along `sheet` (m, m)."""
    cover = double_cover(classes.distances, classes.distances <= classes.death, sheet)
    return ranked_ratios(np.minimum(persistence_of_graph(cover, prime, classes.death).bars[1], classes.death))
