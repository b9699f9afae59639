"""The kinds of finding: what is observed of a piece and said of it, what a space expects, and how well the two agree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from topovae.homology.calibration import tuned
from topovae.homology.cloud.manifold import dimension_probabilities
from topovae.homology.features.nulls import Counted
from topovae.homology.odds import decided
from topovae.homology.spaces.catalogue import KnownSpace
from topovae.homology.spaces.forms import CupForm
from topovae.homology.verdict.measured import Measured

MISSED_PRODUCT = tuned("missed_product")
COVERS_POWER = tuned("covers_power")

Observed = TypeVar("Observed")
Expected = TypeVar("Expected")


Agreement = tuple[float, str, str]
"""How probable an observation is by a prediction, then both in words."""


Observations = Mapping[str, Any]
"""What was observed of a piece, by the kind of finding."""


@dataclass(frozen=True)
class Reason:
    """What speaks for or against a space.

    Attributes:
        probability: of what was found, if the data lie on the space.
        observed: what was found, in words.
        expected: what the space predicts, in words; empty for what bears on all spaces alike.
        kind: of finding.
        evidence: log-likelihood that it adds to the space's; 0 for what bears on all spaces alike.
    """

    probability: float
    observed: str
    expected: str = ""
    kind: str = "manifold"
    evidence: float = 0.0

    @property
    def words(self) -> str:
        """What was found and what was expected."""
        return f"{self.observed}, {self.expected} expected" if self.expected else self.observed


def _nothing(_: Measured) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Finding(Generic[Observed, Expected]):
    """One kind of finding.

    Attributes:
        kind: its name.
        floor: how often it is wrong though it looks sure: it counts against a space by no more.
        observed: what a piece shows, mostly as probabilities; None where it was not measured.
        expected: what a space predicts of what was observed, None where the two cannot be compared.
        agreement: how probable each part of the observation is by the prediction, then that part and its prediction in words.
        say: what the summary says of a piece, None where there is nothing to say.
    """

    kind: str
    floor: float
    observed: Callable[[Measured], Observed | None]
    expected: Callable[[KnownSpace, Observed], Expected | None]
    agreement: Callable[[Observed, Expected], Iterable[Agreement]]
    say: Callable[[Measured], str | None] = _nothing

    def reasons(self, observations: Observations, space: KnownSpace) -> Iterator[Reason]:
        """Yield the reasons that this kind makes for or against a space; none where nothing is observed or expected.

        Args:
            observations: what was observed of a piece.
            space: the space that may explain it.
        """
        observed = observations.get(self.kind)
        if observed is None:
            return
        expected = self.expected(space, observed)
        if expected is None:
            return
        for probability, found, predicted in self.agreement(observed, expected):
            evidence = float(np.log(self.floor + (1 - self.floor) * probability))
            yield Reason(probability, found, predicted, self.kind, evidence)


def observe(measured: Measured) -> Observations:
    """Return what a piece shows of each kind of finding."""
    return {finding.kind: finding.observed(measured) for finding in FINDINGS}


def _same_dimension(found: Mapping[int, float], expected: int) -> Iterator[Agreement]:
    likeliest = max(found, key=lambda dimension: found[dimension])
    yield found.get(expected, 0.0), f"dimension {likeliest} found", str(expected)


_Classes = Mapping[tuple[int, int], int]
"""For each (prime, degree) the Betti number."""


def _betti_numbers(space: KnownSpace, found: Mapping[tuple[int, int], Counted]) -> _Classes:
    return {(prime, degree): space.betti(prime, degree) for prime, degree in found}


def _same_homology(found: Mapping[tuple[int, int], Counted], expected: _Classes) -> Iterator[Agreement]:
    for (prime, degree), counted in found.items():
        number = expected[prime, degree]
        words = f"{counted.number} classes found in H{degree} over Z/{prime}"
        yield float(counted.likelihoods[number : number + 1].sum()), words, str(number)


def _closed(space: KnownSpace, _: float) -> bool | None:
    return space.closed if space.dimension > 1 else None


def _orientable(space: KnownSpace, _: float) -> bool | None:
    return space.orientable if space.dimension > 1 else None


def _answer(yes: str, no: str) -> Callable[[float, bool], Iterator[Agreement]]:
    """Return how the probability of a yes agrees with the expected answer to a question."""

    def agreement(probability: float, expected: bool) -> Iterator[Agreement]:
        words = f"looks {yes if probability > 0.5 else no}"
        yield probability if expected else 1 - probability, words, yes if expected else no

    return agreement


def _cup_form(space: KnownSpace, cup: np.ndarray) -> CupForm | None:
    # the form of a space with many classes is costly and may be refused, so it is asked for only where it is compared
    return space.cup_form if len(cup) == space.betti(2, 1) else None


def _same_products(cup: np.ndarray, form: CupForm) -> Iterator[Agreement]:
    """Yield how cup products agree: one that is not zero is a proof, zeros are a hint."""
    looks = [("product of classes", cup.any(), form.products > 0)]
    if cup.any() and form.products:
        looks.append(("square of a class", np.diag(cup).any(), not form.alternating))
    for what, seen, expected in looks:
        words = f"{_any(bool(seen))} {what} of H1 over Z/2"
        yield 1.0 if seen == expected else 0.0 if seen else MISSED_PRODUCT, words, _any(expected)


def _any(some: bool) -> str:
    return "a non-zero" if some else "no non-zero"


_Ranks = Sequence[tuple[int, int]]
"""The first Betti numbers over Z/2 and Z/3 of each double cover."""


def _double_covers(space: KnownSpace, found: _Ranks) -> _Ranks | None:
    if len(found) != 2 ** space.betti(2, 1) - 1:
        return None
    return sorted((cover.betti_mod2[1], cover.betti_mod3[1]) for cover in space.covers)


def _same_covers(found: _Ranks, expected: _Ranks) -> Iterator[Agreement]:
    agreement = float(np.mean([a == b for a, b in zip(sorted(found), expected, strict=True)]))
    yield agreement**COVERS_POWER, f"double covers with H1 of rank {_ranks(found)} over Z/2 and Z/3", _ranks(expected)


def _ranks(pairs: _Ranks) -> str:
    return " ".join(f"{a},{b}" for a, b in sorted(pairs))


_same_boundary = _answer("a closed space", "a space with an edge")
_same_orientation = _answer("orientable", "not orientable")


def homotopy_type(measured: Measured) -> str:
    """Name the simplest homotopy type that has the Betti numbers and products found."""
    numbers = measured.betti.get(2) or next(iter(measured.betti.values()))
    higher = numbers[1:]
    if not any(higher):
        return "contractible"
    if measured.cup is not None and measured.cup.any():
        return f"Betti numbers {' '.join(map(str, numbers))} with products of classes of H1"
    kinds = ["circle", "sphere"]
    several = [f"{n} {kind}{'s' * (n > 1)}" for n, kind in zip(higher, kinds, strict=False) if n]
    if sum(higher) == 1:
        return f"the homotopy type of a {kinds[higher.index(1)]}"
    return f"the homology of a wedge of {' and '.join(several)}"


def _decided(probability: float | None, yes: str, no: str) -> str | None:
    """Say which answer a probability decides for, if any."""
    answer = decided(probability)
    return None if answer is None else yes if answer else no


FINDINGS: tuple[Finding[Any, Any], ...] = (
    Finding(
        "dimension",
        tuned("dimension_floor"),
        lambda found: dimension_probabilities(found.cloud.dimension),
        lambda space, _: space.dimension,
        _same_dimension,
        lambda found: f"dimension {found.cloud.dimension.value}",
    ),
    Finding(
        "homology",
        tuned("homology_floor"),
        lambda found: found.counted or None,
        _betti_numbers,
        _same_homology,
        homotopy_type,
    ),
    Finding(
        "boundary",
        tuned("boundary_floor"),
        lambda found: found.cloud.verdicts.closed,
        _closed,
        _same_boundary,
        lambda found: _decided(found.cloud.verdicts.closed, "no edge", "an edge"),
    ),
    Finding(
        "orientation",
        tuned("orientation_floor"),
        lambda found: found.orientable,
        _orientable,
        _same_orientation,
        lambda found: _decided(found.orientable, "orientable", "not orientable"),
    ),
    Finding("products", tuned("products_floor"), lambda found: found.cup, _cup_form, _same_products),
    Finding(
        "covers",
        tuned("covers_floor"),
        lambda found: [cover.betti for cover in found.covers] or None,
        _double_covers,
        _same_covers,
    ),
)
"""The kinds, in the order in which reasons of the same probability are given, and what is said in the summary."""
