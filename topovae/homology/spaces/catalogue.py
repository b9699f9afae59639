"""The spaces that a diagnosis can name: a list of latent expressions, everything else computed from them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from itertools import combinations_with_replacement, groupby

from topovae.errors import ExpressionError, UsageError
from topovae.homology.spaces import invariants as topology
from topovae.homology.spaces.forms import CupForm
from topovae.homology.spaces.invariants import DoubleCover
from topovae.signature import SPACE_NAMES, Signature, parse

FACTORS = ("S3", "SO3", "S2", "RP2", "klein", "mobius", "S1")
"""Factors of the products that the catalogue lists, in the order in which a product is written; a bounded one follows."""

BOUNDED = ("R", "I")
"""What data with an edge is a product with; the first is the usual spelling."""

MORE = ("RP3", "S4")
"""Expressions that are no product of these."""

MOST_FACTORS = 4
LARGEST_PRODUCT = 4
"""Dimension up to which all products are listed."""

LARGEST_THICK, LARGEST_EUCLIDEAN = 10, 24
"""Dimensions up to which S1xR^k and T2xR^k, for data that noise has made thick, and R^k are listed."""


@dataclass(frozen=True)
class KnownSpace:
    """One latent space and what the diagnosis can see of it.

    Attributes:
        name: the name users know.
        latent: its latent expression.
        dimension: intrinsic dimension.
        closed: compact without boundary. Open factors (R) count as bounded: samples of them have an edge.
        orientable: whether it can be oriented.
        alike: other names and expressions of spaces that the diagnosis cannot tell from this one.
        signature: the parsed expression, without models.
    """

    name: str
    latent: str
    dimension: int
    closed: bool
    orientable: bool
    alike: tuple[str, ...] = ()
    signature: Signature = field(kw_only=True, repr=False)

    def betti(self, prime: int, degree: int) -> int:
        """Return the Betti number over Z/prime in one degree."""
        if degree > self.dimension:
            return 0
        known = {2: self.betti_mod2, 3: self.betti_mod3}
        return (known.get(prime) or topology.betti_numbers(self.signature, prime))[degree]

    @cached_property
    def betti_mod2(self) -> tuple[int, ...]:
        """Betti numbers over Z/2, degrees 0 to the dimension."""
        return topology.betti_numbers(self.signature, 2)

    @cached_property
    def betti_mod3(self) -> tuple[int, ...]:
        """Betti numbers over Z/3."""
        return topology.betti_numbers(self.signature, 3)

    @cached_property
    def covers(self) -> tuple[DoubleCover, ...]:
        """The double covers, one for each non-zero class in H^1 over Z/2."""
        return topology.double_covers(self.signature)

    @cached_property
    def cup_form(self) -> CupForm:
        """The cup form H^1 × H^1 → H^2 over Z/2."""
        return topology.cup_form(self.signature)

    @cached_property
    def cup_length(self) -> int:
        """The most classes of positive degree over Z/2 whose product is not zero."""
        return topology.cup_length(self.signature)

    @cached_property
    def outline(self) -> tuple[object, ...]:
        """The invariants that are computed at once."""
        return self.dimension, self.betti_mod2, self.betti_mod3, self.closed, self.orientable

    @cached_property
    def invariants(self) -> tuple[object, ...]:
        """All that a diagnosis can compare with data; spaces that share it are one candidate."""
        return *self.outline, tuple(sorted(cover.invariants for cover in self.covers)), self.cup_form

    def looks_like(self, other: KnownSpace) -> bool:
        """Whether no invariant tells the two apart."""
        if self.outline != other.outline:
            return False
        same = topology.skeleton(self.signature) == topology.skeleton(other.signature)
        return same or self.invariants == other.invariants


def space_of(expression: str, name: str | None = None) -> KnownSpace:
    """Return the space that a latent expression names.

    Args:
        expression: an expression of the grammar, which is kept as it is written.
        name: what to call it; else its usual name, else the expression.

    Raises:
        ExpressionError: the expression is not in the grammar, or its group does not act freely.
    """
    given = parse(expression)
    signature = given.homeomorphic
    return KnownSpace(
        name or given.name or str(given),
        str(given),
        signature.dim,
        topology.is_closed(signature),
        topology.is_orientable(signature),
        signature=signature,
    )


def merge(spaces: Iterable[KnownSpace]) -> tuple[KnownSpace, ...]:
    """Return the spaces without those that the diagnosis cannot tell from an earlier one, which are named `alike` there."""
    merged: list[KnownSpace] = []
    for space in spaces:
        at = next((i for i, first in enumerate(merged) if space.looks_like(first)), None)
        if at is None:
            merged.append(space)
        else:
            merged[at] = _with_alike(merged[at], (space.name, space.latent, *space.alike))
    return tuple(merged)


def _with_alike(space: KnownSpace, words: Iterable[str]) -> KnownSpace:
    others = dict.fromkeys((*space.alike, *words))
    return replace(space, alike=tuple(word for word in others if word not in (space.name, space.latent)))


def find(expressions: str | Sequence[str]) -> tuple[KnownSpace, ...]:
    """Return the candidates that a user names.

    Args:
        expressions: latent expressions, in one text with commas between them or one by one. Their spelling is
            kept. Those that the diagnosis cannot tell from an earlier one become `alike` there.

    Raises:
        UsageError: there is no expression, or an empty one.
        ExpressionError: an expression is not in the grammar.

    Example:
        >>> [space.name for space in find("S1xR,(S1xS1)/<rot(1/2),flip>,S2xT2")]
        ['cylinder', 'klein', 'S2xT2']
    """
    words = split_expressions(expressions) if isinstance(expressions, str) else list(expressions)
    if not any(words):
        raise UsageError("no candidates; expected latent expressions with commas between them, such as torus,klein")
    if not all(words):
        raise UsageError(f"an empty candidate in {','.join(words)}; expected one latent expression between two commas")
    return merge(replace(space_of(word), name=known(word).name) for word in words)


def split_expressions(text: str) -> list[str]:
    """Split at the commas outside <…> and (…).

    Example:
        >>> split_expressions("torus, (S1xI)/<rot(1/2),flip>")
        ['torus', '(S1xI)/<rot(1/2),flip>']
    """
    words, depth = [""], 0
    for character in text:
        depth += (character in "<(") - (character in ">)")
        if character == "," and depth <= 0:
            words.append("")
        else:
            words[-1] += character
    return [word.strip() for word in words]


def known(expression: str) -> KnownSpace:
    """Return the space of the catalogue that an expression names, however it is spelt; one of its own where there is none.

    Raises:
        ExpressionError: the expression is not in the grammar, or its group does not act freely.

    Example:
        >>> known("S1xR").name, known("S1xR").alike
        ('cylinder', ('annulus', 'S1xR'))
    """
    space = space_of(expression)
    return _spelt().get(space.signature, space)


@cache
def _spelt() -> dict[Signature, KnownSpace]:
    """Return the catalogue's spaces by what is spelt there, `alike` included."""
    spelt: dict[Signature, KnownSpace] = {}
    for space in catalogue():
        for word in (space.latent, *space.alike):
            # words for a space need not be in the grammar
            with contextlib.suppress(ExpressionError):
                spelt.setdefault(parse(word), space)
    return spelt


