"""Tuned numbers of the diagnosis: each with its unit, what it separates, and the command that sets it.

The table begins here: a tuned number that stands elsewhere in the package belongs in it. `BY_HAND` in place of a command says
that none measures the number again yet, and "not recorded" that nobody wrote down what was seen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

import numpy as np

BY_HAND = "by hand"
NOT_RECORDED = "not recorded"
COST = "python tests/benchmarks/ripser_cost.py"


@dataclass(frozen=True)
class Tuned:
    """A number that was chosen by looking at data.

    Attributes:
        value: the number, or several that belong together.
        unit: of it.
        what: what it is, in one sentence.
        how: what it separates, and what was seen on either side.
        command: the line that measures it again, or `BY_HAND`.
        data: what it was tuned on; "not recorded" where nobody wrote it down.
    """

    value: float | tuple[float, ...]
    unit: str
    what: str
    how: str = NOT_RECORDED
    command: str = BY_HAND
    data: str = NOT_RECORDED


CLOUD: dict[str, Tuned] = {}

COMPLEXES: dict[str, Tuned] = {
    "bytes_per_edge": Tuned(
        400,
        "bytes",
        "Memory that ripser takes for an edge in degree 1.",
        "an upper estimate: 1 to 170 on tori of 120 to 500 landmarks",
        COST,
        "not recorded; seen again on seed 1000",
    ),
    "bytes_per_triangle": Tuned(
        100,
        "bytes",
        "Memory that it takes for a triangle in degree 2.",
        "an upper estimate: 37 to 84 on tori of 120 to 500 landmarks",
        COST,
        "not recorded; seen again on seed 1000",
    ),
    "seconds_per_edge": Tuned(
        4e-6,
        "seconds on one core",
        "Time that ripser takes for an edge in degree 1.",
        "an upper estimate: 1.0e-6 to 1.5e-6 on tori of 120 to 500 landmarks",
        COST,
        "120 to 800 landmarks; seen again on seed 1000",
    ),
    "seconds_per_triangle": Tuned(
        1.1e-6,
        "seconds on one core",
        "Time that it takes for a triangle in degree 2.",
        "an upper estimate: 0.5e-6 to 0.7e-6 on tori of 120 to 500 landmarks",
        COST,
        "120 to 800 landmarks; seen again on seed 1000",
    ),
}

FEATURES: dict[str, Tuned] = {
    "circle_longest_edge": Tuned(
        6.0, "usual spacings of the landmarks", "Longest edge of the filtration in which cocycles of circles are sought."
    ),
}

VERDICT: dict[str, Tuned] = {}

COORDINATES: dict[str, Tuned] = {}

EVALUATION: dict[str, Tuned] = {}

TABLE = {**CLOUD, **COMPLEXES, **FEATURES, **VERDICT, **COORDINATES, **EVALUATION}


def tuned(name: str) -> float:
    """The value of a row of the table."""
    return cast(float, TABLE[name].value)


def tuned_count(name: str) -> int:
    """The value of a row of the table that is a whole number."""
    return cast(int, TABLE[name].value)


def tuned_values(name: str) -> tuple[float, ...]:
    """The values of a row of the table that has several."""
    return cast(tuple[float, ...], TABLE[name].value)


@dataclass(frozen=True)
class Pass:
    """One degree of homology: on how many landmarks, up to which edge (in usual spacings), how often."""

    degree: int
    landmarks: int
    longest_edge: float
    resamples: int


@dataclass(frozen=True)
class Null:
    """Law of the largest spurious log(death/birth): Gumbel.

    Fitted to the longest noise bars of simulated manifolds and blobs, 2000 samples through random smooth maps
    into 50 dimensions, and then widened, as harsher maps than those must be expected.

    Attributes:
        location: mode of log(death/birth).
        scale: its scale.
        width: change of log(death/birth) that turns an even judgement into a fairly sure one (e : 1).
    """

    location: float
    scale: float
    width: float

    def critical_ratio(self, alpha: float) -> float:
        """Return the ratio that the null exceeds with probability `alpha`."""
        return float(np.exp(self.location - self.scale * np.log(-np.log1p(-alpha))))


@dataclass(frozen=True)
class Regime:
    """What is tuned for data of a dimension.

    Attributes:
        passes: filtrations of the diagnosis, the dearest first: it may not fit in memory.
        nulls: by degree of homology, the law of bars that are noise, on the landmarks of `passes`.
        missed: by degree of homology, how often some class of a space does not show. The landmarks that can be afforded are too
            few for the cavities of a space of dimension 3.
        class_degree: products and covers are computed on the landmarks of this degree's homology.
        frame: least neighbours for a tangent frame.
        boundary: the share of one-sided points that halves closed from bounded, and the width in log share; None where boundary
            and orientation are not judged.
        landmarks: of the certificate, for classes of degree 1. Whether the nulls hold for so many is not recorded.
        spread: size of the data in a small latent ball, as a share of the whole, up to which an encoder passes, and from which
            it fails, measured on maps that are known: `python tests/benchmarks/certificate.py`.
        ball: share of the samples in a ball of the certificate: a ball must be wider than the noise.
    """

    passes: tuple[Pass, ...]
    nulls: dict[int, Null]
    missed: dict[int, float]
    class_degree: int
    frame: int
    boundary: tuple[float, float] | None
    landmarks: int
    spread: tuple[float, float]
    ball: float

    @property
    def longest_edge(self) -> float:
        """Longest edge, in usual spacings, of the filtration of degree 1, in the diagnosis and in the certificate."""
        return next(step.longest_edge for step in self.passes if step.degree == 1)


_CURVES = Regime(
    passes=(Pass(1, 500, 8.0, 3),),
    nulls={1: Null(0.30, 0.065, 0.06)},
    missed={1: 0.01},
    class_degree=1,
    frame=10,
    boundary=None,
    landmarks=200,
    spread=(0.45, 0.7),
    ball=0.03,
)
_SURFACES = Regime(
    passes=(Pass(2, 300, 4.0, 3), Pass(1, 500, 4.5, 3)),
    nulls={1: Null(0.60, 0.075, 0.06), 2: Null(0.04, 0.065, 0.04)},
    missed={1: 0.02, 2: 0.02},
    class_degree=2,
    frame=12,
    boundary=(0.013, 0.25),
    landmarks=400,
    spread=(0.5, 0.7),
    ball=0.0075,
)
_SOLIDS = replace(
    _SURFACES,
    passes=(Pass(2, 300, 2.5, 2), Pass(1, 800, 2.5, 3)),
    nulls={1: Null(0.475, 0.040, 0.04), 2: Null(0.29, 0.050, 0.05)},
    missed={1: 0.05, 2: 0.5},
    class_degree=1,
    frame=20,
    boundary=(0.045, 0.25),
    landmarks=600,
    spread=(0.57, 0.75),
)
_HIGHER = replace(
    _SOLIDS,
    passes=(Pass(1, 500, 2.5, 3),),
    nulls=_SOLIDS.nulls | {1: Null(0.38, 0.040, 0.06)},
    missed=_SOLIDS.missed | {1: 0.1},
    frame=25,
    boundary=None,
)

REGIMES = {1: _CURVES, 2: _SURFACES, 3: _SOLIDS, 4: _HIGHER, 7: replace(_HIGHER, passes=(Pass(1, 250, 2.5, 3),))}
"""By the least dimension. What a higher dimension says nothing new about is as in the one before."""


def regime(dimension: int) -> Regime:
    """The numbers for data of a dimension, 1 or more."""
    return REGIMES[max(least for least in REGIMES if least <= dimension)]


def regime_of_degree(dimension: int, degree: int) -> Regime:
    """The numbers for data of a dimension, or of the lowest one that has some for a degree of homology."""
    return regime(max(dimension, min(least for least, row in REGIMES.items() if degree in row.nulls)))
