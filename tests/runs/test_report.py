"""The page of a run: every point of a scene has its colour."""

from __future__ import annotations

import numpy as np
import pytest

from topovae.runs.report import _scenes
from topovae.signature import parse
from topovae.viz.latents import LatentPart
from topovae.viz.style import BLUE, Paint

POINTS = np.random.default_rng(0).normal(size=(30, 3))
POINTS /= np.linalg.norm(POINTS, axis=1, keepdims=True)
POINTS[4] = np.nan


@pytest.mark.parametrize("kind", ["none", "linear", "labels"])
def test_points_that_are_known_are_shown_in_their_colours(kind: str) -> None:
    part = LatentPart(parse("S2"), POINTS, np.arange(30), "S2")
    values = np.arange(30) % 3
    paint = {"none": Paint(None), "linear": Paint(values, "linear", "truth"), "labels": Paint(values, "labels", "kind")}[kind]
    (scene,) = _scenes(part, paint.of(part.rows))
    assert len(scene.points) == len(scene.colours) == 29 and np.isfinite(scene.points).all()
    if kind == "none":
        assert set(scene.colours) == {BLUE} and "coloured" not in scene.caption
    else:
        told = {colour: set(values[part.chosen][np.array(scene.colours) == colour]) for colour in scene.colours}
        assert len(told) == 3 and all(len(own) == 1 for own in told.values()) and f"coloured by {paint.name}" in scene.caption
