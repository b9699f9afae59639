"""`topovae reproduce`: a table on stdout, as JSON and in a file, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from topovae.reproduction.experiment import ExperimentBudget
from topovae.reproduction.experiments import EXPERIMENTS


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of an experiment that takes a moment."""
    budget = ExperimentBudget(seeds=1, n=100, options={"epochs": 1, "hidden": "8", "init": "random"})
    known = EXPERIMENTS["embedding-toy"]
    monkeypatch.setitem(EXPERIMENTS, known.name, replace(known, rows=known.rows[:2], figures=("ELBO", "KL"), quick=budget))
    return known.name


def test_the_list_names_every_experiment(tool: Any) -> None:
    shown = tool("reproduce", "--list")
    assert shown.code == 0 and [name for name in EXPERIMENTS if name not in shown.out.decode()] == []
    listed = tool("reproduce", "--list", "--json").json()
    assert [row["name"] for row in listed["experiments"]] == list(EXPERIMENTS)


def test_a_table_is_printed_kept_and_not_made_again(tool: Any, small: str) -> None:
    words = ("reproduce", small, "--seed", 7, "-o", "table.h5")
    made = tool(*words)
    assert made.code == 0 and "table.h5 (2 trials)" in made.err
    shown = made.out.decode()
    assert all(words in shown for words in ("183.98±11.66", "published", "ours", "what differs:"))
    document = tool(*words, "--json", "--quiet").json()
    assert document["schema"] == "topovae/reproduction/1" and document["seeds"] == [7]
    assert [row["seeds"] for row in document["rows"]] == [1, 1]
    described = tool("inspect", "table.h5", "--json").json()
    assert (described["kind"], described["trials"]) == ("reproduction", 2)
    assert tool("inspect", "table.h5", "--field", "reproduction/json/trials/0/seed").json() == 7
    other = tool("reproduce", small, "--seed", 8, "-o", "table.h5")
    assert other.code == 4 and "seeds (was [7], now [8])" in other.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "expected an experiment"),
        (("nothing",), 2, "there is no experiment 'nothing'"),
        (("klein-filters", "--budget", "small"), 2, "--budget small: expected one of quick, full"),
        (("klein-filters", "--engine", "boat"), 2, "boat"),
        (("diffusion-mnist",), 3, "give the folder of its four files as --data"),
        (("diffusion-mnist", "--data", "."), 3, "holds no train-images-idx3-ubyte"),
    ],
)
def test_what_cannot_be_done_is_said_before_the_work(words: tuple[str, ...], code: int, said: str, tool: Any) -> None:
    done = tool("reproduce", *words)
    assert done.code == code and said in " ".join(done.err.split()) and done.out == b""


def test_a_file_of_another_kind_is_kept(tool: Any, small: str, run: Path) -> None:
    before = run.read_bytes()
    done = tool("reproduce", small, "-o", run)
    assert done.code == 3 and "is no reproduction" in done.err and run.read_bytes() == before
