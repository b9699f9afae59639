"""Two ways to each number agree, manifolds obey their laws, and known spaces have their known answers."""

from __future__ import annotations

import pytest

from topovae.errors import ResourceError
from topovae.homology.spaces.chains import CellComplex
from topovae.homology.spaces.forms import Span
from topovae.homology.spaces.invariants import (
    betti_by_cells,
    betti_by_transfer,
    betti_numbers,
    closed_part,
    combined,
    cup_form,
    cup_length,
    double_covers,
    is_closed,
    is_orientable,
    labelled_quotient,
    normal_form,
    skeleton,
)
from topovae.signature import Signature, has_fixed_point, parse

EXPRESSIONS = (
    *("R", "I", "S1", "R3", "IxS1", "mobius", "torus", "sphere", "klein", "rp2", "so3", "S3", "T3", "T4", "RP3", "RP4"),
    *("S2xS1", "RP2xS1", "kleinxS1", "kleinxI", "mobiusxS1", "mobiusxmobius", "SO3xS1", "RP2xRP2", "kleinxmobius"),
    *("(S1)/<rot(1/3)>", "(T2)/<rot(1/3),rot(1/3)>", "(T2)/<rot(1/2),flip>/<id,rot(1/2)>", "(T2)/<rot(1/4),flip>"),
    *("(S1xR2)/<rot(1/2),flip>", "(S1xR3)/<rot(1/2),flip>", "(T2xI)/<rot(1/2),flip,flip>", "(T3)/<rot(1/2),flip,flip>"),
    *("(S1xS2)/<rot(1/2),anti>", "(S1xS3)/<rot(1/2),anti>", "(S2xS2)/<anti,anti>", "(S2xS3)/<anti,anti>"),
    *("(S1xS2)/<flip,anti>", "(T3)/<rot(1/2),flip,id>/<id,rot(1/2),flip>", "(T2xS2)/<rot(1/6),flip,anti>"),
)


@pytest.fixture(params=EXPRESSIONS)
def signature(request: pytest.FixtureRequest) -> Signature:
    return parse(request.param)


def euler(numbers: tuple[int, ...]) -> int:
    return sum((-1) ** degree * number for degree, number in enumerate(numbers))


@pytest.mark.parametrize("prime", [2, 3, 5])
def test_cells_and_transfer_agree_where_both_apply(signature: Signature, prime: int) -> None:
    for space in (signature, normal_form(signature), closed_part(signature)):
        if space.order % prime:
            assert betti_by_cells(space, prime) == betti_by_transfer(space, prime)
        else:
            with pytest.raises(ValueError, match="divides"):
                betti_by_transfer(space, prime)


@pytest.mark.parametrize("prime", [2, 3])
def test_the_normal_form_is_the_same_space(signature: Signature, prime: int) -> None:
    form = normal_form(signature)
    assert form.order <= signature.order
    assert not any(has_fixed_point(g, form.factors) for g in form.group[1:])
    assert betti_by_cells(form, prime) == betti_by_cells(signature, prime) == betti_numbers(signature, prime)
    assert (is_orientable(form), cup_form(form)) == (is_orientable(signature), cup_form(signature))
    assert normal_form(form) == form


@pytest.mark.parametrize("name", ["S1", "torus", "T3", "klein", "mobius", "so3"])
def test_a_plain_space_has_itself_as_normal_form(name: str) -> None:
    assert normal_form(parse(name)) == parse(name)


def test_closed_spaces_obey_poincare_duality(signature: Signature) -> None:
    if is_closed(signature):
        assert betti_numbers(signature, 2) == betti_numbers(signature, 2)[::-1]
        if is_orientable(signature):
            assert betti_numbers(signature, 3) == betti_numbers(signature, 3)[::-1]
    top = [betti_numbers(signature, prime)[-1] for prime in (2, 3)]
    assert top == [int(is_closed(signature)), int(is_closed(signature) and is_orientable(signature))]


def test_the_euler_characteristic_depends_on_no_field(signature: Signature) -> None:
    assert len({euler(betti_numbers(signature, prime)) for prime in (2, 3, 5, 7)}) == 1


def test_there_is_a_double_cover_for_each_class(signature: Signature) -> None:
    covers = double_covers(signature)
    assert len(covers) == 2 ** (*betti_numbers(signature, 2), 0)[1] - 1
    assert sum(cover.orientation for cover in covers) == int(not is_orientable(signature))
    assert sum(cover.square for cover in covers) == cup_form(signature).squares
    for cover in covers:
        assert euler(cover.betti_mod2) == euler(cover.betti_mod3) == 2 * euler(betti_numbers(signature, 2))
        assert all(a >= b for a, b in zip(cover.betti_mod3, betti_numbers(signature, 3), strict=True))
        assert not any(has_fixed_point(g, cover.signature.factors) for g in cover.signature.group[1:])
        assert is_orientable(cover.signature) or not (cover.orientation or is_orientable(signature))
        assert is_closed(cover.signature) == is_closed(signature)
        assert [cover.betti(prime, 1) for prime in (2, 3, 5)] == [betti_numbers(cover.signature, p)[1] for p in (2, 3, 5)]


