"""How the group of a latent space acts on its factors: which circles it turns, and what it reverses."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from topovae.homology.spaces.invariants import lattice_basis, orientation_sign
from topovae.signature import Signature

Character = tuple[int, ...]
"""The sign, for each element of a group, with which it acts on a factor."""


@dataclass(frozen=True)
class Action:
    """The action of the group of a latent space on its factors.

    Attributes:
        signature: the latent space, without models.

    Example:
        >>> from topovae.signature import parse
        >>> klein = Action(parse("klein"))
        >>> klein.turning, klein.lattice, klein.reversing
        ((0,), [[Fraction(1, 2)]], ((1, -1),))
        >>> klein.coefficients((1, -1))
        array([1])
    """

    signature: Signature

    def character(self, factor: int) -> Character:
        """Return the signs with which the group acts on a factor."""
        return tuple(g[factor].sign for g in self.signature.group)

    @property
    def trivial(self) -> Character:
        """The character of factors that nothing reverses."""
        return (1,) * self.signature.order

    @property
    def orientation(self) -> Character:
        """The signs with which the group acts on the orientation of the cover."""
        return tuple(orientation_sign(g, self.signature.factors) for g in self.signature.group)

    @cached_property
    def turning(self) -> tuple[int, ...]:
        """Circles that no element reverses: those of the quotient's free classes in H¹."""
        factors = enumerate(self.signature.factors)
        return tuple(i for i, factor in factors if factor.is_circle and self.character(i) == self.trivial)

    @cached_property
    def reversing(self) -> tuple[Character, ...]:
        """The characters of factors that are reversed."""
        found = {self.character(i) for i in range(len(self.signature.factors))}
        return tuple(sorted(found - {self.trivial}, reverse=True))

    @cached_property
    def lattice(self) -> list[list[Fraction]]:
        """A basis of the turns of those circles: the quotient's own circles, in turns of the cover's."""
        return lattice_basis([[g[i].turn for i in self.turning] for g in self.signature.group])

    def factors_of(self, character: Character) -> list[int]:
        """Return the factors that have a character, turning circles left out."""
        factors = range(len(self.signature.factors))
        return [i for i in factors if self.character(i) == character and i not in self.turning]

    def coefficients(self, character: Character) -> np.ndarray | None:
        """Return a character as a sum, mod 2, of the classes of the quotient's circles.

        Returns:
            (c,) coefficients 0 and 1; None where the turns of an element do not decide its sign.
        """
        signs: dict[tuple[Fraction, ...], set[int]] = {}
        for g, sign in zip(self.signature.group, character, strict=True):
            signs.setdefault(tuple(g[i].turn for i in self.turning), set()).add(sign)
        if not self.turning or any(len(both) > 1 for both in signs.values()):
            return None
        return np.array([signs[tuple(turn % 1 for turn in step)] == {-1} for step in self.lattice], dtype=int)

    def mirror(self, circle: int) -> Fraction | None:
        """Return the turn t of all reflections v ↦ t − v of a circle; None where the group does more than one to it."""
        turns = {(g[circle].sign, g[circle].turn) for g in self.signature.group} - {(1, Fraction(0))}
        return next(iter(turns))[1] if len(turns) == 1 and min(turns)[0] < 0 else None
