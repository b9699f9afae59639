"""Rows that are equal, repeated, huge or tiny: the answer of the plain rows, or one line that says why there is none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from support.tool import Tool

Change = Callable[[np.ndarray], np.ndarray]

SAME: dict[str, Change] = {
    "huge": lambda x: x * 1e30,
    "tiny": lambda x: x * 1e-30,
    "each twice": lambda x: np.concatenate([x, x]),
    "one of them 200 times more": lambda x: np.concatenate([x, np.repeat(x[:1], 200, axis=0)]),
    "with a constant column": lambda x: np.column_stack([x, np.full(len(x), 7.0)]),
}
REFUSED: dict[str, tuple[Change, str]] = {
    "constant": (lambda x: np.full_like(x, 2.5), "are equal"),
    "too tiny to square": (lambda x: x * 1e-300, "another unit"),
    "beyond single precision": (lambda x: x * 1e300, "expected finite numbers"),
}


def points() -> np.ndarray:
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, 200)
    return np.column_stack([np.cos(angle), np.sin(angle), np.zeros(200)]) + 0.02 * rng.standard_normal((200, 3))


@pytest.mark.parametrize("name", SAME)
def test_the_answer_and_the_training_are_those_of_a_circle(tool: Tool, name: str) -> None:
    np.save(tool.folder / "x.npy", SAME[name](points()))
    answer = tool("analyze", "x.npy", "--json", "-q")
    found = answer.json()
    assert (found["recommendation"]["name"], found["components"], answer.err) == ("circle", 1, "")
    assert 0 < found["recommendation"]["confidence"] <= 1
    trained = tool("train", "x.npy", "--latent", "S1", "--epochs", 2, "--json", "-q", "-o", "run.h5")
    assert np.isfinite(trained.json()["test"]["elbo"]) and trained.err == ""


@pytest.mark.parametrize("command", [("analyze", "x.npy"), ("train", "x.npy", "--latent", "S1", "--epochs", 2)])
@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_computed_with_is_refused(tool: Tool, name: str, command: tuple[object, ...]) -> None:
    change, words = REFUSED[name]
    np.save(tool.folder / "x.npy", change(points()))
    refused = tool(*command)
    assert refused.code == 3 and words in refused.err and refused.err.count("\n") == 1
    assert [entry.name for entry in tool.folder.iterdir()] == ["x.npy"]
