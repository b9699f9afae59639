"""The latent grammar: spelling and printing, equality, group laws, refusals and where their message points."""

from fractions import Fraction

import numpy as np
import pytest

from topovae.errors import ExpressionError, UsageError
from topovae.signature import (
    IDENTITY,
    MAX_GROUP_ORDER,
    MODELS,
    NAMES,
    SPACE_NAMES,
    Elementary,
    Isometry,
    declare,
    euclidean,
    generate_group,
    parse,
    parse_latent,
)

# expression: dimension, order of the group, canonical spelling
EXPRESSIONS = {
    "R": (1, 1, "R"),
    "R1": (1, 1, "R"),
    "R7": (7, 1, "R7"),
    "RxRxR2": (4, 1, "R4"),
    "S1": (1, 1, "S1"),
    "S5": (5, 1, "S5"),
    "I": (1, 1, "I"),
    "T3": (3, 1, "S1xS1xS1"),
    "S1xR2": (3, 1, "S1xR2"),
    "RxS1xR": (3, 1, "RxS1xR"),
    "((S1)x(I))": (2, 1, "S1xI"),
    "S1×S2": (3, 1, "S1xS2"),
    "torusxplane": (4, 1, "S1xS1xR2"),
    "klein": (2, 2, "(S1xS1)/<rot(1/2),flip>"),
    "mobius": (2, 2, "(S1xI)/<rot(1/2),flip>"),
    "kleinxR": (3, 2, "(S1xS1xR)/<rot(1/2),flip,id>"),
    "RP1": (1, 2, "(S1)/<rot(1/2)>"),
    "RP4": (4, 2, "(S4)/<anti>"),
    "SO3": (3, 2, "(S3)/<anti>"),
    "SO3xSO3": (6, 4, None),
    "(S1)/<rot(2/6)>": (1, 3, "(S1)/<rot(1/3)>"),
    "(S1)/<rot(-1/4)>": (1, 4, "(S1)/<rot(1/4)>"),
    "(S1)/<rot(1)>": (1, 1, "S1"),
    "(S1)/<rot(1/2)>/<rot(1/3)>": (1, 6, "(S1)/<rot(1/6)>"),
    "(S1xS1xI)/<rot(1/3),id,id>": (3, 3, "(S1xS1xI)/<rot(1/3),id,id>"),
    "(S2xR3)/<anti,flip>": (5, 2, "(S2xR3)/<anti,flip>"),
    "(S2xRxR)/<anti,flip,flip>": (4, 2, "(S2xR2)/<anti,flip>"),
    "(S2xRxR)/<anti,id,flip>": (4, 2, "(S2xRxR)/<anti,id,flip>"),
    "(klein)/<id,rot(1/2)>": (2, 4, None),
    "(S1xS1)/<rot(1/2),id>/<id,rot(1/2)>": (2, 4, None),
    "(T3)/<rot(1/2),flip,id>/<id,rot(1/2),flip>": (3, 4, None),
}

EQUAL = [
    ("T2", "S1xS1"),
    ("RxR", "R2"),
    ("RxRxR", "RxR2"),
    ("RP3", "SO3"),
    ("SO3", "so3"),
    ("RP2", "(S2)/<anti>"),
    ("klein", "(S1xS1)/<rot(1/2),flip>"),
    ("klein", "  ( ( T2 ) ) / < rot( 1 / 2 ) , flip >"),
    ("klein", "(circlexcircle)/<anti,flip>"),
    ("klein", "(S1xS1)/<rot(3/2),flip>"),
    ("(S1xI)x(R)", "S1xIxR"),
    ("(S1)/<rot(1/3)>", "(S1)/<rot(2/3)>"),
    ("(S1)/<rot(1/2)>/<rot(1/2)>", "RP1"),
    ("(T2)/<rot(1/2),id>/<id,rot(1/2)>", "(T2)/<rot(1/2),rot(1/2)>/<rot(1/2),id>"),
    ("RP2xRP2", "(S2xS2)/<anti,anti>/<id,anti>"),
    ("S1\tx\nI", "S1xI"),
]

