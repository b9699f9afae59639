"""The spaces that a diagnosis can name, as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Space:
    """One latent space and what the diagnosis can see of it.

    Attributes:
        name: the name users know.
        latent: its latent expression.
        dimension: intrinsic dimension.
        betti_mod2: Betti numbers over Z/2, degrees 0 to the dimension.
        betti_mod3: over Z/3 (and over every other odd prime: all torsion here is 2-torsion).
        closed: compact without boundary. Open factors (R) count as bounded: samples of them have an edge.
        orientable: whether it can be oriented.
        alike: other names for spaces that homology and boundary cannot tell from this one.
    """

    name: str
    latent: str
    dimension: int
    betti_mod2: tuple[int, ...]
    betti_mod3: tuple[int, ...]
    closed: bool
    orientable: bool
    alike: tuple[str, ...] = ()

    def betti(self, prime: int, degree: int) -> int:
        """Return the Betti number over Z/prime in one degree."""
        numbers = self.betti_mod2 if prime == 2 else self.betti_mod3
        return numbers[degree] if degree < len(numbers) else 0


LARGEST_EUCLIDEAN = 10


def _padded(numbers: tuple[int, ...], dimension: int) -> tuple[int, ...]:
    return numbers + (0,) * (dimension + 1 - len(numbers))


def _euclidean(k: int) -> Space:
    numbers = _padded((1,), k)
    return Space(f"R{k}", f"R{k}", k, numbers, numbers, closed=False, orientable=True)


def _thick_circle(k: int) -> Space:
    numbers = _padded((1, 1), k + 1)
    return Space(f"S1xR{k}", f"S1xR{k}", k + 1, numbers, numbers, closed=False, orientable=True)


CATALOGUE: tuple[Space, ...] = (
    Space("interval", "I", 1, (1, 0), (1, 0), False, True, ("line",)),
    Space("circle", "S1", 1, (1, 1), (1, 1), True, True),
    Space("plane", "R2", 2, (1, 0, 0), (1, 0, 0), False, True, ("disk", "square")),
    Space("cylinder", "S1xI", 2, (1, 1, 0), (1, 1, 0), False, True, ("annulus",)),
    Space("mobius", "(S1xI)/<rot(1/2),flip>", 2, (1, 1, 0), (1, 1, 0), False, False),
    Space("torus", "S1xS1", 2, (1, 2, 1), (1, 2, 1), True, True),
    Space("sphere", "S2", 2, (1, 0, 1), (1, 0, 1), True, True),
    Space("klein", "(S1xS1)/<rot(1/2),flip>", 2, (1, 2, 1), (1, 1, 0), True, False),
    Space("rp2", "(S2)/<anti>", 2, (1, 1, 1), (1, 0, 0), True, False),
    *(_thick_circle(k) for k in range(2, LARGEST_EUCLIDEAN)),
    *(_euclidean(k) for k in range(3, LARGEST_EUCLIDEAN + 1)),
)
