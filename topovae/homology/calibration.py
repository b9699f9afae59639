"""Tuned numbers of the diagnosis: each with its unit, what it separates, and the command that sets it.

The table begins here: a tuned number that stands elsewhere in the package belongs in it. `BY_HAND` in place of a command says
that none measures the number again yet, and "not recorded" that nobody wrote down what was seen.
"""

from __future__ import annotations

from dataclasses import dataclass

BY_HAND = "by hand"
NOT_RECORDED = "not recorded"
COST = "python tests/benchmarks/ripser_cost.py"


@dataclass(frozen=True)
class Tuned:
    """A number that was chosen by looking at data.

    Attributes:
        value: the number.
        unit: of it.
        what: what it is, in one sentence.
        how: what it separates, and what was seen on either side.
        command: the line that measures it again, or `BY_HAND`.
        data: what it was tuned on; "not recorded" where nobody wrote it down.
    """

    value: float
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
    return TABLE[name].value