def test_the_gysin_sequence_gives_the_homology_of_the_covers(signature: Signature) -> None:
    """b_k(cover) = dim coker(w: H^(k−1) → H^k) + dim ker(w: H^k → H^(k+1)), another way to the same numbers."""
    base = betti_numbers(signature, 2)
    cells = labelled_quotient(signature)
    for w, cover in enumerate(double_covers(signature), 1):
        ranks = [0, *multiplication_ranks(cells.complex, combined(cells.cocycles, w)), *[0] * len(base)]
        assert list(cover.betti_mod2) == [2 * base[k] - ranks[k] - ranks[k + 1] for k in range(signature.dim + 1)]


def multiplication_ranks(cells: CellComplex, w: int) -> list[int]:
    """The ranks of multiplication by a class of degree 1 on the cohomology mod 2 of each degree."""
    ranks = []
    for k in range(len(cells.cells) - 1):
        span = Span(cells.coboundaries[k + 1].basis.values())
        ranks.append(sum(span.add(cells.cup(w, x)) for x in cells.cohomology[k]))
    return ranks


def test_the_skeleton_has_the_same_invariants(signature: Signature) -> None:
    line = skeleton(signature)
    assert is_orientable(line) == is_orientable(signature)
    assert is_closed(line) == is_closed(signature)
    assert cup_form(line) == cup_form(signature)
    shared = min(line.dim, signature.dim) + 1
    assert betti_numbers(line, 2)[:shared] == betti_numbers(signature, 2)[:shared]


@pytest.mark.parametrize(
    ("expression", "mod2", "mod3"),
    [
        ("klein", (1, 2, 1), (1, 1, 0)),
        ("rp2", (1, 1, 1), (1, 0, 0)),
        ("so3", (1, 1, 1, 1), (1, 0, 0, 1)),
        ("T3", (1, 3, 3, 1), (1, 3, 3, 1)),
        ("mobius", (1, 1, 0), (1, 1, 0)),
        ("(S1xS2)/<rot(1/2),anti>", (1, 1, 1, 1), (1, 1, 0, 0)),
        ("(T3)/<rot(1/2),flip,flip>", (1, 3, 3, 1), (1, 1, 1, 1)),
        ("RP4", (1, 1, 1, 1, 1), (1, 0, 0, 0, 0)),
    ],
)
def test_known_betti_numbers(expression: str, mod2: tuple[int, ...], mod3: tuple[int, ...]) -> None:
    assert betti_numbers(parse(expression), 2) == mod2
    assert betti_numbers(parse(expression), 3) == mod3


@pytest.mark.parametrize(
    ("expression", "orientation", "others"),
    [
        ("torus", [], ["torus"] * 3),
        ("klein", ["torus"], ["klein"] * 2),
        ("mobius", ["cylinder"], []),
        ("cylinder", [], ["cylinder"]),
        ("circle", [], ["circle"]),
        ("rp2", ["sphere"], []),
        ("so3", [], ["S3"]),
        ("sphere", [], []),
        ("RP2xS1", ["S2xS1"], ["(S2xS1)/<anti,id>", "(S2xS1)/<anti,rot(1/2)>"]),
        ("R3", [], []),
    ],
)
def test_known_double_covers(expression: str, orientation: list[str], others: list[str]) -> None:
    covers = double_covers(parse(expression))
    assert [cover.name for cover in covers if cover.orientation] == orientation
    assert sorted(cover.name for cover in covers if not cover.orientation) == others


@pytest.mark.parametrize(
    ("expression", "classes", "products", "squares", "pairs"),
    [
        *((e, 1, 0, 0, 0) for e in ("circle", "cylinder", "mobius", "S2xS1")),
        ("sphere", 0, 0, 0, 0),
        ("torus", 2, 1, 0, 3),
        ("klein", 2, 1, 2, 2),
        ("mobiusxS1", 2, 1, 0, 3),
        ("rp2", 1, 1, 1, 0),
        ("so3", 1, 1, 1, 0),
        ("T3", 3, 3, 0, 21),
        ("RP2xRP2", 2, 3, 3, 3),
    ],
)
def test_known_cup_forms(expression: str, classes: int, products: int, squares: int, pairs: int) -> None:
    form = cup_form(parse(expression))
    assert (form.classes, form.products, form.squares, form.pairs) == (classes, products, squares, pairs)
    assert form.alternating == (squares == 0)


@pytest.mark.parametrize(
    ("expression", "length"),
    [("R2", 0), ("S1", 1), ("S3", 1), ("torus", 2), ("klein", 2), ("rp2", 2), ("mobius", 1), ("so3", 3), ("RP4", 4), ("T4", 4)]
    + [("S2xS1", 2), ("S2xS2", 2), ("RP2xRP2", 4), ("kleinxS1", 3), ("RP3xS2", 4)],
)
def test_known_cup_lengths(expression: str, length: int) -> None:
    assert cup_length(parse(expression)) == length


def test_a_large_torus_has_its_binomials() -> None:
    assert betti_numbers(parse("T40"), 2)[:3] == (1, 40, 780)


@pytest.mark.parametrize("expression", ["T9", "T12"])
def test_too_many_covers_are_refused(expression: str) -> None:
    with pytest.raises(ResourceError, match="double covers"):
        double_covers(parse(expression))