DIFFERENT = [
    ("S1xI", "IxS1"),
    ("S1", "I"),
    ("S1", "R"),
    ("S2", "T2"),
    ("klein", "torus"),
    ("klein", "mobius"),
    ("RP3", "S3"),
    ("S1", "RP1"),
    ("(S1)/<rot(1/3)>", "(S1)/<rot(1/4)>"),
    ("(T2)/<rot(1/2),flip>", "(T2)/<flip,rot(1/2)>"),
    ("(T2)/<rot(1/2),flip>", "(T2)/<rot(1/2),rot(1/2)>"),
    ("(S2xR2)/<anti,flip>", "(S2xRxR)/<anti,id,flip>"),
]

ORBIFOLDS = [
    "(I)/<flip>",
    "(S1)/<flip>",
    "(R2)/<flip>",
    "(S1xS2)/<flip,id>",
    "(S1xS1)/<flip,flip>",
    "(S1xS1)/<rot(1/2),id>/<flip,flip>",
    "(S1xI)/<rot(1/3),flip>",
    "(S2xS1)/<anti,id>/<anti,flip>",
]

# expression, a fragment of the message, the offending character's index
BAD = [
    ("", "ends here", 0),
    ("  ", "ends here", 2),
    ("S1x", "ends here", 3),
    ("x", "found 'x'", 0),
    ("S1xx", "found 'x'", 3),
    ("S1 S1", "found 'S'", 3),
    ("S1XS1", "found 'X'", 2),
    ("Q2", "found 'Q'", 0),
    ("S1 x Q2", "found 'Q'", 5),
    ("Torus", "needs a dimension", 1),
    ("spehre", "did you mean sphere?", 0),
    ("klien", "did you mean klein?", 0),
    ("S", "needs a dimension", 1),
    ("S1xRP", "needs a dimension", 5),
    ("S0", "dimension 0", 1),
    ("S1xR0", "dimension 0", 4),
    ("R1025", "dimension 1025", 1),
    ("RP" + "9" * 5000, "dimension 99999999999999999999 is", 2),
    ("S٢", "needs a dimension", 1),
    ("I2", "takes no number", 1),
    ("S1xI2", "takes no number", 4),
    ("SO32", "only SO3", 0),
    ("S1xSO34", "only SO3", 3),
    ("R1000xR100", "more than 1024 dimensions", 0),
    ("(S1", "the expression ends here", 3),
    ("(S1xI]", "found ']'", 5),
    ("S1)", "found ')'", 2),
    ("()", "found ')'", 1),
    ("(" * 100 + "S1" + ")" * 100, "parentheses", 64),
    ("(" * 5000, "parentheses", 64),
    ("S1/<rot(1/2)>", "only a product in parentheses", 2),
    ("klein/<rot(1/2),id>", "only a product in parentheses", 5),
    ("(S1)/rot(1/2)", "found 'r'", 5),
    ("(S1)/", "ends here", 5),
    ("(S1)/<>", "found '>'", 6),
    ("(S1)/<rot(1/2)", "ends here", 14),
    ("(S1)/<turn>", "found 't'", 6),
    ("(S1)/<rot>", "found 'r'", 6),
    ("(S1)/<rot(0.5)>", "found 'r'", 6),
    ("(S1)/<rot(1/0)>", "p/0", 6),
    ("(S1)/<rot(1/" + "9" * 5000 + ")>", "found 'r'", 6),
    ("(S1xI)/<rot(1/2)>", "1 isometries for 2 factors", 16),
    ("(S1xI)/<rot(1/2),flip,id>", "only 2 factors", 22),
    ("(S1xI)/<rot(1/2),rot(1/2)>", "rot turns a circle", 17),
    ("(S1xI)/<rot(1/2),anti>", "anti acts on a sphere", 17),
    ("(S2)/<flip>", "use anti", 6),
    ("(S2)/<rot(1/2)>", "rot turns a circle (S1), not S2", 6),
    ("(S1)/<rot(1/257)>", "more than 256 elements", 4),
    ("(S1)/<rot(1/2)> / <rot(1/251)>", "more than 256 elements", 16),
    ("x".join(["klein"] * 9), "more than 256 elements", 0),
    ("(I)/<flip>", "does not act freely: <flip>", 3),
    ("S2x(S1xR)/<flip,id>", "does not act freely: <flip,id>", 9),
    ("(S1)/<rot(1/2)>/<flip>", "does not act freely", 15),
]


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_dimension_order_and_canonical_spelling(text):
    signature = parse(text)
    dim, order, canonical = EXPRESSIONS[text]
    assert (signature.dim, signature.order) == (dim, order)
    assert canonical is None or signature.canonical == canonical


