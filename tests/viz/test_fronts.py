"""The fronts of a sweep: points where the runs are, lines through their means, nothing for what diverged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from topovae.viz import RateDistortion, plot_fronts, render, save

RNG = np.random.default_rng(0)
BETA = np.repeat([0.1, 1.0, 10.0], 4)


def front(name: str, shift: float) -> RateDistortion:
    kl = 5 - np.log(BETA) + 0.1 * RNG.normal(size=12)
    return RateDistortion(name, BETA, kl, shift + 1 / kl, 10 * shift + 20 / kl)


FRONTS = [front("torus", 0.1), front("plane", 0.3), front("(S1xI)/<rot(1/2),flip>", 0.2)]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_texts_do_not_overlap(count: int, assert_legible: Callable[[Figure], None]) -> None:
    assert_legible(plot_fronts(FRONTS[:count], title="torus.npz"))


def test_points_are_runs_and_lines_go_through_their_means() -> None:
    one = FRONTS[0]
    left, right, last = plot_fronts([one]).axes
    places = np.searchsorted([0.1, 1.0, 10.0], BETA).astype(float)
    for axes, x, values in ((left, one.kl, one.rms), (right, one.kl, one.nll), (last, places, -one.nll - one.kl)):
        points, line = axes.lines
        np.testing.assert_allclose(points.get_xydata(), np.stack([x, values], 1))
        means = [(x[BETA == b].mean(), values[BETA == b].mean()) for b in (0.1, 1.0, 10.0)]
        np.testing.assert_allclose(line.get_xydata(), means)
        (_, bars) = axes.collections  # across and up
        lengths = [np.ptp(segment[:, 1]) for segment in bars.get_segments()]
        np.testing.assert_allclose(lengths, [2 * values[BETA == b].std(ddof=1) for b in (0.1, 1.0, 10.0)])
    assert [label.get_text() for label in last.get_xticklabels()] == ["0.1", "1", "10"]


def test_what_the_lines_are_is_said() -> None:
    legend = plot_fronts(FRONTS).legends[0]
    assert "means over 4 seeds" in legend.get_title().get_text() and "β = 10 (left) to 0.1" in legend.get_title().get_text()
    assert [text.get_text() for text in legend.get_texts()] == [one.name for one in FRONTS]


def test_many_betas_and_zero_are_named_legibly(assert_legible: Callable[[Figure], None]) -> None:
    beta = np.concatenate([[0.0], np.geomspace(1e-3, 1e3, 19)])
    kl = np.linspace(9, 1, 20)
    page = plot_fronts([RateDistortion("torus", beta, kl, 1 / kl, 20 / kl)])
    assert_legible(page)
    names = [label.get_text() for label in page.axes[-1].get_xticklabels()]
    assert names[0] == "0" and 4 <= len(names) <= 8


def test_diverged_runs_are_left_out() -> None:
    kl = np.where(BETA == 1.0, np.nan, FRONTS[0].kl)
    axes = plot_fronts([RateDistortion("torus", BETA, kl, FRONTS[0].rms, FRONTS[0].nll)]).axes[0]
    assert [len(line.get_xydata()) for line in axes.lines] == [8, 2]
    none = plot_fronts([RateDistortion("torus", BETA, np.full(12, np.nan), FRONTS[0].rms, FRONTS[0].nll)])
    assert render(none, "png")


def test_equal_pictures_are_equal_files(tmp_path: Path) -> None:
    for name in ("one.svg", "two.svg"):
        save(plot_fronts(FRONTS), tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
