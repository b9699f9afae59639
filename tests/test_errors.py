"""Laws of every error that a user can cause."""

from __future__ import annotations

import pickle

import pytest

from topovae import errors
from topovae.errors import ExpressionError, TopovaeError, visible
from topovae.signature import parse


def kinds(base: type[TopovaeError] = TopovaeError) -> list[type[TopovaeError]]:
    return [base, *(kind for below in base.__subclasses__() for kind in kinds(below))]


PARTS = {ExpressionError: ("no factor", "S1xx", 3)}


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_every_error_arrives_from_a_worker(kind: type[TopovaeError]) -> None:
    made = kind(*PARTS.get(kind, ("what was found",)))
    again = pickle.loads(pickle.dumps(made))  # noqa: S301 (bytes of our own)
    assert type(again) is kind and str(again) == str(made) and again.__dict__ == made.__dict__
    assert again.exit_code == made.exit_code and again.lines == made.lines


def test_all_kinds_are_known_here() -> None:
    assert {kind.__name__ for kind in kinds()} >= {name for name in vars(errors) if name.endswith("Error")}


def test_a_deep_expression_is_refused() -> None:
    for text in ("(" * 5000 + "S1" + ")" * 5000, "S1x" * 5000 + "S1", "/" * 3000):
        with pytest.raises(ExpressionError):
            parse(text)


def test_nothing_steers_the_terminal() -> None:
    steering = [*map(chr, range(32)), "\x7f", "\x9b", "\u2028", "\u202e", "\u2066", "\udcf4"]
    assert all(visible(mark).isascii() and visible(mark).isprintable() for mark in steering)
    assert visible("Möbius × S¹ κ.npy") == "Möbius × S¹ κ.npy"
    lines = ExpressionError("no factor", "S1\x1b[2J\nx", 3).lines
    assert lines[1:] == ("  S1?[2J?x", "     ^")
