"""`topovae evaluate`: metrics against truth, baseline and other runs."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.run_files import edited

from topovae.store.reader import read_run

METRICS = {"rms", "nll", "kl", "kl_per_factor", "elbo", "iwae", "stress"}


def test_the_json_is_that_of_the_design(evaluation: Any) -> None:
    assert evaluation["schema"] == "topovae/evaluation/1" and evaluation["latent"] == "S1"
    assert evaluation["certificate"].keys() == {
        "verdict",
        "reasons",
        "winding",
        "degree",
        "injectivity",
        "coverage",
        "patches",
        "power",
    }
    # Of 200 samples a hole of 5 % would be missed.
    assert evaluation["certificate"]["verdict"] == "undecided" and "would be missed" in evaluation["certificate"]["reasons"][0]
    assert evaluation["certificate"]["degree"] in (-1, 1)
    assert evaluation["persistence"]["mean_h1_h2_bottleneck"] < 0.3
    assert evaluation["baseline"]["latent"] == "R"
    for document in (evaluation, evaluation["baseline"]):
        for part in ("train", "valid", "test"):
            assert document[part].keys() >= METRICS
    assert evaluation["train"]["iwae"] is None and isinstance(evaluation["test"]["iwae"], float)


def test_it_repeats_what_training_recorded(evaluation: Any, run: Path) -> None:
    stored = read_run(run)
    assert stored.baseline is not None
    for document, member in ((evaluation, stored.model), (evaluation["baseline"], stored.baseline)):
        for part in ("train", "valid", "test"):
            for name in ("rms", "nll", "kl", "elbo", "stress"):
                assert document[part][name] == pytest.approx(member.final[part][name], rel=1e-6), (part, name)


def test_a_matched_space_has_less_stress_than_the_baseline(evaluation: Any) -> None:
    assert evaluation["test"]["stress"] < evaluation["baseline"]["test"]["stress"]
    assert evaluation["test"]["recovery"][0]["circular_correlation"] > 0.9


def test_truth_from_another_file(tool: Any, run: Path, circle: Path, evaluation: Any) -> None:
    np.save(tool.folder / "truth.npy", np.load(circle)["truth"])
    words = ("--truth", "truth.npy", "--truth-space", "S1", "--iwae", 0, "--json", "--plot", "run.pdf")
    document = tool("evaluate", run, *words, "--no-certificate").json()
    assert document["certificate"] is None and document["persistence"] is None
    assert document["test"]["stress"] == pytest.approx(evaluation["test"]["stress"])
    assert document["test"]["iwae"] is None
    assert (tool.folder / "run.pdf").read_bytes().startswith(b"%PDF")


def test_against_another_run(tool: Any, run: Path, evaluation: Any) -> None:
    document = tool("evaluate", run, "--against", run, "--json", "--iwae", 16, "--seed", 3).json()
    reference = document.pop("baseline")
    assert reference == {"latent": "S1", **{part: evaluation[part] for part in ("train", "valid", "test", "samples")}}


def test_the_comparison_is_of_the_same_samples_as_the_metrics(evaluation: Any) -> None:
    found = evaluation["comparison"]
    assert (found["samples"], found["groups"], found["level"]) == (20, None, 0.95)
    for name, difference in found["differences"].items():
        metrics = [document["test"][name] for document in (evaluation, evaluation["baseline"])]
        assert difference["mean"] == pytest.approx(metrics[0] - metrics[1], abs=1e-6), name
        assert difference["low"] < difference["mean"] < difference["high"]


def test_a_run_does_not_differ_from_itself(tool: Any, run: Path) -> None:
    words = ("evaluate", run, "--against", run, "--iwae", 2, "--no-certificate")
    differences = tool(*words, "--json").json()["comparison"]["differences"]
    assert all(value == {"mean": 0, "low": 0, "high": 0} for value in differences.values())
    assert "circle less circle on the same 20 test samples" in printed(tool(*words))


def printed(shown: Any) -> str:
    """What a command printed, without its breaks of lines."""
    assert shown.code == 0, shown.err
    return " ".join(shown.out.decode().split())


def trained(tool: Any, data: Path | str, name: str, *words: Any) -> Path:
    """A run of a few epochs without a baseline."""
    made = tool("train", data, "--latent", "R", "--no-baseline", "--epochs", 2, "--hidden", 4, "-o", name, *words)
    assert made.code == 0, made.err
    return tool.folder / name


def test_samples_that_the_other_run_was_trained_on_are_left_out(tool: Any, run: Path, circle: Path) -> None:
    other = trained(tool, circle, "other.h5", "--seed", 4)
    shown = tool("evaluate", run, "--against", other, "--iwae", 0, "--no-certificate", "--json")
    both = np.intersect1d(read_run(run).split["test"], read_run(other).split["test"])
    assert 0 < len(both) < 20 and shown.json()["comparison"]["samples"] == len(both)
    assert f"{20 - len(both)} of the 20 test samples" in shown.err and f"is of the other {len(both)}" in shown.err
    np.save(tool.folder / "x.npy", np.load(circle)["x"])
    new = tool("evaluate", run, "x.npy", "--against", other, "--iwae", 0, "--no-certificate", "--json")
    assert new.json()["comparison"]["samples"] == 200 and "flatter" not in new.err  # new to both


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--drop", "0"), "samples of shape"),
        (("--scale", "columns"), "in other units"),
        (("--likelihood", "bernoulli"), "a density, the other a probability"),
    ],
)
def test_runs_that_do_not_compare(words: tuple[str, ...], said: str, tool: Any) -> None:
    x = np.random.default_rng(0).random((60, 3)).round(3)
    np.savetxt(tool.folder / "x.csv", x, delimiter=",")
    one, other = trained(tool, "x.csv", "one.h5"), trained(tool, "x.csv", "other.h5", *words)
    shown = tool("evaluate", one, "--against", other, "--iwae", 0, "--no-certificate")
    if "density" in said:
        assert said in printed(shown)
    else:
        assert shown.code == 4 and said in shown.err and shown.out == b""


def test_runs_that_hold_out_nothing_together_are_refused(tool: Any) -> None:
    np.save(tool.folder / "x.npy", np.random.default_rng(0).random((20, 3)))
    one = trained(tool, "x.npy", "one.h5", "--seed", 0)
    tested = set(read_run(one).split["test"])
    others = (trained(tool, "x.npy", f"{seed}.h5", "--seed", seed) for seed in range(1, 9))
    other = next(path for path in others if not tested & set(read_run(path).split["test"]))
    shown = tool("evaluate", one, "--against", other, "--iwae", 0, "--no-certificate")
    assert shown.code == 4 and "no sample was held out by both" in shown.err and shown.out == b""


def test_data_that_moved_are_given_by_hand(tool: Any, run: Path, circle: Path) -> None:
    moved = tool.folder / "moved.h5"
    shutil.copy(run, moved)
    with edited(moved) as file:
        file.attrs["data_path"] = "/nowhere/circle.npz"
    shown = tool("evaluate", moved, circle, "--iwae", 0)
    assert shown.code == 0 and shown.err.count("\n") == 1 and "has no checksums" in shown.err  # as it was changed
    assert b"circular correlation" in shown.out


def test_other_bytes_are_all_for_testing(tool: Any, run: Path, circle: Path) -> None:
    np.save(tool.folder / "x.npy", np.load(circle)["x"])
    shown = tool("evaluate", run, "x.npy", "--iwae", 0, "--json")
    assert "all its samples are for testing" in shown.err and shown.json()["test"]["stress"] is None
