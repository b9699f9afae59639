"""The learned latent that a diagnosis suggests, and as much of it as the rows carry."""

import pytest

from topovae.latent.factor import build
from topovae.runs.suggestion import ROWS_A_PARAMETER, suggested
from topovae.signature import LEARNED_NUMBERS, MAX_LEARNED_DIMENSION, parse

MANY = 10**9

CASES = [  # dimension, Betti numbers, features; expression
    (1, {"2": [1, 2], "3": [1, 2]}, 10, "learned(R2,M=2,anchors=6)"),
    (1, {"2": [1, 0], "3": [1, 0]}, 10, "learned(R,M=1,anchors=6)"),
    (2, {"2": [1, 4, 1], "3": [1, 4, 1]}, 10, "learned(R3,M=4,anchors=12)"),
    (2, {"2": [1, 1, 0], "3": [1, 0, 0]}, 10, "learned(R2,M=2,anchors=12)"),  # the loop over Z/2 alone has no angle
    (2, {"2": [1, 4, 1], "3": [1, 4, 1]}, 2, "learned(R2,M=4,anchors=12)"),
    (None, {}, None, "learned(R,M=1,anchors=6)"),
]


@pytest.mark.parametrize("dim, betti, features, expected", CASES)
def test_dimension_operators_and_anchors_come_from_the_diagnosis(dim, betti, features, expected) -> None:
    document = {"intrinsic_dimension": {"value": dim}, "betti": betti, "n_features": features}
    latent, words = suggested(document, MANY)
    assert latent == expected and parse(latent).canonical == latent
    assert "circular coordinates" in words and "rows" not in words


def test_what_is_suggested_stays_within_the_grammar() -> None:
    document = {"intrinsic_dimension": {"value": 500}, "betti": {"3": [1, 99]}, "n_features": 10_000}
    (factor,) = parse(suggested(document, MANY)[0]).factors
    assert factor.dim == MAX_LEARNED_DIMENSION
    assert dict(factor.numbers) == {word: most for word, (_, most) in LEARNED_NUMBERS.items()}


@pytest.mark.parametrize("rows", [1, 20, 60, 142, 240, 500, 1600, 10_000])
@pytest.mark.parametrize("dim, loops", [(1, 0), (1, 2), (2, 4), (6, 0), (20, 1)])
def test_a_prior_has_no_more_free_parameters_than_rows_carry(dim: int, loops: int, rows: int) -> None:
    document = {"intrinsic_dimension": {"value": dim}, "betti": {"3": [1, loops]}, "n_features": 100}
    latent, words = suggested(document, rows)
    (factor,) = parse(latent).factors
    assert factor.dim == dim + (loops > 0)
    assert ROWS_A_PARAMETER * sum(p.numel() for p in build(factor).parameters()) <= rows
    whole, _ = suggested(document, MANY)
    assert ("rows" in words) == (latent != whole)
    if latent != whole:  # one anchor more would be too many
        larger = parse(_enlarged(latent)).factors[0]
        assert ROWS_A_PARAMETER * sum(p.numel() for p in build(larger).parameters()) > rows


def _enlarged(latent: str) -> str:
    """A learned latent with an anchor more; of one without, the smallest of its dimension."""
    (factor,) = parse(latent).factors
    numbers = dict(factor.numbers) or {"M": 1, "anchors": 0}
    return f"learned(R{factor.dim},M={numbers['M']},anchors={numbers['anchors'] + 1})"