@pytest.mark.parametrize("text", [*EXPRESSIONS, *NAMES])
def test_printed_and_canonical_spellings_parse_back(text):
    signature = parse(text)
    assert str(signature) == "".join(text.split())
    for spelling in (str(signature), signature.canonical):
        assert parse(spelling) == signature
        assert parse(spelling).canonical == signature.canonical
    assert hash(parse(signature.canonical)) == hash(signature)


@pytest.mark.parametrize(("a", "b"), EQUAL)
def test_one_space_in_two_spellings_is_equal(a, b):
    assert parse(a) == parse(b)
    assert parse(a).canonical == parse(b).canonical
    assert parse(a).name == parse(b).name


@pytest.mark.parametrize(("a", "b"), DIFFERENT)
def test_different_spaces_are_unequal(a, b):
    assert parse(a) != parse(b)
    assert parse(a).canonical != parse(b).canonical


@pytest.mark.parametrize("name", NAMES)
def test_names_stand_for_canonical_spellings(name):
    assert parse(name).canonical == NAMES[name]
    assert NAMES[parse(name).name] == NAMES[name]


@pytest.mark.parametrize("text", [*EXPRESSIONS, *ORBIFOLDS])
def test_group_is_closed_with_inverses_and_regenerated(text):
    signature = parse(text, allow_orbifold=True)
    group = set(signature.group)
    assert signature.group[0] == (IDENTITY,) * len(signature.factors)
    assert len(group) == signature.order
    products = {tuple(a @ b for a, b in zip(g, h, strict=True)) for g in group for h in group}
    assert products == group
    assert set(generate_group(signature.generators, len(signature.factors))) == group


def test_rotations_have_the_order_of_their_denominator():
    for q in (1, 2, 3, 5, 16, MAX_GROUP_ORDER):
        assert parse(f"(S1)/<rot(1/{q})>").order == q


def test_isometries_act_as_they_compose():
    circle, rng = Elementary("S", 1), np.random.default_rng(0)
    act = lambda g, x: (g.sign * x + g.turn) % 1  # noqa: E731
    for _ in range(100):
        a, b = (Isometry(int(rng.choice([-1, 1])), Fraction(int(rng.integers(12)), 12)) for _ in range(2))
        x = Fraction(int(rng.integers(97)), 97)
        assert act(a @ b, x) == act(a, act(b, x))
        moved = all(act(a, Fraction(k, 24)) != Fraction(k, 24) for k in range(24))
        assert a.moves_every_point(circle) == moved


@pytest.mark.parametrize("text", ORBIFOLDS)
def test_groups_with_fixed_points_are_orbifolds(text):
    with pytest.raises(ExpressionError, match="freely") as caught:
        parse(text)
    assert text[caught.value.position] == "/"
    signature = parse(text, allow_orbifold=True)
    assert parse(signature.canonical, allow_orbifold=True) == signature


