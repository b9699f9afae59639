"""What the summary says of findings whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from topovae.data.synthetic.spaces import generate
from topovae.homology import Analysis, analyze

SAID = {
    "circle": "the homotopy type of a circle",
    "disk": "contractible",
    "figure-eight": "a wedge of 2 circles",
}


@pytest.mark.parametrize("space", SAID)
def test_the_homotopy_type_is_said(space: str) -> None:
    assert SAID[space] in found(space).to_dict()["summary"][0]


def found(space: str) -> Analysis:
    return analyze(generate(space, 800, ambient=10, noise=0.02, seed=1).x, max_dim=1)


def test_none_says_why_each_near_candidate_fails() -> None:
    analysis = found("figure-eight")
    assert analysis.recommendation.name == "none"
    why = analysis.to_dict()["summary"][-1]
    assert why.startswith("no candidate is near enough. Nearest: ") and "against" in why


def test_components_are_named_one_by_one() -> None:
    x = generate("circle", 800, ambient=10, noise=0.02, seed=1).x
    x[::2] += 20
    said = analyze(x).to_dict()["summary"]
    assert said[0].startswith("2 components, by themselves: circle, circle")
    assert [line.split(":")[0] for line in said[1:3]] == ["component 1", "component 2"]


def test_counts_are_said() -> None:
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, 800)
    cells = 2 * np.pi * np.arange(60) / 60
    rate = 4 * np.exp(2 * (np.cos(angle[:, None] - cells) - 1))
    said = analyze(rng.poisson(rate).astype(np.int64)).to_dict()
    assert said["preset"]["name"] == "counts"
    assert any("square roots" in line for line in said["summary"])
