"""The fronts of a sweep: points where the runs are, lines through their means, nothing for what diverged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from topovae.viz import Front, plot_fronts, render, save

RNG = np.random.default_rng(0)
BETA = np.repeat([0.1, 1.0, 10.0], 4)


def front(name: str, shift: float) -> Front:
    kl = 5 - np.log(BETA) + 0.1 * RNG.normal(size=12)
    return Front(name, BETA, kl, shift + 1 / kl, 10 * shift + 20 / kl)


FRONTS = [front("torus", 0.1), front("plane", 0.3), front("(S1xI)/<rot(1/2),flip>", 0.2)]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_texts_do_not_overlap(count: int, assert_legible: Callable[[Figure], None]) -> None:
    assert_legible(plot_fronts(FRONTS[:count], title="torus.npz"))


def test_points_are_runs_and_lines_go_through_their_means() -> None:
    one = FRONTS[0]
    left, right = plot_fronts([one]).axes
    for axes, values in ((left, one.rms), (right, one.nll)):
        points, line = axes.lines
        np.testing.assert_allclose(points.get_xydata(), np.stack([one.kl, values], 1))
        means = [(one.kl[BETA == b].mean(), values[BETA == b].mean()) for b in (0.1, 1.0, 10.0)]
        np.testing.assert_allclose(line.get_xydata(), means)


def test_diverged_runs_are_left_out() -> None:
    kl = np.where(BETA == 1.0, np.nan, FRONTS[0].kl)
    axes = plot_fronts([Front("torus", BETA, kl, FRONTS[0].rms, FRONTS[0].nll)]).axes[0]
    assert [len(line.get_xydata()) for line in axes.lines] == [8, 2]
    none = plot_fronts([Front("torus", BETA, np.full(12, np.nan), FRONTS[0].rms, FRONTS[0].nll)])
    assert render(none, "png")


def test_equal_pictures_are_equal_files(tmp_path: Path) -> None:
    for name in ("one.svg", "two.svg"):
        save(plot_fronts(FRONTS), tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
