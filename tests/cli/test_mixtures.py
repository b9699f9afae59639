"""Mixtures in the commands: every one of them takes a run of two circles as it takes others."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from support.tool import Tool

from topovae.data.synthetic.spaces import generate

N = 150


@pytest.fixture(scope="module")
def circles(session_tool: Tool) -> Path:
    """Two circles in 6 dimensions, N samples each."""
    parts = [generate("circle", N, ambient=6, noise=0.02, seed=seed).x + 2 * seed for seed in (0, 1)]
    path = session_tool.folder / "circles.npy"
    np.save(path, np.concatenate(parts))
    return path


@pytest.fixture(scope="module")
def mixed(session_tool: Tool, circles: Path) -> Path:
    made = session_tool("train", circles, "--epochs", 40, "-o", "mixed.h5", "--baseline", "--plot", "mixed.png")
    assert made.code == 0, made.err
    assert "so the latent is mixture(2*S1)" in made.err and "start of component 1 (S1," in made.err
    return session_tool.folder / "mixed.h5"


@pytest.mark.slow
def test_a_run_of_a_mixture_goes_through_every_command(mixed: Path, circles: Path, tool: Tool) -> None:
    judged = tool("evaluate", mixed, circles, "--json", "--plot", "page.png").json()
    assert judged["latent"] == "mixture(2*S1)" and set(judged["test"]["kl_per_factor"]) == {"0.S1", "1.S1", "component"}
    assert judged["certificate"]["purity"] == 1 and len(judged["certificate"]["components"]) == 2
    assert judged["test"]["elbo"] > judged["baseline"]["test"]["elbo"]
    assert (tool.folder / "page.png").stat().st_size > 10_000
    assert tool("encode", mixed, "-i", circles, "--with-component", "-o", "z.npz").code == 0
    found = np.load(tool.folder / "z.npz")
    assert (np.bincount(found["component"][:N], minlength=2) == N).sum() == 1
    np.testing.assert_array_equal(found["z"][:, 0], found["component"])
    np.testing.assert_array_equal(found["component_probability"].argmax(1), found["component"])
    assert tool("encode", mixed, "-i", circles, "-o", "z.npy").code == 0
    assert tool("decode", mixed, "-i", "z.npy", "-o", "y.npy").code == 0
    assert np.abs(np.load(tool.folder / "y.npy") - np.load(circles)).mean() < 0.2
    assert tool("sample", mixed, "-n", 40, "--with-coordinates", "-o", "new.npz").code == 0
    assert set(np.load(tool.folder / "new.npz")["z"][:, 0]) == {0, 1}
    assert tool("plot", mixed, "-o", "alone.svg").code == 0
    assert json.loads(tool("inspect", mixed, "--json").out)["latent"] == "mixture(2*S1)"
    with h5py.File(mixed) as file:
        rows = file["latents/test/component"].shape[0]
        assert file["latents/test/component_probability"].shape == (rows, 2)
        assert set(file["analysis/coordinates/component"][()]) == {-1, 0, 1}


def test_points_on_no_component_are_refused(mixed: Path, tool: Tool) -> None:
    np.save(tool.folder / "z.npy", np.array([[0, 0.1], [2, 0.1]], dtype=np.float32))
    refused = tool("decode", mixed, "-i", "z.npy", "-o", "y.npy")
    assert refused.code == 3 and "row 1 is" in refused.err and not (tool.folder / "y.npy").exists()


def test_components_of_a_report_are_taken_and_trained_alone(circles: Path, tool: Tool) -> None:
    said = tool("analyze", circles, "-o", "report.h5")
    assert said.code == 0 and "train with --latent 'mixture(S1,S1)'" in said.out.decode()
    table = "report.h5::analysis/coordinates/component"
    alone = tool("train", circles, "--components", table, "--component", 1, "--epochs", 3, "-o", "one.h5")
    assert alone.code == 0 and f"component 1 alone: {N} of {2 * N} samples" in alone.err, alone.err
    assert tool("evaluate", "one.h5", "--json").json()["latent"] == "S1"
    wrong = tool("train", circles, "--latent", "S1", "--component", 7, "--components", table, "-o", "two.h5")
    assert wrong.code == 2 and "the data have the components 0, 1" in wrong.err and not (tool.folder / "two.h5").exists()


def test_a_sweep_compares_a_mixture_with_others(circles: Path, tool: Tool) -> None:
    words = ("--latents", "mixture(2*circle),R2", "--betas", 1, "--seeds", 2, "--epochs", 20)
    done = tool("sweep", circles, *words, "-o", "sweep.h5", "--json").json()
    assert [run["latent"] for run in done["runs"]] == ["mixture(2*S1)"] * 2 + ["R2"] * 2
    assert done["winners"][0]["latent"] == "mixture(2*S1)"


def test_the_components_of_a_report_start_the_mixture_that_is_taken_from_it(circles: Path, tool: Tool) -> None:
    assert tool("analyze", circles, "-o", "report.h5").code == 0
    taken = tool("train", circles, "--analysis", "report.h5", "--epochs", 2, "-o", "taken.h5")
    assert taken.code == 0, taken.err
    with h5py.File(tool.folder / "taken.h5") as run, h5py.File(tool.folder / "report.h5") as report:
        np.testing.assert_array_equal(run["analysis/coordinates/component"], report["analysis/coordinates/component"])
        known = np.isfinite(run["analysis/coordinates/start"][()]).all(1)
        assert known.mean() > 0.95  # of all rows, not of the training split alone
