"""What the diagnosis can see of a latent space, computed exactly from its expression.

A latent space is M = C/G, C a product of lines, intervals, circles and spheres and G a finite group that acts freely.
Lines and intervals shrink to their midpoints without changing any homology, so all of it is that of the closed part.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import product
from math import lcm, prod

from topovae.errors import ResourceError
from topovae.homology.spaces.cells import Quotient, quotient
from topovae.homology.spaces.forms import CupForm, describe_form
from topovae.signature import IDENTITY, Element, Elementary, Isometry, Signature, compose

MAX_LIFTED_ORDER = 4096
"""Largest group, twice doubled for each circle, whose homomorphisms to Z/2 are listed."""

MAX_COVERS = 255
"""No more double covers than this are listed."""


def is_closed(signature: Signature) -> bool:
    """Whether M is compact without boundary; a line counts as bounded, as samples of it have an edge."""
    return all(f.kind == "S" for f in signature.factors)


def is_orientable(signature: Signature) -> bool:
    """Whether no element of the group reverses the orientation of the cover."""
    return all(orientation_sign(g, signature.factors) == 1 for g in signature.group)


def orientation_sign(element: Element, factors: Sequence[Elementary]) -> int:
    """Return 1 where an isometry keeps the orientation of the product, −1 where it reverses it."""
    return prod(_sign(g, f) for g, f in zip(element, factors, strict=True))


def _sign(isometry: Isometry, factor: Elementary) -> int:
    """Return the sign with which an isometry acts on the orientation of a factor."""
    if factor.kind == "R":
        return isometry.sign**factor.dim
    if factor.kind == "S" and not factor.is_circle:
        return isometry.sign ** (factor.dim + 1)
    return isometry.sign


def betti_numbers(signature: Signature, prime: int) -> tuple[int, ...]:
    """Return the Betti numbers over Z/prime, degrees 0 to the dimension.

    Raises:
        ResourceError: prime divides the order of the group and the cover needs too many cells.
    """
    core = normal_form(closed_part(signature))
    by = betti_by_cells if core.order % prime == 0 else betti_by_transfer
    return _padded(by(core, prime), signature.dim)


@lru_cache(maxsize=4096)
def betti_by_transfer(signature: Signature, prime: int) -> tuple[int, ...]:
    """Return the Betti numbers over Z/prime for a prime that does not divide |G|.

    Then H^*(M) are the classes of C that G leaves fixed, and by Künneth those of C are products of top classes of the
    closed factors, each of which an isometry multiplies by its sign.

    Raises:
        ValueError: prime divides |G|.

    References:
        Hatcher, Algebraic Topology, proposition 3G.1.
    """
    if signature.order % prime == 0:
        raise ValueError(f"{prime} divides the order {signature.order} of the group; use betti_by_cells")
    numbers: dict[tuple[int, int], int] = {(0, 0): 1}
    for i, factor in enumerate(signature.factors):
        if factor.kind != "S":
            continue
        reversing = sum(1 << n for n, g in enumerate(signature.group) if _sign(g[i], factor) < 0)
        for (character, degree), number in tuple(numbers.items()):
            key = (character ^ reversing, degree + factor.dim)
            numbers[key] = numbers.get(key, 0) + number
    return tuple(numbers.get((0, degree), 0) for degree in range(signature.dim + 1))


@lru_cache(maxsize=4096)
def betti_by_cells(signature: Signature, prime: int) -> tuple[int, ...]:
    """Return the Betti numbers over Z/prime from the cells of the cover modulo the group.

    Raises:
        ResourceError: the cover needs too many cells.
    """
    core = closed_part(signature)
    cells = quotient(core.factors, dict.fromkeys(core.group, 0))
    return _padded(cells.complex.betti_numbers(prime), signature.dim)


def _padded(numbers: tuple[int, ...], dimension: int) -> tuple[int, ...]:
    return numbers + (0,) * (dimension + 1 - len(numbers))


@lru_cache(maxsize=4096)
def closed_part(signature: Signature) -> Signature:
    """Return the space without its lines and intervals, to which it shrinks."""
    kept = [i for i, f in enumerate(signature.factors) if f.kind == "S"]
    group = [_restricted(g, kept) for g in signature.group]
    return _signature([signature.factors[i] for i in kept], group)


def _restricted(element: Element, kept: Iterable[int]) -> Element:
    return tuple(element[i] for i in kept)


def _signature(factors: Sequence[Elementary], group: Iterable[Element]) -> Signature:
    identity: Element = (IDENTITY,) * len(factors)
    return Signature(tuple(factors), (identity, *sorted(set(group) - {identity})))


@lru_cache(maxsize=4096)
def skeleton(signature: Signature) -> Signature:
    """Return the space with one line for all its bounded factors, reflected as they are together.

    It has the same invariants but for the dimension.
    """
    core = [i for i, f in enumerate(signature.factors) if f.kind == "S"]
    if len(core) == len(signature.factors):
        return signature
    bounded = [i for i, f in enumerate(signature.factors) if f.kind != "S"]
    factors = [signature.factors[i] for i in bounded]
    line = [Isometry(orientation_sign(_restricted(g, bounded), factors)) for g in signature.group]
    group = [(*_restricted(g, core), sign) for g, sign in zip(signature.group, line, strict=True)]
    return _signature([*(signature.factors[i] for i in core), Elementary("R", 1)], group)


@lru_cache(maxsize=4096)
def normal_form(signature: Signature) -> Signature:
    """Return the same space with a smaller group.

    Elements that only turn circles are divided out: circles modulo a lattice of turns are circles again. Then each
    circle starts where a reflection fixes it, so that fewer turns are left.
    """
    group = list(signature.group)
    for circles in _circles_alike(signature):
        group = _without_turns(group, circles)
    for i, factor in enumerate(signature.factors):
        if factor.is_circle:
            start = next((g[i].turn for g in sorted(group) if g[i].sign < 0), Fraction(0))
            group = [_shifted(g, i, start) for g in group]
    return _signature(signature.factors, group)


def _circles_alike(signature: Signature) -> list[list[int]]:
    """Return the circles, together where every element reflects all of them or none."""
    alike: dict[tuple[int, ...], list[int]] = {}
    for i, factor in enumerate(signature.factors):
        if factor.is_circle:
            alike.setdefault(tuple(g[i].sign for g in signature.group), []).append(i)
    return list(alike.values())


def _without_turns(group: list[Element], circles: list[int]) -> list[Element]:
    """Divide some circles by the elements that turn only them: write turns in a basis of the lattice of those."""
    others = [i for i in range(len(group[0])) if i not in circles]
    turns = [
        [g[i].turn for i in circles]
        for g in group
        if all(g[i] == IDENTITY for i in others) and all(g[i].sign > 0 for i in circles)
    ]
    if len(turns) == 1:
        return group
    basis = lattice_basis(turns)
    found = set()
    for g in group:
        element = list(g)
        coordinates = _lattice_coordinates(basis, [g[i].turn for i in circles])
        for i, turn in zip(circles, coordinates, strict=True):
            element[i] = Isometry(g[i].sign, turn % 1)
        found.add(tuple(element))
    return sorted(found)


def lattice_basis(vectors: Sequence[Sequence[Fraction]]) -> list[list[Fraction]]:
    """Return a triangular basis of the lattice that the vectors and Z^m span."""
    m = len(vectors[0])
    scale = lcm(*(x.denominator for vector in vectors for x in vector))
    rows = [[int(x * scale) for x in vector] for vector in vectors]
    rows += [[scale * (i == j) for j in range(m)] for i in range(m)]
    basis = []
    for column in range(m):
        while len(active := [row for row in rows if row[column]]) > 1:
            least = min(active, key=lambda row: abs(row[column]))
            rows = [row if row is least else _less(row, least, row[column] // least[column]) for row in rows]
        basis.append(active[0])
        rows = [row for row in rows if row is not active[0]]
    return [[Fraction(x, scale) for x in row] for row in basis]


def _less(row: list[int], other: list[int], times: int) -> list[int]:
    return [x - times * y for x, y in zip(row, other, strict=True)]


def _lattice_coordinates(basis: list[list[Fraction]], vector: Sequence[Fraction]) -> list[Fraction]:
    """Return the coordinates of a vector in a triangular basis."""
    rest, coordinates = list(vector), []
    for i, row in enumerate(basis):
        coordinates.append(rest[i] / row[i])
        rest = [x - coordinates[i] * y for x, y in zip(rest, row, strict=True)]
    return coordinates


def _shifted(element: Element, circle: int, turn: Fraction) -> Element:
    """Write an element with the circle's zero moved by half of `turn`."""
    g = element[circle]
    if g.sign > 0:
        return element
    return (*element[:circle], Isometry(-1, (g.turn - turn) % 1), *element[circle + 1 :])


