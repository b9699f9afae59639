"""Test data of their own: in training, and in evaluation of a run on a file that it was not trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from topovae.data.dataset import Dataset
from topovae.runs.estimator import load
from topovae.store.reader import read_run

WORDS = ("--latent", "R2", "--epochs", 2)


def rows(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((n, 3), dtype=np.float32)


@pytest.fixture(scope="module")
def files(session_tool: Any) -> Path:
    """A folder with data, data to test on, and a run that was trained on the first alone."""
    folder = session_tool.folder / "separate"
    folder.mkdir()
    for name, n, seed in (("x", 80, 0), ("held", 31, 1)):
        np.save(folder / f"{name}.npy", rows(n, seed))
    assert session_tool("train", folder / "x.npy", *WORDS, "-o", folder / "own.h5").code == 0
    return folder


def test_a_run_with_test_data_trains_on_all_others(session_tool: Any, files: Path) -> None:
    words = ("train", files / "x.npy", *WORDS, "--test", files / "held.npy", "-o", files / "both.h5", "--json")
    trained = session_tool(*words).json()
    run = read_run(files / "both.h5")
    assert [len(run.split[name]) for name in ("train", "valid", "test")] == [72, 8, 31]
    assert run.split["test"].tolist() == list(range(80, 111))
    assert run.model.latents["test"]["location"].shape == (31, 2)
    found = session_tool("evaluate", files / "both.h5", "--no-certificate", "--json").json()
    assert {split: found[split]["nll"] for split in run.split} == {split: trained[split]["nll"] for split in run.split}
    given = session_tool("evaluate", files / "both.h5", files / "x.npy", "--no-certificate", "--json").json()
    assert given["test"] == found["test"] and given["train"] == found["train"]


def test_the_model_does_not_see_the_test_data(session_tool: Any, files: Path) -> None:
    np.save(files / "other.npy", 100 * rows(31, 2))
    states = []
    for name in ("held", "other"):
        place = files / f"unseen-{name}.h5"
        assert session_tool("train", files / "x.npy", *WORDS, "--test", files / f"{name}.npy", "-o", place).code == 0
        states.append(read_run(place).model.state)
    assert states[0].keys() == states[1].keys()
    assert all(np.array_equal(states[0][name], states[1][name]) for name in states[0])


def test_a_resumed_run_has_the_same_test_data(session_tool: Any, files: Path) -> None:
    words = ("train", files / "x.npy", *WORDS, "-o", files / "again.h5")
    assert session_tool(*words, "--test", files / "held.npy").code == 0
    refused = session_tool(*words, "--resume")
    assert refused.code == 4 and "test (was" in refused.err
    more = ("--epochs", 3, "--test", files / "held.npy", "--resume")
    assert session_tool(*words, *more).code == 0
    assert len(read_run(files / "again.h5").model.history["epoch"]) == 3


def test_another_file_is_all_test(session_tool: Any, files: Path) -> None:
    done = session_tool("evaluate", files / "own.h5", files / "held.npy", "--no-certificate", "--json")
    found = done.json()
    assert found["train"] is None and found["valid"] is None and "all its samples are for testing" in done.err
    # the same samples, with numbers of their own
    same = load(files / "own.h5").evaluate(rows(31, 1), iwae=0)
    assert same["test"] is not None and same["train"] is None
    assert found["test"]["rms"] == pytest.approx(same["test"]["rms"], abs=1e-6)
    table = session_tool("evaluate", files / "own.h5", files / "held.npy", "--no-certificate")
    assert table.code == 0 and b"test" in table.out and b"valid" not in table.out
    own = session_tool("evaluate", files / "own.h5", files / "x.npy", "--no-certificate", "--json")
    assert own.json()["train"] is not None and own.err == ""


def test_pictures_of_another_file_show_its_samples(session_tool: Any, files: Path) -> None:
    for command, option in (("plot", "-o"), ("evaluate", "--plot")):
        words = (command, files / "own.h5", files / "held.npy", option)
        place = files / f"{words[0]}.png"
        done = session_tool(*words, place)
        assert done.code == 0 and place.stat().st_size > 10_000, done.err


def test_data_of_another_kind_are_refused(session_tool: Any, files: Path) -> None:
    np.save(files / "wide.npy", np.ones((40, 4)) + rows(40, 3)[:, :1])
    refused = session_tool("evaluate", files / "own.h5", files / "wide.npy")
    assert refused.code == 4 and "(3,)" in refused.err and "(4,)" in refused.err
    refused = session_tool("train", files / "x.npy", *WORDS, "--test", files / "wide.npy", "-o", files / "no.h5")
    assert refused.code == 2 and "--test" in refused.err and not (files / "no.h5").exists()


def test_units_of_columns_are_those_of_the_data_to_train_on(session_tool: Any, files: Path) -> None:
    place = files / "scaled.h5"
    done = session_tool("train", files / "x.npy", *WORDS, "--scale", "columns", "--test", files / "held.npy", "-o", place)
    assert done.code == 0, done.err
    center = np.array(read_run(place).header.config["selection"]["center"])
    np.testing.assert_allclose(center, rows(80, 0).mean(0), rtol=1e-5)
    assert session_tool("evaluate", place, "--no-certificate", "--json").json()["train"] is not None


@pytest.mark.parametrize("part", [slice(0, 5), slice(3, 9), slice(5, 9), slice(8, 20), slice(4, 4)], ids=str)
def test_joined_rows_are_those_of_both(part: slice) -> None:
    from topovae.data.joined import join_test

    first, second = rows(5, 0), rows(6, 1)
    joined = join_test(Dataset.of(first), Dataset.of(second))
    whole = np.concatenate([first, second])
    np.testing.assert_array_equal(joined.x[part], whole[part])
    np.testing.assert_array_equal(joined.rows([7, 0, 10, 4, 5]), whole[[7, 0, 10, 4, 5]])
    np.testing.assert_array_equal(joined.load(), whole)
    assert joined.take(np.array([1, 9])).held_out == 0
