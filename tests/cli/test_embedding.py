"""Learned embeddings in the commands: all but training goes by the run file alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.tool import Tool

from topovae.store.reader import read_run


@pytest.fixture(scope="module")
def run(session_tool: Tool, circle: Path) -> Path:
    made = session_tool("train", circle, "--latent", "embedding(circle)", "--epochs", 12, "-o", "embedded.h5")
    assert made.code == 0, made.err
    assert "by cohomology" in made.err
    return session_tool.folder / "embedded.h5"


def test_the_map_and_its_quality_are_in_the_run_file(run: Path) -> None:
    model = read_run(run).model
    assert model.latent == "embedding(circle)"
    mmd, coverage, off, injectivity = model.state["space.factors.0.measured"]
    assert coverage > 0.97 and off < 0.03 and injectivity > 0.8 and 0 <= mmd < 0.1


def test_evaluate_certifies_where_it_leads(run: Path, circle: Path, tool: Tool) -> None:
    judged = tool("evaluate", run, circle, "--json", "--iwae", 4).json()
    (found,) = judged["embeddings"]
    assert found["factor"] == "embedding(circle)" and found["coverage"] > 0.97
    assert judged["certificate"]["verdict"] in ("homeomorphic", "undecided") and judged["certificate"]["degree"] in (-1, 1)
    assert np.isfinite(judged["test"]["iwae"])
    assert "the map of embedding(circle) covers" in tool("evaluate", run, circle, "--no-certificate").out.decode()


def test_a_run_goes_through_the_other_commands(run: Path, circle: Path, tool: Tool) -> None:
    assert tool("encode", run, "-i", circle, "-o", "z.npy").code == 0
    z = np.load(tool.folder / "z.npy")
    assert z.shape == (200, 1) and z.min() >= 0 and z.max() <= 1
    assert tool("decode", run, "-i", "z.npy", "-o", "y.npy").code == 0
    assert tool("sample", run, "-n", 30, "-o", "new.npy").code == 0
    assert np.isfinite(np.load(tool.folder / "new.npy")).all()
    for words in (("--from", 0, "--to", 5), ("--loop", 0)):
        assert tool("traverse", run, *words, "-n", 9, "-o", "way.npy").code == 0, words
    assert tool("score", run, circle, "--iwae", 4, "-o", "score.csv").code == 0
    assert tool("plot", run, circle, "-o", "run.svg").code == 0
    assert tool("report", run, circle, "-o", "run.html").code == 0


def test_points_of_a_file_are_needed_for_training_alone(circle: Path, tool: Tool) -> None:
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 600)
    points = tool.folder / "points.npy"
    np.save(points, np.column_stack([2 * np.cos(angle), np.sin(angle)]).astype(np.float32))
    made = tool("train", circle, "--latent", "embedding(points.npy)", "--epochs", 2, "-o", "points.h5", "--json")
    assert made.code == 0 and made.json()["latent"] == "embedding(points.npy,dim=1,columns=2)", made.err
    points.unlink()
    assert tool("sample", "points.h5", "-n", 3, "-o", "new.npy").code == 0
    judged = tool("evaluate", "points.h5", circle, "--json").json()
    assert judged["certificate"]["verdict"] == "not applicable" and judged["embeddings"][0]["coverage"] > 0.97
    missing = tool("train", circle, "--latent", "embedding(points.npy)", "-o", "none.h5")
    assert missing.code == 3 and "points.npy" in missing.err
    np.save(points, np.zeros((9, 2), np.float32) + np.arange(9)[:, None])
    few = tool("train", circle, "--latent", "embedding(points.npy)", "-o", "none.h5")
    assert few.code == 3 and "9 points" in few.err


def test_a_sweep_compares_it_with_others(circle: Path, tool: Tool) -> None:
    words = ("--latents", "embedding(circle),S1", "--betas", 1, "--seeds", 2, "--epochs", 3)
    done = tool("sweep", circle, *words, "-o", "sweep.h5", "--json").json()
    assert [one["latent"] for one in done["runs"]] == ["embedding(circle)"] * 2 + ["S1"] * 2
    assert all(np.isfinite(one["elbo"]) for one in done["runs"])