@dataclass(frozen=True)
class DoubleCover:
    """The double cover of a space that belongs to a non-zero class w in H^1(M; Z/2).

    Attributes:
        signature: the cover.
        betti_mod2: its Betti numbers over Z/2, degrees 0 to the dimension.
        betti_mod3: those over Z/3.
        orientation: whether w is the orientation class, so that the loops that w counts reverse orientation.
        square: whether w ∪ w ≠ 0 in H^2(M; Z/2).
    """

    signature: Signature
    betti_mod2: tuple[int, ...]
    betti_mod3: tuple[int, ...]
    orientation: bool
    square: bool

    @property
    def name(self) -> str:
        """The cover's usual name, or its expression."""
        return self.signature.name or str(self.signature)

    @property
    def invariants(self) -> tuple[tuple[int, ...], tuple[int, ...], bool, bool]:
        """All that is compared with data."""
        return self.betti_mod2, self.betti_mod3, self.orientation, self.square

    def betti(self, prime: int, degree: int) -> int:
        """Return one Betti number of the cover over Z/prime."""
        numbers = {2: self.betti_mod2, 3: self.betti_mod3}.get(prime) or betti_numbers(self.signature, prime)
        return numbers[degree] if degree < len(numbers) else 0


def double_covers(signature: Signature) -> tuple[DoubleCover, ...]:
    """Return the double covers, one for each non-zero class in H^1(M; Z/2), in a fixed order.

    With every circle of C replaced by its double cover, M = C'/G' for a finite G' through which all homomorphisms
    of the fundamental group to Z/2 factor, as they vanish on twice a circle. The cover of w is C'/ker w.

    Raises:
        ResourceError: there are more than `MAX_COVERS`, or the group or the cover is too large.
    """
    classes = _class_count(signature)
    if 2**classes - 1 > MAX_COVERS:
        raise ResourceError(f"{signature} has {2**classes - 1} double covers; {MAX_COVERS} are listed at most.")
    labels = lifted_labels(signature)
    cells = labelled_quotient(signature)
    return tuple(_double_cover(signature, labels, cells, w) for w in range(1, 2**classes))


