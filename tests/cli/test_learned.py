"""Learned priors in the commands: where the diagnosis names no space, and by name."""

from __future__ import annotations

import io
from pathlib import Path

import h5py
import numpy as np
import pytest
from support.tool import Tool

from topovae.data.synthetic.spaces import generate
from topovae.runs.estimator import TopoVAE

N = 400


@pytest.fixture(scope="module")
def eight(session_tool: Tool) -> Path:
    """A figure eight in 8 dimensions: two loops at one point, which no product or quotient matches."""
    path = session_tool.folder / "eight.npy"
    np.save(path, generate("figure-eight", N, ambient=8, noise=0.03, seed=7).x)
    return path


@pytest.fixture(scope="module")
def run(session_tool: Tool, eight: Path) -> Path:
    made = session_tool("train", eight, "--epochs", 25, "-o", "eight.h5", "--baseline")
    assert made.code == 0, made.err
    (line,) = [line for line in made.err.splitlines() if line.startswith("diagnosis: none")]
    assert "so the latent is learned(R2,M=2,anchors=1) (intrinsic dimension 1, circular coordinates 2; 320 rows" in line
    assert "operators along 2 of their circles" in made.err
    return session_tool.folder / "eight.h5"


def test_strict_refuses_instead(eight: Path, tool: Tool) -> None:
    refused = tool("train", eight, "--strict", "-o", "no.h5")
    assert refused.code == 2 and "--strict asks for one; the nearest candidates are" in refused.err
    assert not (tool.folder / "no.h5").exists()


def test_evaluate_says_what_applies(run: Path, eight: Path, tool: Tool) -> None:
    judged = tool("evaluate", run, eight, "--json", "--iwae", 4, "--plot", "page.png").json()
    assert judged["latent"] == "learned(R2,M=2,anchors=1)"
    assert judged["certificate"]["verdict"] == "not applicable" and judged["certificate"]["reasons"]
    assert [one["operator"] for one in judged["operators"]] == [0, 1]
    for found in (judged["samples"], judged["baseline"]["samples"]):
        assert 0 <= found["off_data"] <= 1 and 0 <= found["coverage"] <= 1
    assert judged["test"]["iwae"] > judged["test"]["elbo"]
    shown = tool("evaluate", run, eight, "--iwae", 0)
    assert "certificate: not applicable" in shown.out.decode() and "operator 1 of learned" in shown.out.decode()
    assert "off the data" in shown.out.decode()


def test_a_run_goes_through_the_other_commands(run: Path, eight: Path, tool: Tool) -> None:
    assert tool("encode", run, "-i", eight, "-o", "z.npy").code == 0
    assert tool("decode", run, "-i", "z.npy", "-o", "y.npy").code == 0
    assert np.load(tool.folder / "y.npy").shape == (N, 8)
    assert tool("sample", run, "-n", 30, "--with-coordinates", "-o", "new.npz").code == 0
    assert np.load(tool.folder / "new.npz")["z"].shape == (30, 2)
    assert tool("plot", run, eight, "-o", "run.svg").code == 0
    with h5py.File(run) as file:
        assert file["analysis/coordinates/circles"].shape == (N, 2)
        assert file["analysis/coordinates/start"].shape == (N, 2)


def test_paths_follow_the_operators(run: Path, tool: Tool) -> None:
    orbit = tool("traverse", run, "--operator", 1, "-n", 9, "--format", "npz", "--plot", "orbit.gif")
    assert orbit.code == 0 and dict(np.load(io.BytesIO(orbit.out)))["x"].shape == (9, 8)
    between = tool("traverse", run, "--from", 0, "--to", 5, "-n", 9, "--format", "npz")
    assert between.code == 0 and "the operators lead to within" in between.err and "converged" in between.err
    path = dict(np.load(io.BytesIO(between.out)))["z"]
    with h5py.File(run) as file:
        places = [
            (file[f"latents/{split}/index"][()], file[f"latents/{split}/location"][()]) for split in ("train", "valid", "test")
        ]
    for row, found in ((0, path[0]), (5, path[-1])):
        (known,) = (locations[index == row][0] for index, locations in places if (index == row).any())
        np.testing.assert_allclose(found, known, atol=1e-5)
    refused = tool("traverse", run, "--operator", 2)
    assert refused.code == 2 and "it has operators 0 to 1" in refused.err