def expressions() -> Iterator[str]:
    """Yield the expressions of the catalogue without a name of their own, by dimension."""
    for dimension in range(1, LARGEST_PRODUCT + 1):
        yield from _products(dimension)
    yield from MORE
    for dimension in range(LARGEST_PRODUCT + 1, LARGEST_EUCLIDEAN + 1):
        yield f"R{dimension}"
        if dimension <= LARGEST_THICK:
            yield from (f"S1xR{dimension - 1}", f"T2xR{dimension - 2}")


def _products(dimension: int) -> Iterator[str]:
    """Yield the products of a dimension, those of few factors first, a power counted as one."""
    dims = {name: parse(name).dim for name in (*FACTORS, *BOUNDED)}
    products = [
        factors
        for bounded in BOUNDED
        for count in range(1, MOST_FACTORS + 1)
        for factors in combinations_with_replacement((*FACTORS, bounded), count)
        if sum(dims[factor] for factor in factors) == dimension
    ]
    yield from map(spell, sorted(products, key=lambda factors: (len(set(factors)), factors[0] not in BOUNDED)))


def spell(factors: Sequence[str]) -> str:
    """Write a product with powers: neighbouring circles as T^k, lines as R^k.

    Example:
        >>> spell(["S2", "S1", "S1", "R", "R"])
        'S2xT2xR2'
    """
    powers = {"S1": "T", "R": "R"}
    runs = ((factor, len(list(run))) for factor, run in groupby(factors))
    return "x".join(f"{powers[f]}{n}" if f in powers and n > 1 else "x".join([f] * n) for f, n in runs)


@cache
def catalogue() -> tuple[KnownSpace, ...]:
    """Return the catalogue: the named spaces, then products, small and simple ones first, none twice.

    Of named spaces of one dimension those with an edge come first, and orientable ones before others.
    """
    named = [replace(space_of(space.latent, space.name), alike=space.other_names) for space in SPACE_NAMES]
    named.sort(key=lambda space: (space.dimension, space.closed, not space.orientable))
    return merge([*named, *(space_of(text, text) for text in dict.fromkeys(expressions()))])