def _class_count(signature: Signature) -> int:
    return _padded(betti_numbers(signature, 2), 1)[1]


def _double_cover(signature: Signature, labels: dict[Element, int], cells: Quotient, w: int) -> DoubleCover:
    signs = {g: -1 if (label & w).bit_count() % 2 else 1 for g, label in labels.items()}
    cover = normal_form(_signature(signature.factors, [g for g, sign in signs.items() if sign == 1]))
    orientation = all(orientation_sign(g, signature.factors) == sign for g, sign in signs.items())
    cocycle = combined(cells.cocycles, w)
    square = bool(cells.complex.cup_class(cocycle, cocycle))
    return DoubleCover(cover, betti_numbers(cover, 2), betti_numbers(cover, 3), orientation, square)


def combined(cocycles: Sequence[int], w: int) -> int:
    """Return the sum mod 2 of the cocycles at the bits of w."""
    total = 0
    for bit, cocycle in enumerate(cocycles):
        total ^= cocycle if w >> bit & 1 else 0
    return total


@lru_cache(maxsize=1024)
def labelled_quotient(signature: Signature) -> Quotient:
    """Return the cells of M with cocycles whose classes are a basis of H^1(M; Z/2), that of the classes of the covers.

    Cover number w − 1 of `double_covers` belongs to the sum of the cocycles at the bits of w.
    """
    kept = [i for i, f in enumerate(signature.factors) if f.kind == "S"]
    labels = {_restricted(g, kept): label for g, label in lifted_labels(signature).items()}
    return quotient([signature.factors[i] for i in kept], labels)


