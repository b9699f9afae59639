"""The latent grammar: a topology as data, namely elementary factors and a finite group acting on their product.

    expr      := product | quotient | name
    product   := factor ("x" factor)*
    factor    := "R" k? | "S" k | "I" | "T" k | "SO3" | "RP" k | model | learned | embedding | "(" expr ")"
    learned   := "learned" "(" "R" k? ("," ("M" | "anchors") "=" n)* ")"
    embedding := "embedding" "(" (name | file ("," ("dim" | "columns") "=" n)*) ")"
    quotient  := "(" product ")" "/" "<" isometry ("," isometry)* ">" ("/" "<" ... ">")*
    isometry  := "id" | "rot(p/q)" | "flip" | "anti"
    mixture   := "mixture" "(" part ("," part)* ")"
    part      := (n "*")? expr

Every expression is brought to one normal form: the elementary factors R^k, S^d and I of a covering space, in order, and
the finite group of its isometries whose orbits are the points of the latent space. T^k is k circles, RP^k is S^k modulo
`anti`, SO(3) is S^3 modulo `anti`, and neighbouring lines on which the group acts alike are one R^k. An isometry is
given for each elementary factor, so `(T2)/<rot(1/2),flip>` is the Klein bottle.

A mixture is a sequence of such spaces, its components, each sample being on one of them; `n*` stands for n equal ones.
`parse` reads a single space, `parse_latent` a mixture too.

A model is a factor with a geometry of its own, homeomorphic to an expression of the others: the torus embedded in R^3 is
one of S1xS1. `declare` adds one.

`learned(R2,M=1,anchors=6)` is R^2 with a prior that is learned: M transport operators move the anchors along the data.
`embedding(circle)` is the circle, as the image of the interval under a map that is learned from its points; a file with points
stands for what they lie on, of which the dimension is told, and in how many columns it lies.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from itertools import chain, groupby

from topovae.errors import ExpressionError, UsageError


@dataclass(frozen=True)
class SpaceName:
    """A space that has a name of its own.

    Attributes:
        name: what it is called, in expressions and answers.
        latent: its expression in the normal form.
        other_names: words that users have for it beside the name, said with it in answers.
    """

    name: str
    latent: str
    other_names: tuple[str, ...] = ()


SPACE_NAMES = (
    SpaceName("circle", "S1"),
    SpaceName("interval", "I"),
    SpaceName("line", "R"),
    SpaceName("plane", "R2", ("disk", "square")),
    SpaceName("cylinder", "S1xI", ("annulus",)),
    SpaceName("torus", "S1xS1"),
    SpaceName("mobius", "(S1xI)/<rot(1/2),flip>"),
    SpaceName("klein", "(S1xS1)/<rot(1/2),flip>"),
    SpaceName("sphere", "S2"),
    SpaceName("rp2", "(S2)/<anti>"),
    SpaceName("so3", "(S3)/<anti>"),
)
"""Every space with a name, in the order in which they are listed. A product, or what else an expression names, needs none."""

NAMES: dict[str, str] = {space.name: space.latent for space in SPACE_NAMES}
"""What a name stands for; of two names for one space the first is printed."""

MODELS: dict[str, str] = {"annulus": "S1xI", "embedded_torus": "S1xS1"}
"""Factors with a geometry of their own, and the expression that each is homeomorphic to."""

LEARNED = "learned"
"""The kind of R^k with a prior that is learned."""

LEARNED_NUMBERS: dict[str, tuple[int, int]] = {"M": (1, 16), "anchors": (6, 256)}
"""What it takes beside k: the number that is meant when left out, and the largest, a limit on cost; not tuned."""

MAX_LEARNED_DIMENSION = 32
"""The matrix exponentials of a step cost the third power of it: a limit on cost, not tuned."""

EMBEDDING = "embedding"
"""The kind of a cube whose points are led onto a manifold by a map that is learned."""

EMBEDDING_NUMBERS: dict[str, tuple[int, int, int]] = {"dim": (1, 1, 3), "columns": (2, 2, 1024)}
"""What the points of a file take beside it: the number that is meant when left out, the least and the largest, a limit on cost;
not tuned."""

POINT_FILE = r"[^\s,()*<>]*[./\\][^\s,()*<>]*"
"""A file with points, told from a name by its dot or slash."""

MAX_GROUP_ORDER = 256
MAX_DIMENSION = 1024
MAX_DEPTH = 64
MAX_COMPONENTS = 64


@dataclass(frozen=True)
class Elementary:
    """An elementary factor: `kind` "R" (Euclidean), "S" (sphere; S^1 is the circle), "I" (unit interval), a model, "learned" or
    "embedding".

    Args:
        kind: of the grammar.
        dim: intrinsic dimension.
        numbers: what else the kind takes, by name.
        of: what is embedded: the name of a space, or a file with points.
    """

    kind: str
    dim: int
    numbers: tuple[tuple[str, int], ...] = ()
    of: str = ""

    def __str__(self) -> str:
        if self.kind in {LEARNED, EMBEDDING}:
            inner = self.of or str(Elementary("R", self.dim))
            return f"{self.kind}({','.join([inner, *(f'{word}={n}' for word, n in self.numbers)])})"
        plain = self.kind in MODELS or (self.kind, self.dim) in {("R", 1), ("I", 1)}
        return self.kind if plain else f"{self.kind}{self.dim}"

    @property
    def is_circle(self) -> bool:
        return self.kind == "S" and self.dim == 1

    @property
    def is_learned(self) -> bool:
        """Whether its prior is learned, so that it has the shape of the data and none of its own."""
        return self.kind == LEARNED

    @property
    def has_topology(self) -> bool:
        """Whether its topology is known: not that of data or of points, nor in coordinates that a group identifies."""
        return not self.is_learned and (self.kind != EMBEDDING or (self.of in NAMES and parse(self.of).order == 1))

    @property
    def like(self) -> str | None:
        """The expression that a model, a learned factor or an embedding has coordinates on; None of the others.

        It is homeomorphic to it, but for embeddings whose topology is not known.
        """
        if self.kind == EMBEDDING:
            return NAMES[self.of] if self.has_topology else "x".join("I" * self.dim)
        return str(Elementary("R", self.dim)) if self.is_learned else MODELS.get(self.kind)


@dataclass(frozen=True, order=True)
class Isometry:
    """x ↦ sign · x in the factor's embedding, then, on a circle, a rotation by `turn` of a full turn.

    The interval is embedded as h − 1/2 and a circle reflects as θ ↦ −θ, so one sign serves every factor.
    """

    sign: int = 1
    turn: Fraction = Fraction(0)

    def __matmul__(self, other: Isometry) -> Isometry:
        return Isometry(self.sign * other.sign, (self.sign * other.turn + self.turn) % 1)

    def moves_every_point(self, factor: Elementary) -> bool:
        """Whether no point of `factor` is fixed."""
        if factor.is_circle:
            return self.sign == 1 and self.turn != 0
        return factor.kind == "S" and self.sign == -1

    def spell(self, factor: Elementary) -> str | None:
        """The isometry in the grammar's words, or None where only a product of two words says it."""
        if self.sign == 1:
            return f"rot({self.turn})" if self.turn else "id"
        if self.turn:
            return None
        return "anti" if factor.kind == "S" and factor.dim > 1 else "flip"


