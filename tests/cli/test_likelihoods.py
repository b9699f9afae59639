"""Data with the likelihood that they have: counts and rows with outliers, from the shell."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from topovae.runs.estimator import TopoVAE
from topovae.store.reader import read_run

CELLS = 16
WORDS = ("--latent", "S1", "--epochs", 15, "--batch-size", 32)


def recording(n: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Directions (n,), and spikes of cells that are tuned to them (n, CELLS)."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, n)
    preferred = 2 * np.pi * np.arange(CELLS) / CELLS
    return angle, rng.poisson(0.3 + 8 * np.exp(3 * (np.cos(angle[:, None] - preferred) - 1))).astype(np.float32)


@pytest.fixture(scope="module")
def spikes(session_tool: Any) -> Path:
    path = session_tool.folder / "spikes.npy"
    np.save(path, recording()[1])
    return path


@pytest.fixture(scope="module")
def counted(session_tool: Any, spikes: Path) -> Path:
    """A run on counts whose likelihood is chosen."""
    done = session_tool("train", spikes, *WORDS, "--exposure", 0.5, "-o", "spikes.h5")
    assert done.code == 0 and "likelihood: poisson" in done.err, done.err
    return session_tool.folder / "spikes.h5"


def test_counts_are_trained_as_counts_and_as_they_were_chosen(counted: Path) -> None:
    run = read_run(counted)
    assert run.header.config["likelihood"] == run.model.config["model"]["likelihood"] == "poisson"
    assert run.model.config["model"]["exposure"] == 0.5
    assert run.model.final["test"]["nll"] < 2.5 * CELLS  # nats a row; a Poisson count of mean 8 has an entropy of 2.4


def test_numbers_that_are_no_counts_are_gaussian(tool: Any, squares: Path) -> None:
    done = tool("train", squares, "--latent", "R", "--epochs", 1, "-o", "run.h5")
    assert done.code == 0 and "likelihood" not in done.err
    assert read_run(tool.folder / "run.h5").header.config["likelihood"] == "gaussian"


def test_a_run_of_a_chosen_likelihood_goes_on(tool: Any, spikes: Path) -> None:
    words = ("train", spikes, "--latent", "R2", "--batch-size", 32, "-o", "run.h5")
    assert tool(*words, "--epochs", 2).code == 0
    assert tool(*words, "--epochs", 3, "--resume").code == 0
    assert read_run(tool.folder / "run.h5").model.history["epoch"].tolist() == [1, 2, 3]
    assert tool(*words, "--epochs", 3, "--resume", "--likelihood", "gaussian").code == 4


def test_rates_are_counts_for_a_unit_of_exposure(session_tool: Any, counted: Path, run: Path) -> None:
    stream = io.BytesIO()
    np.save(stream, np.linspace(-3, 3, 5)[:, None])
    made = [session_tool("decode", counted, *words, stdin=stream.getvalue()).out for words in ((), ("--rates",))]
    counts, rates = (np.load(io.BytesIO(content)) for content in made)
    np.testing.assert_allclose(rates, counts / 0.5)
    refused = session_tool("decode", run, "--rates", stdin=stream.getvalue())
    assert refused.code == 2 and "--rates" in refused.err and "gaussian" in refused.err


def test_samples_with_noise_are_data_and_without_are_means(session_tool: Any, counted: Path) -> None:
    x = [np.load(io.BytesIO(session_tool("sample", counted, "-n", 400, *w).out)) for w in ((), ("--with-noise",))]
    assert (x[0] != np.round(x[0])).any() and (x[1] == np.round(x[1])).all() and (x[1] >= 0).all()
    errors = np.sqrt(np.maximum(x[0], 1e-3).mean(0) / len(x[0]))  # the counts are drawn at the points of the means
    assert (np.abs(x[1].mean(0) - x[0].mean(0)) < 5 * errors).all()


@pytest.mark.parametrize("likelihood", ["poisson", "negative-binomial", "student"])
def test_each_is_trained_evaluated_and_swept(session_tool: Any, spikes: Path, likelihood: str) -> None:
    place, words = f"{likelihood}.h5", ("--likelihood", likelihood, "--init", "random", "--epochs", 3, "--batch-size", 32)
    trained = session_tool("train", spikes, "--latent", "S1", *words, "-o", place, "--baseline", "--json").json()
    found = session_tool("evaluate", place, "--iwae", 16, "--no-certificate", "--json").json()
    assert found["test"]["nll"] == pytest.approx(trained["test"]["nll"], rel=0.02)
    assert found["test"]["elbo"] <= found["test"]["iwae"] + 1 and np.isfinite(found["baseline"]["test"]["iwae"])
    swept = session_tool("sweep", spikes, "--latents", "S1", "--betas", 1, "--seeds", 1, *words, "-o", f"s-{place}", "--json")
    assert swept.json()["runs"][0]["elbo"] == pytest.approx(trained["test"]["elbo"], abs=0.05)


def test_a_sweep_says_which_likelihood_it_takes(tool: Any, spikes: Path) -> None:
    words = ("sweep", spikes, "--latents", "R,R2", "--betas", 1, "--seeds", 1, "--epochs", 1, "-o", "sweep.h5")
    done = tool(*words)
    assert done.code == 0 and "likelihood: poisson" in done.err
    assert tool(*words).code == 0
    other = tool(*words, "--likelihood", "gaussian")
    assert other.code == 4 and "likelihood (was poisson, now gaussian)" in other.err


def test_the_python_api_counts_too() -> None:
    _, x = recording(120)
    model = TopoVAE("S1", epochs=2, init="random", likelihood="negative-binomial", dispersion=0.3).fit(x)
    drawn = model.sample(50, noise=True)
    assert (drawn == np.round(drawn)).all() and model.score(x) < 0
    assert TopoVAE("S1", epochs=1, init="random").fit(x).model_.config.likelihood == "poisson"
    assert TopoVAE("S1", epochs=1, init="random").fit(x + 0.5).model_.config.likelihood == "gaussian"
