"""Every entry of the catalogue agrees with itself and with the topology of manifolds."""

from __future__ import annotations

import pytest

from topovae.errors import ExpressionError, UsageError
from topovae.homology.spaces.catalogue import KnownSpace, catalogue, find, known, merge, space_of, split_expressions
from topovae.homology.spaces.invariants import betti_by_cells, betti_by_transfer, betti_numbers
from topovae.signature import NAMES, SPACE_NAMES, parse


@pytest.fixture(params=catalogue(), ids=lambda space: space.name)
def space(request: pytest.FixtureRequest) -> KnownSpace:
    return request.param


def euler(numbers: tuple[int, ...]) -> int:
    return sum((-1) ** degree * number for degree, number in enumerate(numbers))


def test_the_euler_characteristic_does_not_depend_on_the_field(space: KnownSpace) -> None:
    assert euler(space.betti_mod2) == euler(space.betti_mod3)


def test_there_is_a_betti_number_for_each_degree(space: KnownSpace) -> None:
    assert len(space.betti_mod2) == len(space.betti_mod3) == space.dimension + 1
    assert space.betti(2, space.dimension + 1) == 0
    assert all(space.betti(5, k) == space.betti(3, k) == space.betti_mod3[k] for k in range(space.dimension + 1))


def test_a_space_is_connected(space: KnownSpace) -> None:
    assert space.betti(2, 0) == space.betti(3, 0) == 1


def test_the_top_class_tells_closed_and_orientable(space: KnownSpace) -> None:
    assert space.betti(2, space.dimension) == int(space.closed)
    assert space.betti(3, space.dimension) == int(space.closed and space.orientable)


def test_closed_spaces_obey_poincare_duality(space: KnownSpace) -> None:
    if space.closed:
        assert space.betti_mod2 == space.betti_mod2[::-1]
        if space.orientable:
            assert space.betti_mod3 == space.betti_mod3[::-1]


def test_the_transfer_and_the_cells_agree(space: KnownSpace) -> None:
    if space.dimension <= 4:
        assert betti_by_cells(space.signature, 3) == betti_by_transfer(space.signature, 3) == space.betti_mod3
        assert betti_by_cells(space.signature, 2) == space.betti_mod2


def test_covers_double_the_euler_characteristic(space: KnownSpace) -> None:
    assert len(space.covers) == 2 ** space.betti(2, 1) - 1
    for cover in space.covers:
        assert euler(cover.betti_mod2) == euler(cover.betti_mod3) == 2 * euler(space.betti_mod2)


def test_the_cover_of_the_orientation_class_is_orientable(space: KnownSpace) -> None:
    oriented = [cover for cover in space.covers if cover.orientation]
    assert len(oriented) == int(not space.orientable)
    for cover in oriented:
        assert space_of(str(cover.signature)).orientable
        assert cover.betti(3, space.dimension) == int(space.closed)


def test_the_cup_form_counts_the_squares_of_the_covers(space: KnownSpace) -> None:
    form = space.cup_form
    assert form.classes == space.betti(2, 1)
    assert form.products <= space.betti(2, 2)
    assert form.squares == sum(cover.square for cover in space.covers)
    assert space.cup_length >= (2 if form.products else min(1, form.classes))


def test_names_and_expressions_are_unique() -> None:
    assert len({space.name for space in catalogue()}) == len({space.latent for space in catalogue()}) == len(catalogue())
    assert not {space.name for space in catalogue()} & {other for space in catalogue() for other in space.alike}


def test_no_two_spaces_predict_the_same() -> None:
    assert len({space.invariants for space in catalogue()}) == len(catalogue())


def test_what_is_alike_predicts_the_same(space: KnownSpace) -> None:
    words = {word for named in SPACE_NAMES for word in named.other_names}
    for word in set(space.alike) - words:
        assert space_of(word).invariants == space.invariants


def test_expressions_are_of_the_grammar(space: KnownSpace) -> None:
    assert parse(space.latent) == space.signature
    assert str(parse(space.latent)) == space.latent


def test_the_known_names_are_there() -> None:
    latents = {space.name: space.latent for space in catalogue()}
    assert [name for name in NAMES if known(name).name != name] == ["line"]
    assert latents.keys() >= {"S3", "T3", "S2xS1", "RP2xS1", "kleinxS1", "S1xR2", "S2xR", "T2xR", "R3", "R10", "S1xR9", "T2xR8"}


def test_named_spaces_come_first_small_and_simple_ones_before_others() -> None:
    names = ["interval", "circle", "plane", "cylinder", "mobius", "torus", "sphere", "klein", "rp2", "so3"]
    assert [space.name for space in catalogue()][: len(names)] == names


def test_lines_and_intervals_are_alike() -> None:
    alike = {space.name: set(space.alike) for space in catalogue()}
    assert alike["interval"] >= {"line", "R"}
    assert alike["plane"] >= {"disk", "square", "IxI"}
    assert alike["cylinder"] >= {"annulus", "S1xR"}
    assert alike["S1xR2"] >= {"S1xIxI"}


def test_a_new_expression_is_a_new_space() -> None:
    (twisted,) = find(["(S1xS1xI)/<rot(1/2),flip,flip>"])
    assert (twisted.dimension, twisted.closed, twisted.orientable) == (3, False, True)
    assert twisted.betti_mod2 == (1, 2, 1, 0)
    assert twisted.name == twisted.latent == "(S1xS1xI)/<rot(1/2),flip,flip>"
    assert len(merge([*catalogue(), twisted])) == len(catalogue()) + 1


def test_candidates_keep_their_spelling_and_get_the_usual_name() -> None:
    found = find("S1xR, (T2)/<rot(1/2),flip>,RP3 , S2xT2")
    assert [space.latent for space in found] == ["S1xR", "(T2)/<rot(1/2),flip>", "RP3", "S2xT2"]
    assert [space.name for space in found] == ["cylinder", "klein", "so3", "S2xT2"]


def test_candidates_that_look_the_same_are_one() -> None:
    (found,) = find("S1xR,S1xI,annulus")
    assert (found.name, found.latent) == ("cylinder", "S1xR")
    assert set(found.alike) == {"S1xI", "annulus"}


def test_commas_inside_brackets_do_not_split() -> None:
    assert split_expressions("torus,(S1xI)/<rot(1/2),flip>,R2") == ["torus", "(S1xI)/<rot(1/2),flip>", "R2"]


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("", UsageError, "no candidates"),
        ([], UsageError, "no candidates"),
        ("torus,,klein", UsageError, "empty candidate"),
        ("torus,klien", ExpressionError, "did you mean klein"),
        ("(S1xI)/<rot(1/2),flip", ExpressionError, "expected"),
        ("(S2)/<anti>/<id>/<flip>", ExpressionError, "use anti"),
    ],
)
def test_wrong_candidates_are_named(text: str | list[str], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        find(text)


def test_betti_numbers_hold_over_every_prime() -> None:
    klein = space_of("klein")
    assert [klein.betti(p, 1) for p in (2, 3, 5, 47)] == [2, 1, 1, 1]
    assert betti_numbers(klein.signature, 47) == (1, 1, 0)


def test_what_is_predicted_of_a_space() -> None:
    klein = space_of("klein")
    assert (klein.betti_mod2, klein.betti_mod3, klein.orientable) == ((1, 2, 1), (1, 1, 0), False)