def test_the_published_estimator_stands_beside_the_proper_bound(run: Path, eight: Path, tool: Tool) -> None:
    words = ("--iwae", 2, "--no-certificate", "--estimator")
    judged = tool("evaluate", run, eight, *words, "published", "--json").json()["published_estimator"]
    assert judged["draws"] == 2 and judged["samples"] == N // 10 and not judged["by_label"]
    assert all(np.isfinite(judged[name]) for name in ("log_likelihood", "elbo", "nll", "iwae"))
    shown = tool("evaluate", run, eight, *words, "published").out.decode()
    assert "published estimator on 40 test samples" in shown and "bounds no likelihood" in " ".join(shown.split())
    assert tool("evaluate", run, eight, "--iwae", 0, "--no-certificate", "--json").json()["published_estimator"] is None
    refused = tool("evaluate", run, eight, *words, "best")
    assert refused.code == 2 and "expected published" in refused.err


def test_a_circle_keeps_one_operator_of_three_and_every_command_says_so(tool: Tool) -> None:
    angle = np.random.default_rng(7).uniform(0, 2 * np.pi, N)
    np.save(
        tool.folder / "ring.npy",
        np.stack([np.cos(angle), np.sin(angle), 0 * angle], 1) + 0.03 * np.random.default_rng(8).normal(size=(N, 3)),
    )
    made = tool("train", "ring.npy", "--latent", "learned(R2,M=3)", "--epochs", 8, "-o", "ring.h5")
    assert made.code == 0, made.err
    (line,) = [line for line in made.err.splitlines() if "pruned" in line]
    assert line.endswith("pruned from learned(R2,M=3,anchors=6): 1, 2; still there: 0")
    judged = tool("evaluate", "ring.h5", "--json", "--iwae", 0, "--no-certificate").json()
    assert [(one["used"], one["pruned"]) for one in judged["operators"]] == [(True, False), (False, True), (False, True)]
    assert "pruned" in tool("evaluate", "ring.h5", "--iwae", 0, "--no-certificate").out.decode()
    assert tool("traverse", "ring.h5", "--operator", 0, "-n", 5, "-o", "t.npy").code == 0
    refused = tool("traverse", "ring.h5", "--operator", 2)
    assert refused.code == 2 and "it was pruned" in refused.err


def test_other_latents_have_no_operator(eight: Path, tool: Tool) -> None:
    assert tool("train", eight, "--latent", "R2", "--epochs", 1, "-o", "plane.h5").code == 0
    refused = tool("traverse", "plane.h5", "--operator", 0)
    assert refused.code == 2 and "only latents such as learned(R2) have operators" in refused.err
    refused = tool("evaluate", "plane.h5", "--estimator", "published")
    assert refused.code == 2 and "it is of transport operators alone" in refused.err


def test_a_sweep_compares_it_with_others(eight: Path, tool: Tool) -> None:
    words = ("--latents", "learned(R2),R2", "--betas", 1, "--seeds", 2, "--epochs", 8)
    done = tool("sweep", eight, *words, "-o", "sweep.h5", "--json").json()
    assert [one["latent"] for one in done["runs"]] == ["learned(R2,M=1,anchors=6)"] * 2 + ["R2"] * 2


def test_the_python_api_follows(eight: Path) -> None:
    x = np.load(eight)
    model = TopoVAE(latent="learned(R2)", epochs=3).fit(x)
    assert model.transform(x).shape == (N, 2) and model.certificate(x)["verdict"] == "not applicable"
    assert model.traverse(operator=0, n=5).x.shape == (5, 8)


WRONG = {"learned(S1)": "a prior is learned on R", "learned(R2,M=99)": "M=99, expected between", "learned(R2)x": "ends here"}


@pytest.mark.parametrize("latent", WRONG)
def test_expressions_that_mean_nothing_are_refused(eight: Path, tool: Tool, latent: str) -> None:
    refused = tool("train", eight, "--latent", latent)
    assert refused.code == 2 and WRONG[latent] in refused.err


def test_a_training_that_diverges_keeps_its_last_epoch(eight: Path, tool: Tool) -> None:
    done = tool("train", eight, "--latent", "learned(R2)", "--epochs", 3, "--learning-rate", 50, "-o", "wild.h5")
    assert done.code == 1 and "training diverged in epoch" in done.err and "The last whole epoch is kept" in done.err
    assert tool("inspect", "wild.h5", "--json").json()["latent"] == "learned(R2,M=1,anchors=6)"


def test_other_ways_to_begin(eight: Path, tool: Tool) -> None:
    for number, words in enumerate([("learned(R2)", "--init", "random"), ("learned(R5,M=3,anchors=2)xS1",), ("learned(R)",)]):
        done = tool("train", eight, "--latent", *words, "--epochs", 2, "-o", f"{number}.h5", "--json")
        assert done.code == 0 and np.isfinite(done.json()["test"]["elbo"]), done.err


def test_the_page_of_a_run_says_what_to_do_instead_of_certifying(run: Path, tool: Tool) -> None:
    made = tool("report", run, "-o", "page.html")
    assert made.code == 0, made.err
    page = (tool.folder / "page.html").read_text(encoding="utf-8")
    assert "not applicable" in page and "traverse --operator" in page
