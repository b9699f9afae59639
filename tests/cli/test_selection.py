"""Choices of columns, from the first look to new data: a run does to others what was done to its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import topovae

N = 300
rng = np.random.default_rng(0)
ANGLE = rng.uniform(0, 2 * np.pi, N)
X = np.column_stack([rng.normal(size=N) * 0.1 + 5, 300 * np.cos(ANGLE), np.sin(ANGLE)])


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("selection") / "log.csv"
    lines = [",seconds,kind,noise,x,y"]
    lines += [f"{i},{i * 0.1:.1f},{'ab'[i % 2]}," + ",".join(f"{v:.6f}" for v in row) for i, row in enumerate(X)]
    path.write_text("\n".join(lines) + "\n")
    return path


CHOICES = ("--drop", "seconds,noise", "--label", "kind", "--scale", "columns")


def test_what_is_left_out_is_said_and_what_is_chosen_is_not(table: Path, tool: Any) -> None:
    said = tool("analyze", str(table), "--json").err
    assert "index" in said and "--label kind" in said and "column seconds of" in said and "columns seconds, x of" in said
    done = tool("analyze", str(table), *CHOICES, "--json")
    assert "kind" not in done.err and "seconds" not in done.err
    assert json.loads(done.out)["recommendation"]["latent"] == "S1"


def test_inspect_names_the_columns_and_what_is_left_out(table: Path, tool: Any) -> None:
    found = tool("inspect", str(table), "--json").json()
    assert found["columns"] == ["seconds", "noise", "x", "y"] and found["shape"] == [N, 4]
    assert "index" in found["left_out"][0] and "`kind`" in found["left_out"][1]


def test_a_run_does_to_new_data_what_was_done_to_its_own(table: Path, tool: Any, tmp_path: Path) -> None:
    run = tmp_path / "run.h5"
    done = tool(
        "train", str(table), *CHOICES, "--latent", "S1", "--epochs", "3", "-o", str(run), "--plot", str(tmp_path / "a.png")
    )
    assert done.code == 0, done.err
    assert topovae.load(run).run_.header.config["selection"]["center"] == pytest.approx(X[:, 1:].mean(0), abs=1e-5)
    # the same columns without the others, in the units of the file
    np.savetxt(tmp_path / "new.csv", X[:, 1:], fmt="%.6f", delimiter=",", header="x,y", comments="")
    codes = [
        np.loadtxt(tool("encode", str(run), "-i", str(place), "--format", "csv").out.decode().splitlines()[1:])
        for place in (table, tmp_path / "new.csv")
    ]
    np.testing.assert_array_equal(*codes)
    loaded = topovae.load(run)
    np.testing.assert_allclose(loaded.transform(X[:, 1:])[:, 0], codes[0], atol=1e-4)
    np.testing.assert_allclose(loaded.transform(table)[:, 0], codes[0], atol=1e-6)
    drawn = np.loadtxt(tool("sample", str(run), "-n", "500", "--format", "csv").out.decode().splitlines()[1:], delimiter=",")
    np.testing.assert_allclose(drawn.mean(0), X[:, 1:].mean(0), atol=0.5 * X[:, 1:].std(0).max())
    assert drawn[:, 0].std() > 20 * drawn[:, 1].std()  # in the units of the file, where x has 300 times the spread
    evaluated = tool("evaluate", str(run), "--json", "--no-certificate", "--iwae", "0")
    assert evaluated.code == 0, evaluated.err


def test_resume_needs_the_same_choices(table: Path, tool: Any, tmp_path: Path) -> None:
    run = str(tmp_path / "run.h5")
    base = ("train", str(table), "--latent", "S1", "--epochs", "2", "-o", run)
    assert tool(*base, *CHOICES).code == 0
    other = tool(*base, *CHOICES[:-2], "--resume")
    assert other.code == 4 and "selection" in other.err
    assert tool(*base, *CHOICES, "--resume").code == 0


@pytest.mark.slow
def test_a_sweep_takes_the_columns_too(table: Path, tool: Any, tmp_path: Path) -> None:
    common = ("--latents", "S1", "--betas", "1", "--seeds", "2", "--epochs", "1", "--jobs", "2", "-o", str(tmp_path / "s.h5"))
    done = tool("sweep", str(table), *CHOICES, *common)
    assert done.code == 0, done.err


def test_a_choice_that_is_none_is_one_line(table: Path, tool: Any) -> None:
    for words in (("--drop", "nothing"), ("--scale", "rows"), ("--columns", "kind,x")):
        done = tool("analyze", str(table), *words)
        assert done.code in (2, 3) and "Traceback" not in done.err
