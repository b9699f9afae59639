"""The page of a run: every point of a scene has its colour, and a comparison says what its interval says."""

from __future__ import annotations

import numpy as np
import pytest

from topovae.evaluation.metrics import SampleTerms
from topovae.evaluation.paired import compare_terms
from topovae.runs.report import _scenes, compared
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


def terms(elbo: np.ndarray) -> SampleTerms:
    return SampleTerms(-elbo, np.zeros((len(elbo), 1)), np.zeros(len(elbo)), None)


@pytest.mark.parametrize(
    ("difference", "said"),
    [
        ([1.0, 2.0, 3.0, 2.0], "2 nats above that of other (95 % interval of the difference: 0.701 to 3.3): ours fits"),
        ([-1.0, -2.0, -3.0, -2.0], "2 nats below that of other (95 % interval of the difference: -3.3 to -0.701): other fits"),
        (
            [1.0, -1.0, 2.0, -1.0],
            "0.25 nats above that of other (95 % interval of the difference: -2.14 to 2.64), which may be",
        ),
        ([1.0], "1 nats above that of other; a single draw"),
    ],
    ids=["better", "worse", "either", "single"],
)
def test_the_words_of_a_comparison_follow_from_its_interval(difference: list[float], said: str) -> None:
    ours = np.array(difference)
    found = compare_terms(terms(ours), terms(np.zeros(len(ours)))).to_dict()
    words = compared(found, "ours", "other")
    assert words.startswith(f"On the {len(ours)} samples that both held out, the mean ELBO of ours is {said}")
    groups = compare_terms(terms(ours), terms(np.zeros(len(ours))), np.arange(len(ours)) // 2).to_dict()
    assert f" samples of {(len(ours) + 1) // 2} groups that both" in compared(groups, "ours", "other")
