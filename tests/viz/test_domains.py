"""Laws of fundamental domains: one point of each orbit, within the domain, and edges that the group takes to each other."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from topovae.latent import LatentSpace
from topovae.signature import parse
from topovae.viz.charts import charts_of
from topovae.viz.domains import TURN, cut_of, into_domain, moved, spans

QUOTIENTS = ["mobius", "klein", "rp2", "so3", "(S1)/<rot(1/3)>", "(S1xS1xI)/<rot(1/3),id,id>", "(S2xR3)/<anti,flip>",
             "(S1xS1)/<rot(1/2),rot(1/2)>", "(S1xS2)/<rot(1/2),anti>"]  # fmt: skip
each = pytest.mark.parametrize("name", QUOTIENTS)


def points_of(space: LatentSpace, n: int = 300) -> torch.Tensor:
    torch.manual_seed(0)
    return space.sample_prior(n, torch.zeros(0, dtype=torch.float64))


def widths_of(space: LatentSpace) -> list[int]:
    return [factor.coordinate_dim for factor in space.factors]


@each
def test_isometries_are_those_of_the_latent_space(name: str) -> None:
    space = LatentSpace(name)
    points = points_of(space)
    for element, image in zip(space.signature.group, space.orbit(points), strict=True):
        places = zip(space.signature.factors, element, spans(widths_of(space)), strict=True)
        found = np.hstack([moved(factor, g, points.numpy()[:, place]) for factor, g, place in places])
        there = torch.as_tensor(found)
        torch.testing.assert_close(space.embed(there), space.embed(image))


@each
def test_the_domain_has_one_point_of_each_orbit(name: str) -> None:
    space = LatentSpace(name)
    signature, points = space.signature, points_of(space)
    cut = cut_of(signature)
    assert cut is not None and cut.order == signature.order
    shown = into_domain(signature, cut, points.numpy(), widths_of(space))
    # To single precision: near its zero the distance of unit vectors is no finer.
    torch.testing.assert_close(space.features(torch.as_tensor(shown)), space.features(points))
    for image in space.orbit(points):
        again = into_domain(signature, cut, image.numpy(), widths_of(space))
        torch.testing.assert_close(space.embed(torch.as_tensor(again)), space.embed(torch.as_tensor(shown)))
    own = shown[:, spans(widths_of(space))[cut.factor]]
    if signature.factors[cut.factor].is_circle:
        assert (np.mod(own, TURN) <= TURN / signature.order + 1e-9).all()
    else:
        assert (own[:, 0] >= 0).all()


@each
def test_the_seam_glues_the_ends_of_the_domain(name: str) -> None:
    space = LatentSpace(name)
    cut = cut_of(space.signature)
    assert cut is not None
    place = spans(widths_of(space))[cut.factor]
    points = points_of(space).numpy()
    if space.signature.factors[cut.factor].is_circle:
        points[:, place] = 0.0
        end = space.moved(cut.seam, torch.as_tensor(points))[:, place]
        np.testing.assert_allclose(np.mod(end.numpy(), TURN), TURN / space.order)
    else:
        end = space.moved(cut.seam, torch.as_tensor(points))[:, place]
        np.testing.assert_allclose(end.numpy(), -points[:, place])


@pytest.mark.parametrize("name", ["S1xI", "S2", "T3", "(S1xS1xI)/<rot(1/2),id,flip>/<id,rot(1/2),flip>"])
def test_products_and_groups_that_no_factor_shows_are_not_cut(name: str) -> None:
    assert cut_of(parse(name)) is None


@pytest.mark.parametrize("name", [*QUOTIENTS, "S1", "I", "R2", "S2", "S3", "S1xS2", "T3", "R5"])
def test_decodes_stand_where_their_points_are(name: str) -> None:
    space = LatentSpace(name)
    points = points_of(space).numpy()
    columns = 0
    for chart in charts_of(space.signature, {}, points):
        assert chart.place(points[:, list(chart.columns)]).shape == (len(points), 2)
        assert len(chart.positions) == len(chart.values)
        columns += len(chart.columns)
        if len(chart.values) and chart.ratio > 1:  # the two sides of a sphere: the inverse of its projection
            np.testing.assert_allclose(chart.place(chart.values), chart.positions, atol=1e-9)
        if len(chart.values):
            assert chart.values.shape[1] == len(chart.columns) and np.isfinite(chart.values).all()
            assert 0 < chart.reach < np.inf and chart.decoded_ratio > 0
    assert columns > 0


ARROWS = {
    "cylinder": ((0.25, "^"), (0.25, "^")),
    "torus": ((0.25, "^"), (0.25, "^")),
    "mobius": ((0.25, "^"), (0.75, "v")),
    "klein": ((0.25, "^"), (0.75, "v")),
    "(S1xS1)/<rot(1/2),rot(1/2)>": ((0.25, "^"), (0.75, "^")),
}
"""Height and direction of the arrow on the left edge, and of the one on the right: its image under the seam."""


@pytest.mark.parametrize("name", sorted(ARROWS))
def test_an_arrow_is_taken_to_the_arrow_of_the_edge_that_it_is_glued_to(name: str) -> None:
    space = LatentSpace(name)
    (chart,) = charts_of(space.signature, {}, points_of(space).numpy())
    axes = Figure().subplots()
    chart.frame(axes, np.zeros((0, 2)))
    marks = [(*line.get_xydata()[0], line.get_marker()) for line in axes.lines if line.get_marker() in ("^", "v")]
    found = {x: (y, mark) for x, y, mark in marks}
    for edge, (height, mark) in zip((0.0, 1.0), ARROWS[name], strict=True):
        assert found[edge] == (pytest.approx(height), mark)
