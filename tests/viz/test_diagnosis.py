"""The page of a diagnosis: legible whatever the document holds, and true to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from topovae.errors import UsageError
from topovae.viz import plot_diagnosis, render
from topovae.viz.barcode import draw_barcode
from topovae.viz.diagnosis import answer_of, facts_of, likelihoods_of, principal_components
from topovae.viz.style import BLUE, INK, figure

RNG = np.random.default_rng(0)
POINTS = RNG.normal(size=(120, 6)) * np.arange(6, 0, -1)
ANGLES = RNG.uniform(0, 2 * np.pi, (120, 4))
LONG = "(S1xS1xS1)/<rot(1/2),flip,id>/<id,rot(1/3),rot(1/2)>"


def bars(dims: tuple[int, ...], primes: tuple[int, ...] = (2, 3)) -> list[dict[str, Any]]:
    """An essential bar of degree 0, and for each degree two long bars and twelve short ones, with equal deaths and births."""
    found = [{"prime": p, "dim": 0, "birth": 0.0, "death": None, "p_value": None, "significant": True} for p in primes]
    for prime in primes:
        for dim in dims:
            for rank in range(14):
                birth = 1.0 + 0.02 * rank
                death = birth * (3.0 if rank < 2 else 1.2)
                entry = {"prime": prime, "dim": dim, "birth": birth, "death": death, "p_value": 1e-3, "significant": rank < 2}
                found.append(entry)
    return found


def document(
    name: str = "torus", latent: str | None = "S1xS1", dims: tuple[int, ...] = (1, 2), **fields: Any
) -> dict[str, Any]:
    scores = ((name, 0.9), ("klein", 0.05), ("S1xR2", 0.62), ("sphere", 0.0), ("plane", 0.0))
    candidates = [{"name": n, "latent": latent if n == name else n, "score": s, "reasons": []} for n, s in scores]
    return {
        "n_samples": 2000,
        "n_features": 50,
        "landmarks": 400,
        "components": 1,
        "intrinsic_dimension": {"value": 2, "estimate": 2.04},
        "betti": {"2": [1, 2, 1], "3": [1, 2, 1]},
        "bars": bars(dims),
        "significance": {"1": 2.4, "2": 1.5},
        "orientable": True,
        "boundary": False,
        "candidates": candidates,
        "recommendation": {"name": name, "latent": latent, "confidence": 0.93},
        **fields,
    }


EVIDENCE = {"candidates": [{"latent": "S1xS1", "log_likelihood": -3.0}, {"latent": "klein", "log_likelihood": -12.75}]}
PAGES: dict[str, Callable[[], Figure]] = {
    "circle": lambda: plot_diagnosis(document("circle", "S1", (1,)), landmark_points=POINTS, angles=ANGLES[:, :1]),
    "torus": lambda: plot_diagnosis(document(), landmark_points=POINTS, angles=ANGLES[:, :2], title="data.npy"),
    "four angles": lambda: plot_diagnosis(document(), landmark_points=POINTS, angles=ANGLES),
    "no angles": lambda: plot_diagnosis(document("sphere", "S2"), landmark_points=POINTS, angles=ANGLES[:, :0]),
    "no significance": lambda: plot_diagnosis(document(significance=None), landmark_points=POINTS),
    "significance out of reach": lambda: plot_diagnosis(document(significance={"1": 30.0, "2": 9.0}), landmark_points=POINTS),
    "one feature": lambda: plot_diagnosis(document("line", "R"), landmark_points=POINTS[:, :1]),
    "a distance matrix": lambda: plot_diagnosis(document(n_features=None)),
    "few fields": lambda: plot_diagnosis({"bars": bars((1,)), "recommendation": {"name": "none", "latent": None}}),
    "no bars": lambda: plot_diagnosis({"bars": [], "recommendation": {"name": "none", "latent": None, "confidence": 0.5}}),
    "degree 0 alone": lambda: plot_diagnosis(document(dims=()), landmark_points=POINTS),
    "one prime": lambda: plot_diagnosis(document(bars=bars((1, 2), (2,))), landmark_points=POINTS),
    "three primes": lambda: plot_diagnosis(document(bars=bars((1, 2), (2, 3, 5))), landmark_points=POINTS),
    "none": lambda: plot_diagnosis(document("none", None), landmark_points=POINTS, angles=ANGLES[:, :2]),
    "components": lambda: plot_diagnosis(document("none", None, components=12), landmark_points=POINTS),
    "long names": lambda: plot_diagnosis(
        document(LONG, LONG), landmark_points=POINTS, angles=ANGLES, title="a/long/$path/of_some/data$.npy" * 3
    ),
    "evidence": lambda: plot_diagnosis(document(evidence=EVIDENCE), landmark_points=POINTS, angles=ANGLES[:, :1]),
}


@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_legible(name: str, assert_legible: Callable[[Figure], None]) -> None:
    assert_legible(PAGES[name]())


def test_equal_pages_are_equal_files() -> None:
    assert render(PAGES["torus"](), "png", dpi=50) == render(PAGES["torus"](), "png", dpi=50)


def test_the_line_of_significance_has_its_slope() -> None:
    axes = next(axes for axes in PAGES["torus"]().findobj(lambda a: getattr(a, "get_title", str)() == "H₁"))
    dashed = next(line for line in axes.lines if line.get_linestyle() == "--")
    (x0, x1), (y0, y1) = dashed.get_data()
    assert (y1 - y0) / (x1 - x0) == pytest.approx(2.4)
    assert y1 == pytest.approx(2.4 * x1)


def test_each_mark_of_a_barcode_is_its_birth_times_the_ratio() -> None:
    found = bars((1,), (2,))[1:]
    page = figure(4.8, 3.0)
    draw_barcode(page, found, significance={1: 2.4})
    axes = page.axes[0]
    marks = [line.get_xdata()[0] for line in axes.lines if to_hex(line.get_color()) == to_hex(INK)]
    assert sorted(marks) == pytest.approx(sorted(2.4 * bar["birth"] for bar in found))


def test_only_the_recommended_candidate_is_coloured() -> None:
    axes = next(axes for axes in PAGES["torus"]().findobj(lambda a: getattr(a, "get_title", str)() == "candidates"))
    assert [to_hex(bar.get_facecolor()) == to_hex(BLUE) for bar in axes.patches] == [True, False, False, False, False]
    assert [bar.get_width() for bar in axes.patches] == [0.9, 0.05, 0.62, 0.0, 0.0]


def test_principal_components_are_those_of_the_points() -> None:
    found = principal_components(POINTS, 3)
    values = np.linalg.eigvalsh(np.cov(POINTS.T))[::-1][:3]
    np.testing.assert_allclose(found.var(axis=0, ddof=1), values)
    np.testing.assert_allclose(found, principal_components(POINTS + 5.0, 3), atol=1e-9)
    assert principal_components(POINTS[:, :1], 3).shape == (120, 3)


def test_words() -> None:
    two = document("none", None, components=2, parts=[{"recommendation": {"name": n}} for n in ("circle", "torus")])
    assert answer_of(two).startswith("2 components: circle, torus")
    assert answer_of(document()) == "torus (confidence 0.93): --latent 'S1xS1'"
    assert "2000 samples x 50 features" in facts_of(document()) and "no boundary" in facts_of(document())
    assert likelihoods_of({"evidence": EVIDENCE}) == {"S1xS1": ", most likely", "klein": ", −9.75 nats"}


@pytest.mark.parametrize("points, angles", [(POINTS[:3], ANGLES), (POINTS[0], None), (POINTS, ANGLES[0])])
def test_arrays_that_do_not_fit(points: np.ndarray, angles: np.ndarray | None) -> None:
    with pytest.raises(UsageError):
        plot_diagnosis(document(), landmark_points=points, angles=angles)