IDENTITY = Isometry()
Element = tuple[Isometry, ...]


def compose(a: Element, b: Element) -> Element:
    """The group element a ∘ b, factor by factor."""
    return tuple(x @ y for x, y in zip(a, b, strict=True))


def generate_group(generators: Iterable[Element], n_factors: int) -> tuple[Element, ...]:
    """All products of the generators, the identity first, the rest sorted.

    Raises:
        OverflowError: there are more than `MAX_GROUP_ORDER`.
    """
    identity: Element = (IDENTITY,) * n_factors
    found, frontier = {identity}, [identity]
    generators = tuple(generators)
    while frontier:
        products = {compose(g, h) for g in generators for h in frontier} - found
        found |= products
        frontier = list(products)
        if len(found) > MAX_GROUP_ORDER:
            raise OverflowError(f"the group has more than {MAX_GROUP_ORDER} elements")
    return (identity, *sorted(found - {identity}))


def has_fixed_point(element: Element, factors: Sequence[Elementary]) -> bool:
    """Whether some point of the product is fixed; on a product that is so when each factor has one."""
    return not any(g.moves_every_point(f) for g, f in zip(element, factors, strict=True))


@dataclass(frozen=True)
class Signature:
    """A latent space: the quotient of a product of elementary factors by a finite group of isometries.

    Two signatures are equal when factors and group are, however they were spelt.

    Args:
        factors: elementary factors of the cover, in order.
        group: all elements, the identity first.
        spelling: the expression as it was written, which `str` gives back.

    Example:
        >>> parse("klein") == parse("(T2) / <rot(1/2), flip>")
        True
        >>> parse("klein").canonical, parse("(S1xS1)/<rot(1/2),flip>").name
        ('(S1xS1)/<rot(1/2),flip>', 'klein')
    """

    factors: tuple[Elementary, ...]
    group: tuple[Element, ...]
    spelling: str = field(default="", compare=False)

    def __str__(self) -> str:
        return self.spelling or self.canonical

    @property
    def dim(self) -> int:
        """Dimension of the latent space."""
        return sum(f.dim for f in self.factors)

    @property
    def components(self) -> tuple[Signature, ...]:
        """The connected spaces that samples may lie on: this one."""
        return (self,)

    @property
    def is_learned(self) -> bool:
        """Whether the prior of a factor is learned, so that the space is no more than what the data make of it."""
        return any(factor.is_learned for factor in self.factors)

    @property
    def has_topology(self) -> bool:
        """Whether there is a topology that an encoder can be faithful to: that of all factors is known."""
        return all(factor.has_topology for factor in self.factors)

    @property
    def order(self) -> int:
        """|G|, 1 for a plain product."""
        return len(self.group)

    @cached_property
    def generators(self) -> tuple[Element, ...]:
        """A small generating set that the grammar can spell, the same for equal groups."""
        n = len(self.factors)
        spellable = [g for g in self.group[1:] if None not in self._words(g)]
        chosen: list[Element] = []
        reached: tuple[Element, ...] = generate_group([], n)
        for g in sorted(spellable, key=lambda g: (-len(generate_group([g], n)), g)):
            if g not in reached:
                chosen.append(g)
                reached = generate_group(chosen, n)
        return tuple(chosen)

    @cached_property
    def canonical(self) -> str:
        """The one spelling that equal signatures share."""
        product = "x".join(map(str, self.factors))
        if self.order == 1:
            return product
        quotients = (f"/<{','.join(w or '' for w in self._words(g))}>" for g in self.generators)
        return f"({product})" + "".join(quotients)

    @property
    def name(self) -> str | None:
        """The usual name, if there is one in `NAMES`."""
        return next((name for name, text in NAMES.items() if text == self.canonical), None)

    @cached_property
    def homeomorphic(self) -> Signature:
        """The same topological space without models, learned priors and embeddings: each is what it has coordinates on."""
        if not any(f.like for f in self.factors):
            return self
        parts = [parse(f.like).factors if f.like else (f,) for f in self.factors]
        group = [tuple(x for g, part in zip(element, parts, strict=True) for x in (g,) * len(part)) for element in self.group]
        return Signature(tuple(chain.from_iterable(parts)), tuple(group))

    def _words(self, element: Element) -> tuple[str | None, ...]:
        return tuple(g.spell(f) for g, f in zip(element, self.factors, strict=True))