@pytest.mark.parametrize(("text", "fragment", "position"), BAD, ids=[text[:30] for text, _, _ in BAD])
def test_errors_point_at_the_offending_character(text, fragment, position):
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert fragment in caught.value.problem
    assert caught.value.position == position
    assert str(caught.value).splitlines()[-1] == " " * (2 + position) + "^"


def random_expression(rng, depth=0):
    """An expression of up to four terms, its quotients free by a rotation or an antipode, with random white space."""
    terms = []
    for _ in range(rng.integers(1, 3 if depth else 4)):
        kind = rng.choice(["atom", "name", "quotient", "nested"], p=[0.6, 0.15, 0.15, 0.1] if depth < 2 else [1, 0, 0, 0])
        if kind == "atom":
            terms.append(rng.choice(["R", "R3", "S1", "S2", "S4", "I", "T2", "RP2", "SO3"]))
        elif kind == "name":
            terms.append(rng.choice([*NAMES]))
        elif kind == "quotient":
            terms.append(f"(S1xRxI)/<rot({rng.integers(1, 5)}/5),{rng.choice(['id', 'flip'])},id>")
            terms[-1] = terms[-1].replace("flip", "id") if rng.random() < 0.5 else terms[-1]
        else:
            terms.append(f"({random_expression(rng, depth + 1)})")
    text = "x".join(terms)
    return "".join(c if c.isalnum() else c + " " * rng.integers(0, 2) for c in text)


def test_random_expressions_round_trip():
    rng, parsed = np.random.default_rng(0), 0
    for _ in range(300):
        text = random_expression(rng)
        try:
            signature = parse(text)
        except ExpressionError as error:  # too large a group, or rot(p/5) with flip, whose fifth power fixes points
            assert "more than" in error.problem or "freely" in error.problem
            continue
        parsed += 1
        again = parse(signature.canonical)
        assert again == signature and again.canonical == signature.canonical
    assert parsed > 200


def test_random_text_parses_or_points_inside_itself():
    rng = np.random.default_rng(1)
    pieces = [
        "S1",
        "R",
        "I",
        "T2",
        "RP2",
        "x",
        "(",
        ")",
        "/",
        "<",
        ">",
        ",",
        "rot(1/2)",
        "flip",
        "id",
        "anti",
        " ",
        "?",
    ]
    for _ in range(2000):
        text = "".join(rng.choice(pieces, rng.integers(0, 12)))
        try:
            parse(text)
        except ExpressionError as error:
            assert 0 <= error.position <= len(text)


def test_euclidean_is_the_parsed_line():
    assert euclidean(3) == parse("R3")
    assert str(euclidean(3)) == "R3"


def test_models_are_factors_of_their_own_that_know_what_they_are_homeomorphic_to():
    signature = parse("S1xannulusxembedded_torus")
    assert [str(f) for f in signature.factors] == ["S1", "annulus", "embedded_torus"] and signature.dim == 5
    assert signature.canonical == "S1xannulusxembedded_torus" and parse(signature.canonical) == signature
    assert signature.homeomorphic == parse("S1xS1xIxS1xS1") and parse("klein").homeomorphic == parse("klein")
    quotient = parse("(annulusxS1)/<id,rot(1/2)>")
    assert quotient.homeomorphic == parse("(S1xIxS1)/<id,id,rot(1/2)>") and parse(quotient.canonical) == quotient
    assert parse("annulus") != parse("S1xI")


@pytest.mark.parametrize("word", ["flip", "anti", "rot(1/2)"])
def test_models_have_no_isometry_but_the_identity(word):
    with pytest.raises(ExpressionError, match="annulus"):
        parse(f"(annulusxS1)/<{word},rot(1/2)>")


