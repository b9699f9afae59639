"""What a group does to the factors of a latent space."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from topovae.homology.coordinates.actions import Action
from topovae.signature import parse

COEFFICIENTS = {
    "mobius": [1],
    "klein": [1],
    "(S1xI)/<rot(1/4),flip>": [1],
    "(S1xS1xI)/<rot(1/2),id,flip>": [1, 0],
    "(S1xS1xI)/<id,rot(1/2),flip>": [0, 1],
    "(S1xS2)/<rot(1/2),anti>": [1],
    "RP2": None,
    "(S2xI)/<anti,flip>": None,
    "(S1xS2)/<id,anti>": None,
}


@pytest.mark.parametrize("latent", COEFFICIENTS)
def test_turns_decide_what_is_reversed_or_do_not(latent: str) -> None:
    action = Action(parse(latent))
    (character,) = action.reversing
    found, expected = action.coefficients(character), COEFFICIENTS[latent]
    assert (found is None) == (expected is None)
    assert expected is None or found is None or found.tolist() == expected


@pytest.mark.parametrize("latent", ["torus", "S2xR2", "(S1xS1xI)/<rot(1/3),id,id>"])
def test_nothing_is_reversed_without_a_reflection(latent: str) -> None:
    assert Action(parse(latent)).reversing == ()


@pytest.mark.parametrize(
    ("latent", "volume"), [("torus", 1), ("(S1)/<rot(1/3)>", 3), ("klein", 2), ("(S1xS1)/<rot(1/2),rot(1/2)>", 2)]
)
def test_the_lattice_of_turns_has_the_volume_of_the_quotient(latent: str, volume: int) -> None:
    lattice = np.array(Action(parse(latent)).lattice, dtype=float)
    assert abs(np.linalg.det(lattice)) == pytest.approx(1 / volume)


def test_the_middle_of_a_reflection() -> None:
    assert Action(parse("klein")).mirror(1) == Fraction(0)
    assert Action(parse("torus")).mirror(1) is None
    assert Action(parse("(S1xS1)/<rot(1/2),flip>/<id,rot(1/2)>")).mirror(1) is None
