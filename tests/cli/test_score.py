"""`topovae score`: log-densities of rows, in the units of the file, in every format."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from topovae import load
from topovae.store.reader import read_run


@pytest.fixture(scope="module")
def scores(session_tool: Any, run: Path, circle: Path) -> np.ndarray:
    """Those of the circle's samples."""
    done = session_tool("score", run, circle, "--iwae", 16, "--seed", 3)
    assert done.code == 0 and done.err == ""
    return np.load(io.BytesIO(done.out))


def test_the_mean_of_a_split_is_what_evaluate_says(scores: np.ndarray, session_tool: Any, run: Path) -> None:
    document = session_tool("evaluate", run, "--json", "--iwae", 64, "--no-certificate").json()
    test = scores[read_run(run).split["test"]]
    assert scores.shape == (200,) and scores.dtype == np.float64
    assert test.mean() == pytest.approx(document["test"]["iwae"], abs=0.5)
    assert test.mean() > document["test"]["elbo"] - 0.5


@pytest.mark.parametrize("form", ["csv", "jsonl", "npz", "h5"])
def test_equal_seeds_give_equal_scores_in_every_format(
    form: str, scores: np.ndarray, tool: Any, run: Path, circle: Path
) -> None:
    name = f"scores.{form}"
    assert tool("score", run, circle, "--iwae", 16, "--seed", 3, "-o", name).code == 0
    content = (tool.folder / name).read_bytes()
    if form == "csv":
        found = np.loadtxt(io.BytesIO(content), skiprows=1)
    elif form == "jsonl":
        found = np.array([float(line.split(b": ")[1].rstrip(b"}")) for line in content.splitlines()])
    elif form == "npz":
        found = np.load(io.BytesIO(content))["log_density"]
    else:
        import h5py

        with h5py.File(io.BytesIO(content)) as file:
            found = file["log_density"][()]
    np.testing.assert_allclose(found, scores, rtol=1e-8)


def test_outliers_have_the_lowest_scores(tool: Any, run: Path, circle: Path) -> None:
    x = np.load(circle)["x"][:20]
    np.save(tool.folder / "x.npy", np.concatenate([x, x + 1.0]))
    found = load(run).log_prob(tool.folder / "x.npy", iwae=8)
    assert found[:20].min() > found[20:].max()


def test_densities_are_those_by_the_units_of_the_file(tool: Any, circle: Path) -> None:
    x = np.load(circle)["x"].astype(np.float64)
    unit = np.array([1.0, 10.0, 0.1, 1.0, 5.0, 2.0])
    for name, factor in (("plain", np.ones(6)), ("scaled", unit)):
        np.savetxt(tool.folder / f"{name}.csv", x * factor, delimiter=",", header="a,b,c,d,e,f", comments="")
        words = ("--latent", "S1", "--scale", "columns", "--init", "random", "--epochs", 3, "-o", f"{name}.h5")
        assert tool("train", f"{name}.csv", *words).code == 0
        assert tool("score", f"{name}.h5", f"{name}.csv", "-o", f"{name}.npy").code == 0
    plain, scaled = (np.load(tool.folder / f"{name}.npy") for name in ("plain", "scaled"))
    # By a change of variables: the same model of the same columns in other units.
    np.testing.assert_allclose(scaled, plain - np.log(unit).sum(), atol=0.05)


def test_rows_of_another_kind_are_refused(tool: Any, run: Path) -> None:
    np.save(tool.folder / "x.npy", np.zeros((3, 5)))
    done = tool("score", run, "x.npy", "-o", "s.csv")
    assert done.code == 4 and "have (5,)" in done.err
    assert tool("score", run, "x.npy", "--iwae", 0).code == 2
    assert not (tool.folder / "s.csv").exists()