def test_a_declared_model_joins_the_grammar(monkeypatch):
    monkeypatch.setattr("topovae.signature.MODELS", dict(MODELS))
    with pytest.raises(ExpressionError, match="found 'e'"):
        parse("ellipsexS1")
    declare("ellipse", "S1")
    declare("ellipse", "S1")
    assert str(parse("ellipsexS1")) == "ellipsexS1" and parse("ellipsexS1").homeomorphic == parse("T2")
    with pytest.raises(ExpressionError, match="did you mean ellipse"):
        parse("elipse")


@pytest.mark.parametrize(
    ("name", "like", "message"),
    [
        ("S1", "S1", "unused word"),
        ("x", "S1", "unused word"),
        ("torus", "S1xS1", "unused word"),
        ("flip", "S1", "unused word"),
        ("band", "mobius", "expected a product"),
        ("annulus", "S1xS1", "already"),
        ("circlet", "S1y", "latent expression"),
    ],
)
def test_a_model_that_would_confuse_the_grammar_is_refused(name, like, message, monkeypatch):
    monkeypatch.setattr("topovae.signature.MODELS", dict(MODELS))
    with pytest.raises(UsageError, match=message):
        declare(name, like)


@pytest.mark.parametrize(
    "text, canonical, dim",
    [
        ("mixture(circle,circle)", "mixture(2*S1)", 1),
        ("mixture( 3 * circle )", "mixture(3*S1)", 1),
        ("mixture(sphere,circle,circle)", "mixture(S2,2*S1)", 2),
        ("mixture(circle,sphere,circle)", "mixture(S1,S2,S1)", 2),
        ("mixture((S1xI)/<rot(1/2),flip>,R2xR)", "mixture((S1xI)/<rot(1/2),flip>,R3)", 3),
        ("mixture(1*klein)", "(S1xS1)/<rot(1/2),flip>", 2),
        ("S1xR2", "S1xR2", 3),
    ],
)
def test_mixtures_have_one_spelling_that_parses_back(text, canonical, dim):
    found = parse_latent(text)
    assert found.canonical == canonical and found.dim == dim
    assert parse_latent(canonical) == found == parse_latent(str(found))
    assert sum(len(component.components) for component in found.components) == len(found.components)


@pytest.mark.parametrize(
    "text, fragment, position",
    [
        ("mixture()", "expected a factor", 8),
        ("mixture(S1", "expected `)`, or `,` and another component", 10),
        ("mixture(0*S1)", "0 components", 8),
        ("mixture(99*S1)", "99 components", 8),
        ("mixture(40*S1,40*S1)", "more than 64 components", 0),
        ("mixture(S1)xS1", "a mixture has no factors beside it", 11),
        ("mixture(S1,mixture(S1,S1))", "expected a factor", 11),
        ("mixture(S1,(S1)/<flip>)", "does not act freely", 15),
        ("2*S1", "expected a factor", 0),
    ],
)
def test_errors_in_mixtures_point_at_the_offending_character(text, fragment, position):
    with pytest.raises(ExpressionError) as caught:
        parse_latent(text)
    assert fragment in caught.value.problem and caught.value.position == position


def test_a_mixture_is_no_single_space():
    with pytest.raises(ExpressionError, match="several spaces"):
        parse("mixture(S1,S1)")


LEARNED_TEXTS = {
    "learned(R2)": "learned(R2,M=1,anchors=6)",
    "learned( R , anchors = 3 )": "learned(R,M=1,anchors=3)",
    "learned(R3,anchors=2,M=4)": "learned(R3,M=4,anchors=2)",
    "S1xlearned(R2,M=2)xR": "S1xlearned(R2,M=2,anchors=6)xR",
    "(learned(R2)xS1)/<id,rot(1/2)>": "(learned(R2,M=1,anchors=6)xS1)/<id,rot(1/2)>",
    "mixture(2*learned(R2),S1)": "mixture(2*learned(R2,M=1,anchors=6),S1)",
}


