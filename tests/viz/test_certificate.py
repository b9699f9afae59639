"""The page of a certificate."""

from __future__ import annotations

import numpy as np
import pytest

from topovae.signature import parse
from topovae.viz.certificate import FailingPatches, certificate_figure
from topovae.viz.latents import LatentPart

CERTIFICATE = {
    "verdict": "not homeomorphic",
    "reasons": ["a fold of 5% of the samples would be seen in 95% of places", "x" * 200, *(f"reason {k}" for k in range(12))],
    "winding": [[1, 0], [0, -1]],
    "degree": -1,
    "power": {"fault": 0.05, "seen": 0.95},
}


@pytest.mark.parametrize("winding", [[[1, 0], [0, -1]], None])
def test_the_page_shows_patches_fibres_winding_and_persistence(winding: list[list[int]] | None) -> None:
    rng = np.random.default_rng(0)
    bars = [np.array([[0.0, np.inf]]), np.array([[0.1, 0.6]]), np.zeros((0, 2))]
    residual = np.where(np.arange(200) < 20, 1.5, 0.5)
    shown = FailingPatches(residual, rng.random(400), rng.random(400), np.arange(400) // 2, (bars, bars))
    part = LatentPart(parse("S1xS1"), rng.uniform(0, 6, (200, 2)), np.arange(200))
    page = certificate_figure("S1xS1", part, shown, {**CERTIFICATE, "winding": winding}, title="data.npy")
    page.canvas.draw()
    axes = page.get_axes()
    titles = {each.get_title() for each in axes}
    assert "fibres: latent neighbours" in titles and "persistence over Z/2" in titles
    assert "10.0% of the samples in failing patches" in page.subfigs[1].get_suptitle()
    written = [text.get_text() for each in axes for text in each.texts]
    assert "not homeomorphic" in written
    assert all(reason in "".join(written).replace("\n   ", "") for reason in CERTIFICATE["reasons"])
    assert ("−1" in written) == (winding is not None)
