"""What is told of operators."""

import math

import pytest
import torch

from topovae.evaluation.orbits import operator_reports
from topovae.latent import space_of
from topovae.signature import parse_latent


def test_operators_are_counted_through_components_and_factors() -> None:
    space = space_of(parse_latent("mixture(S1xlearned(R2,M=2),learned(R3))"))
    reports = operator_reports(space)
    assert [one.operator for one in reports] == [0, 1, 2]
    assert [len(one.real) for one in reports] == [2, 2, 3] and reports[2].factor == "learned(R3,M=1,anchors=6)"
    assert operator_reports(space_of(parse_latent("mixture(S1,R2)"))) == []


@pytest.mark.parametrize("outward, closed", [(0.0, True), (0.01, True), (0.3, False), (-0.3, False)])
def test_orbits_close_where_nothing_grows(outward: float, closed: bool) -> None:
    space = space_of(parse_latent("learned(R2)"))
    factor = space.spaces[0].factors[0]
    with torch.no_grad():
        factor.operators.copy_(torch.tensor([[[outward, -2.0, 0.0], [2.0, outward, 0.0]]]))
    (report,) = operator_reports(space)
    assert report.closed == closed and report.used
    assert report.real == pytest.approx([outward] * 2) and report.imaginary == pytest.approx([-2, 2])


def test_an_operator_that_moves_nothing_beyond_the_width_is_not_used() -> None:
    space = space_of(parse_latent("learned(R2)"))
    factor = space.spaces[0].factors[0]
    with torch.no_grad():
        factor.reach.fill_(math.log(1e-3))
    assert not operator_reports(space)[0].used