@pytest.mark.parametrize("text, canonical", LEARNED_TEXTS.items())
def test_learned_priors_have_one_spelling_that_parses_back(text, canonical):
    found = parse_latent(text)
    assert found.canonical == canonical and parse_latent(canonical) == found == parse_latent(str(found))
    assert any(space.is_learned for space in found.components) and found.name is None
    assert not any(space.homeomorphic.is_learned for space in found.components)


def test_a_learned_prior_is_homeomorphic_to_its_space_and_another_latent():
    assert parse("S1xlearned(R3)").homeomorphic == parse("S1xR3") and parse("learned(R2)") != parse("R2")
    assert parse("learned(R2)") != parse("learned(R2,M=2)") and parse("learned(R2)").dim == 2


@pytest.mark.parametrize(
    "text, fragment, position",
    [
        ("learned", "did you mean learned?", 0),
        ("learned()", "expected a factor", 8),
        ("learned(S2)", "a prior is learned on R", 8),
        ("learned(R33)", "a prior is learned on R", 8),
        ("learned(R2,M)", "expected `M=` and a number or `anchors=` and a number", 11),
        ("learned(R2,M=0)", "M=0, expected between 1 and 16", 11),
        ("learned(R2,anchors=999)", "anchors=999, expected between 1 and 256", 11),
        ("learned(R2", "expected `)`, or `,` and `M=` or `anchors=`", 10),
        ("(learned(R2))/<flip>", "has no isometry but id", 15),
        ("learned(R2)/<id>", "only a product in parentheses", 11),
    ],
)
def test_errors_in_learned_priors_point_at_the_offending_character(text, fragment, position):
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert fragment in caught.value.problem and caught.value.position == position


def test_no_model_can_be_called_learned(monkeypatch):
    monkeypatch.setattr("topovae.signature.MODELS", dict(MODELS))
    with pytest.raises(UsageError, match="unused word"):
        declare("learned", "R2")


EMBEDDINGS = {
    "embedding(circle)": "embedding(circle)",
    "embedding( sphere ) x R2": "embedding(sphere)xR2",
    "embedding(points.npy)": "embedding(points.npy,dim=1,columns=2)",
    "embedding(./a/b.csv, columns = 7, dim = 2)": "embedding(./a/b.csv,dim=2,columns=7)",
    "mixture(2*embedding(circle),I)": "mixture(2*embedding(circle),I)",
}


@pytest.mark.parametrize("text, canonical", EMBEDDINGS.items())
def test_embeddings_have_one_spelling_that_parses_back(text, canonical):
    found = parse_latent(text)
    assert found.canonical == canonical and parse_latent(canonical) == found and not any(p.is_learned for p in found.components)


@pytest.mark.parametrize("name", [space.name for space in SPACE_NAMES])
def test_every_compact_space_with_a_name_can_be_embedded(name):
    space = parse(name)
    if any(factor.kind == "R" for factor in space.factors):
        with pytest.raises(ExpressionError, match="a map is learned onto circle"):
            parse(f"embedding({name})")
        return
    found = parse(f"embedding({name})")
    assert found.dim == space.dim and found.has_topology == (space.order == 1)
    assert found.homeomorphic == (space if space.order == 1 else parse("x".join("I" * space.dim)))


@pytest.mark.parametrize(
    ("text", "fragment", "position"),
    [
        ("embedding()", "a map is learned onto", 10),
        ("embedding(R2)", "a map is learned onto", 10),
        ("embedding(x.npy,M=2)", "expected `dim=` and a number", 16),
        ("embedding(x.npy,dim=4)", "dim=4, expected between 1 and 3", 16),
        ("embedding(circle,dim=1)", "expected `)`", 16),
        ("(embedding(circle))/<flip>", "has no isometry but id", 21),
    ],
)
def test_errors_in_embeddings_point_at_the_offending_character(text, fragment, position):
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert fragment in caught.value.problem and caught.value.position == position