@dataclass(frozen=True)
class Mixture:
    """A latent space of several components; the weight of each is learned.

    Args:
        components: the space of each.
        spelling: the expression as it was written, which `str` gives back.

    Example:
        >>> parse_latent("mixture(2*circle, sphere)").canonical
        'mixture(2*S1,S2)'
    """

    components: tuple[Signature, ...]
    spelling: str = field(default="", compare=False)

    def __str__(self) -> str:
        return self.spelling or self.canonical

    @property
    def dim(self) -> int:
        """Dimension of the largest component."""
        return max(component.dim for component in self.components)

    @cached_property
    def canonical(self) -> str:
        """The one spelling that equal mixtures share: equal neighbours are counted."""
        runs = ((text, len(list(same))) for text, same in groupby(part.canonical for part in self.components))
        return f"mixture({','.join(text if count == 1 else f'{count}*{text}' for text, count in runs)})"

    @property
    def name(self) -> None:
        """Mixtures have no name."""
        return None


Latent = Signature | Mixture


def declare(name: str, like: str) -> None:
    """Add a model to the grammar: a factor called `name`, homeomorphic to the product `like`, which isometries leave alone.

    Args:
        name: lower-case letters, digits and underscores, at least two, that mean nothing else.
        like: expression of a product.

    Raises:
        UsageError: the name is taken or cannot be told from the rest of an expression, or `like` is no product.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]+", name) or name in NAMES or name in _Parser.WORDS:
        raise UsageError(f"a factor cannot be called {name!r}: expected an unused word such as `ellipse`")
    if parse(like).order > 1:
        raise UsageError(f"the factor {name} is to be homeomorphic to {like}, a quotient; expected a product")
    if MODELS.setdefault(name, like) != like:
        raise UsageError(f"the factor {name} is declared as homeomorphic to {MODELS[name]} already, not to {like}")


def euclidean(dim: int) -> Signature:
    """The signature R^dim, the latent space of the ordinary Gaussian VAE."""
    return Signature((Elementary("R", dim),), ((IDENTITY,),))


def parse(text: str, allow_orbifold: bool = False) -> Signature:
    """The latent space that an expression of the grammar names.

    Args:
        text: the expression, such as "S1xR2", "klein" or "(S1xI)/<rot(1/2),flip>".
        allow_orbifold: accept a group that fixes points, whose quotient is an orbifold.

    Raises:
        ExpressionError: the expression is not in the grammar, an isometry does not fit its factor, the group is too
            large or does not act freely. The message points at the offending character.
    """
    return _Parser(text, allow_orbifold).parse()


def parse_latent(text: str, allow_orbifold: bool = False) -> Latent:
    """The latent space that an expression names: a single space, or a mixture of them.

    Args:
        text: the expression, such as "S1xR2" or "mixture(2*circle,sphere)"; a mixture of one component is that component.
        allow_orbifold: accept groups that fix points.

    Raises:
        ExpressionError: the expression is not in the grammar, as for `parse`.
    """
    return _Parser(text, allow_orbifold).latent()


@dataclass
class _Parsed:
    """A space under construction: factors, and generators with one isometry for each of them."""

    factors: list[Elementary] = field(default_factory=list)
    generators: list[Element] = field(default_factory=list)

    def times(self, other: _Parsed) -> _Parsed:
        left, right = len(self.factors), len(other.factors)
        padded = [g + (IDENTITY,) * right for g in self.generators]
        padded += [(IDENTITY,) * left + g for g in other.generators]
        return _Parsed(self.factors + other.factors, padded)


def _merge_lines(space: _Parsed) -> _Parsed:
    """Neighbouring Euclidean factors on which every generator acts alike become one."""
    factors: list[Elementary] = []
    columns: list[tuple[Isometry, ...]] = []
    for i, factor in enumerate(space.factors):
        column = tuple(g[i] for g in space.generators)
        if factors and factor.kind == factors[-1].kind == "R" and column == columns[-1]:
            factors[-1] = Elementary("R", factors[-1].dim + factor.dim)
        else:
            factors.append(factor)
            columns.append(column)
    generators = [tuple(c[k] for c in columns) for k in range(len(space.generators))]
    return _Parsed(factors, generators)


class _Parser:
    """Recursive descent over the expression; `at` is the position of the next character."""

    ATOM = re.compile(r"(SO3|RP|R|S|T|I)(\d*)", re.ASCII)
    WORDS = frozenset({"id", "rot", "flip", "anti", "auto", "none", "mixture", LEARNED, EMBEDDING})
    MIXTURE = re.compile(r"mixture\s*\(", re.ASCII)
    LEARNED = re.compile(rf"{LEARNED}\s*\(", re.ASCII)
    EMBEDDING = re.compile(rf"{EMBEDDING}\s*\(", re.ASCII)
    POINT_FILE = re.compile(POINT_FILE)
    NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
    NUMBER = re.compile(r"([A-Za-z]+)\s*=\s*(\d{1,9})", re.ASCII)
    COUNT = re.compile(r"(\d{1,9})\s*\*", re.ASCII)
    ISOMETRY = re.compile(r"id|flip|anti|rot\s*\(\s*(-?\d{1,18})\s*(?:/\s*(\d{1,18})\s*)?\)", re.ASCII)

    def __init__(self, text: str, allow_orbifold: bool) -> None:
        self.text, self.allow_orbifold, self.at, self.depth = text, allow_orbifold, 0, 0

    def fail(self, problem: str, at: int | None = None) -> ExpressionError:
        return ExpressionError(problem, self.text, self.at if at is None else at)

    def parse(self) -> Signature:
        if self.match(self.MIXTURE):
            raise self.fail("a mixture stands for several spaces, and one is expected here", 0)
        space = self.space(0)
        if self.peek():
            raise self.fail(self.unexpected("the end, or `x` and another factor"))
        return replace(space, spelling=re.sub(r"\s+", "", self.text))

    def space(self, start: int) -> Signature:
        """The space that begins at `start`, up to what is no more of its expression."""
        product = self.product()
        if sum(f.dim for f in product.factors) > MAX_DIMENSION:
            raise self.fail(f"more than {MAX_DIMENSION} dimensions", start)
        merged = _merge_lines(product)
        return Signature(tuple(merged.factors), self.group(merged, start))

    def latent(self) -> Latent:
        if not self.match(self.MIXTURE):
            return self.parse()
        components: list[Signature] = []
        while True:
            components += self.component()
            if len(components) > MAX_COMPONENTS:
                raise self.fail(f"more than {MAX_COMPONENTS} components", 0)
            if self.peek() != ",":
                break
            self.at += 1
        self.expect(")", "`)`, or `,` and another component")
        if self.peek():
            raise self.fail(self.unexpected("the end: a mixture has no factors beside it"))
        if len(components) == 1:
            return components[0]
        return Mixture(tuple(components), re.sub(r"\s+", "", self.text))

    def component(self) -> list[Signature]:
        """Equal components: one, or as many as the number before `*` says."""
        start = (self.peek(), self.at)[1]
        count = self.match(self.COUNT)
        times = 1 if count is None else int(count[1])
        if not 1 <= times <= MAX_COMPONENTS:
            raise self.fail(f"{times} components, expected between 1 and {MAX_COMPONENTS}", start)
        start = (self.peek(), self.at)[1]
        space = self.space(start)
        spelling = re.sub(r"\s+", "", self.text[start : self.at])
        return [replace(space, spelling=spelling)] * times

    def peek(self) -> str:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1
        return self.text[self.at : self.at + 1]

    def unexpected(self, expected: str) -> str:
        found = f"found {self.peek()!r}" if self.peek() else "the expression ends here"
        return f"{found}, expected {expected}"

    def expect(self, character: str, expected: str | None = None) -> None:
        if self.peek() != character:
            raise self.fail(self.unexpected(expected or f"`{character}`"))
        self.at += 1

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        self.peek()
        found = pattern.match(self.text, self.at)
        if found:
            self.at = found.end()
        return found

    def product(self) -> _Parsed:
        space = self.factor()
        while self.peek() in {"x", "×"} and self.peek():
            self.at += 1
            space = space.times(self.factor())
        return space

    def factor(self) -> _Parsed:
        if self.peek() == "(":
            return self.parenthesised()
        made = {self.LEARNED: self.learned, self.EMBEDDING: self.embedding}
        make = next((make for pattern, make in made.items() if self.match(pattern)), None)
        name = None if make else self.match(re.compile("|".join(sorted((*NAMES, *MODELS), key=len, reverse=True))))
        if make:
            space = make()
        elif name and name[0] in MODELS:
            space = _Parsed([Elementary(name[0], parse(MODELS[name[0]]).dim)])
        elif name:
            space = _Parser(NAMES[name[0]], False).product()
        else:
            space = self.atom()
        if self.peek() == "/":
            raise self.fail("only a product in parentheses has a quotient: write (…)/<…>")
        return space

    def learned(self) -> _Parsed:
        """R^k with a learned prior, from behind its first parenthesis."""
        start = (self.peek(), self.at)[1]
        inner = self.atom()
        if [factor.kind for factor in inner.factors] != ["R"] or inner.factors[0].dim > MAX_LEARNED_DIMENSION:
            raise self.fail(f"a prior is learned on R, R2, …, R{MAX_LEARNED_DIMENSION}", start)
        numbers = self.numbers({word: (usual, 1, most) for word, (usual, most) in LEARNED_NUMBERS.items()})
        return _Parsed([Elementary(LEARNED, inner.factors[0].dim, numbers)])

    def embedding(self) -> _Parsed:
        """What a map is learned onto, from behind its first parenthesis."""
        start = (self.peek(), self.at)[1]
        if file := self.match(self.POINT_FILE):
            numbers = self.numbers(EMBEDDING_NUMBERS)
            return _Parsed([Elementary(EMBEDDING, dict(numbers)["dim"], numbers, file[0])])
        name = self.match(self.NAME)
        compact = [known for known, text in NAMES.items() if all(f.kind != "R" for f in parse(text).factors)]
        if name is None or name[0] not in compact:
            raise self.fail(f"a map is learned onto {', '.join(compact)} or the points of a file, such as points.npy", start)
        self.expect(")")
        return _Parsed([Elementary(EMBEDDING, parse(name[0]).dim, (), name[0])])

    def numbers(self, known: Mapping[str, tuple[int, int, int]]) -> tuple[tuple[str, int], ...]:
        """Numbers by name up to the closing parenthesis: of each word what is meant when left out, the least and the most."""
        numbers = {word: usual for word, (usual, _, _) in known.items()}
        while self.peek() == ",":
            self.at += 1
            start = (self.peek(), self.at)[1]
            found = self.match(self.NUMBER)
            if not found or found[1] not in known:
                self.at = start
                raise self.fail(self.unexpected(" or ".join(f"`{word}=` and a number" for word in known)))
            word, value = found[1], int(found[2])
            _, least, most = known[word]
            if not least <= value <= most:
                raise self.fail(f"{word}={value}, expected between {least} and {most}", start)
            numbers[word] = value
        self.expect(")", "`)`, or `,` and " + " or ".join(f"`{word}=`" for word in known))
        return tuple(numbers.items())

    def atom(self) -> _Parsed:
        start = (self.peek(), self.at)[1]
        found = self.match(self.ATOM)
        if not found:
            raise self.fail(self.unknown_factor())
        letters, digits = found.groups()
        if letters == "SO3":
            if digits:
                raise self.fail("only SO3 is known; it takes no further number", start)
            return _Parsed([Elementary("S", 3)], [(Isometry(-1),)])
        if letters == "I":
            if digits:
                raise self.fail("I takes no number; a square is IxI", start + 1)
            return _Parsed([Elementary("I", 1)])
        if not digits and letters != "R":
            raise self.fail(f"{letters} needs a dimension, as in {letters}2")
        dim = int(digits[:9] or 1)
        if not 1 <= dim <= MAX_DIMENSION:
            raise self.fail(f"dimension {digits[:20]} is not between 1 and {MAX_DIMENSION}", start + len(letters))
        if letters == "R":
            return _Parsed([Elementary("R", dim)])
        if letters == "T":
            return _Parsed([Elementary("S", 1)] * dim)
        antipodes: list[Element] = [(Isometry(1, Fraction(1, 2)) if dim == 1 else Isometry(-1),)]
        return _Parsed([Elementary("S", dim)], antipodes if letters == "RP" else [])

    def unknown_factor(self) -> str:
        word = re.match(r"[^\W_]+", self.text[self.at :])
        expected = "a factor (R, R2, S1, S2, I, T2, RP2, SO3, …), a name (circle, torus, …) or `(`"
        near = difflib.get_close_matches(word[0].lower(), (*NAMES, *MODELS, LEARNED, EMBEDDING), 1, 0.6) if word else []
        return self.unexpected(expected) + (f"; did you mean {near[0]}?" if near else "")

    def parenthesised(self) -> _Parsed:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.fail(f"more than {MAX_DEPTH} parentheses inside each other")
        self.expect("(")
        space = self.product()
        self.expect(")", "`)`, or `x` and another factor")
        self.depth -= 1
        while self.peek() == "/":
            space = self.quotient(space)
        return space

    def quotient(self, space: _Parsed) -> _Parsed:
        slash = self.at
        self.expect("/")
        self.expect("<", "`<` and one isometry for each factor")
        element: list[Isometry] = []
        while True:
            element.append(self.isometry(space.factors, len(element)))
            if self.peek() != ",":
                break
            self.at += 1
        if len(element) < len(space.factors):
            raise self.fail(
                f"{len(element)} isometries for {len(space.factors)} factors "
                f"({', '.join(map(str, space.factors))}); give one for each, `id` where nothing moves"
            )
        self.expect(">")
        quotient = _Parsed(space.factors, [*space.generators, tuple(element)])
        self.check_group(quotient, slash)
        return quotient

    def isometry(self, factors: list[Elementary], index: int) -> Isometry:
        start = (self.peek(), self.at)[1]
        found = self.match(self.ISOMETRY)
        if not found:
            raise self.fail(self.unexpected("an isometry: id, rot(p/q), flip or anti"))
        if index >= len(factors):
            raise self.fail(f"there are only {len(factors)} factors: one isometry for each", start)
        factor, word = factors[index], found[0][:3]
        if word == "id":
            return IDENTITY
        if word == "rot":
            if found[2] is not None and int(found[2]) == 0:
                raise self.fail("a rotation by p/0 of a turn", start)
            if not factor.is_circle:
                raise self.fail(f"rot turns a circle (S1), not {factor}", start)
            return Isometry(1, Fraction(int(found[1]), int(found[2] or 1)) % 1)
        if word == "ant":
            if factor.kind != "S":
                raise self.fail(f"anti acts on a sphere, not on {factor}; flip reflects it", start)
            return Isometry(1, Fraction(1, 2)) if factor.is_circle else Isometry(-1)
        if factor.kind == "S" and factor.dim > 1:
            raise self.fail(f"flip acts on S1, I and R^k; on {factor} use anti", start)
        if factor.like:
            raise self.fail(f"flip acts on S1, I and R^k; {factor} has no isometry but id", start)
        return Isometry(-1)

    def group(self, space: _Parsed, at: int) -> tuple[Element, ...]:
        try:
            return generate_group(space.generators, len(space.factors))
        except OverflowError as error:
            raise self.fail(str(error), at) from None

    def check_group(self, space: _Parsed, at: int) -> None:
        group = self.group(space, at)
        if self.allow_orbifold:
            return
        for element in group[1:]:
            if has_fixed_point(element, space.factors):
                words = (g.spell(f) or "rotated flip" for g, f in zip(element, space.factors, strict=True))
                raise self.fail(
                    f"the group does not act freely: <{','.join(words)}> fixes points, so the quotient is no manifold "
                    "(--allow-orbifold accepts it)",
                    at,
                )
