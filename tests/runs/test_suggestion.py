"""The learned latent that a diagnosis suggests."""

import pytest

from topovae.runs.suggestion import suggested
from topovae.signature import LEARNED_NUMBERS, MAX_LEARNED_DIMENSION, parse

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
    latent, words = suggested(document)
    assert latent == expected and parse(latent).canonical == latent
    assert "circular coordinates" in words


def test_what_is_suggested_stays_within_the_grammar() -> None:
    document = {"intrinsic_dimension": {"value": 500}, "betti": {"3": [1, 99]}, "n_features": 10_000}
    (factor,) = parse(suggested(document)[0]).factors
    assert factor.dim == MAX_LEARNED_DIMENSION
    assert dict(factor.numbers) == {word: most for word, (_, most) in LEARNED_NUMBERS.items()}