@lru_cache(maxsize=1024)
def lifted_labels(signature: Signature) -> dict[Element, int]:
    """Return G' and for each element the values, as bits, of a basis of its homomorphisms to Z/2.

    Squares generate a subgroup that contains all commutators, and the rest is a vector space over Z/2.
    """
    lifted = _lifted_group(signature)
    kernel = _closure(lifted, [compose(g, g) for g in lifted])
    labels, bit = dict.fromkeys(kernel, 0), 1
    for g in lifted:
        if g not in labels:
            labels |= {compose(g, h): label | bit for h, label in labels.items()}
            bit <<= 1
    return labels


def _lifted_group(signature: Signature) -> list[Element]:
    """Return G', the lifts of G to the product with doubled circles and the half turns of those."""
    circles = [f.is_circle for f in signature.factors]
    order = signature.order << sum(circles)
    if order > MAX_LIFTED_ORDER:
        raise ResourceError(
            f"{signature} has too large a group and too many circles to list its double covers: "
            f"order {order}, at most {MAX_LIFTED_ORDER}. Use a simpler expression."
        )
    halves = [(Fraction(0), Fraction(1, 2)) if circle else (Fraction(0),) for circle in circles]
    return [
        tuple(Isometry(x.sign, x.turn / 2 + half) for x, half in zip(g, shift, strict=True))
        for g in signature.group
        for shift in product(*halves)
    ]


def _closure(group: Sequence[Element], elements: Iterable[Element]) -> set[Element]:
    """Return the subgroup that some elements generate."""
    found, generators = {group[0]}, []
    for element in elements:
        if element in found:
            continue
        generators.append(element)
        frontier = list(found)
        while frontier:
            frontier = list({compose(g, h) for g in generators for h in frontier} - found)
            found.update(frontier)
    return found


def cup_form(signature: Signature) -> CupForm:
    """Return the cup form H^1 × H^1 → H^2 over Z/2.

    Raises:
        ResourceError: the cover needs too many cells or there are too many classes.
    """
    return _cup_form(closed_part(signature))


@lru_cache(maxsize=1024)
def _cup_form(core: Signature) -> CupForm:
    cells, x = labelled_quotient(core).complex, labelled_quotient(core).cocycles
    return describe_form([[cells.cup_class(a, b) for b in x] for a in x])


def cup_length(signature: Signature) -> int:
    """Return the cup length over Z/2: the most classes of positive degree, any degree, with a non-zero product.

    It is exact: the products are computed on the cells of the quotient in all degrees. T^k has k, RP^k has k, S^k has
    1, the Klein bottle 2; lines and intervals add nothing.

    Raises:
        ResourceError: the cover needs too many cells.
    """
    return _cup_length(closed_part(signature))


@lru_cache(maxsize=1024)
def _cup_length(core: Signature) -> int:
    return quotient(core.factors, dict.fromkeys(core.group, 0)).complex.cup_length()
