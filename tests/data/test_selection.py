"""Columns that are chosen, gaps that are dropped, scales that are found once and used again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from topovae.data.checks import check
from topovae.data.dataset import Dataset
from topovae.data.readers.find import read
from topovae.data.selection import ChosenRows, Selection
from topovae.errors import InputError, UsageError

N = 200
ANGLE = np.random.default_rng(0).uniform(0, 2 * np.pi, N)
CIRCLE = np.column_stack([np.cos(ANGLE), np.sin(ANGLE)])
NOISE = np.random.default_rng(1).normal(size=(N, 1))


def write(path: Path, x: np.ndarray, header: str = "") -> Path:
    np.savetxt(path, x, delimiter=",", header=header, comments="")
    return path


APART = {
    "a clock": (np.column_stack([np.arange(N) * 0.02, CIRCLE]), "t", "from row to row in one direction"),
    "a clock that runs back": (np.column_stack([-np.arange(N) * 0.02, CIRCLE]), "t", "from row to row in one direction"),
    "nanoseconds": (np.column_stack([1.7e18 + np.arange(N) * 1e9, CIRCLE]), "t", "more than 99 times the variance"),
    "ids": (np.column_stack([np.random.default_rng(2).permutation(N) + 7000, CIRCLE]), "t", "successive whole numbers once"),
    "noise of another unit": (np.column_stack([1000 * NOISE, CIRCLE]), "t", "more than 99 times the variance"),
}


@pytest.mark.parametrize("name", APART)
def test_a_column_that_may_be_no_measurement_is_named_with_what_to_do(name: str, tmp_path: Path) -> None:
    x, column, words = APART[name]
    data = read(write(tmp_path / "a.csv", x, "t,x,y"))
    told = [warning for warning in check(data).warnings if words in warning]
    assert len(told) == 1 and f"column {column} of" in told[0] and f"--drop {column}" in told[0]
    chosen = read(tmp_path / "a.csv", selection=Selection(drop=(column,)))
    assert check(chosen).warnings == () and np.allclose(chosen.load(), CIRCLE)


@pytest.mark.parametrize("size_bytes", [100, 10_000])
def test_a_clock_is_seen_across_chunks_and_a_broken_one_is_none(size_bytes: int) -> None:
    clock = np.arange(N) * 0.1
    seen = Dataset.of(np.column_stack([clock, CIRCLE]))
    assert "column 0" in check(seen, size_bytes=size_bytes).warnings[0]
    clock[N // 2] = 0.0
    assert check(Dataset.of(np.column_stack([clock, CIRCLE])), size_bytes=size_bytes).warnings == ()


@pytest.mark.parametrize(
    "x",
    [CIRCLE, CIRCLE * [1, 5], np.random.default_rng(3).poisson(3, (N, 30)).astype(float), np.hstack([CIRCLE, 1e-3 * NOISE])],
)
def test_nothing_is_said_of_plain_measurements(x: np.ndarray) -> None:
    assert check(Dataset.of(x)).warnings == ()


def test_numbers_that_a_warning_names_are_those_of_the_file(tmp_path: Path) -> None:
    x = np.column_stack([np.arange(N), CIRCLE, np.arange(N) ** 2 / N])
    data = read(write(tmp_path / "a.csv", x))  # a first column without a name that counts the rows is left out
    told = next(warning for warning in check(data).warnings if "--drop" in warning)
    assert data.n_features == 3 and "--drop 3" in told
    assert read(tmp_path / "a.csv", selection=Selection(drop=("3",))).n_features == 2


def test_a_scale_is_found_once_and_done_again(tmp_path: Path) -> None:
    x = np.column_stack([1000 * NOISE + 5, CIRCLE, np.full(N, 3.0)])
    first = read(write(tmp_path / "a.csv", x), selection=Selection(scale="columns"))
    np.testing.assert_allclose(first.load(), np.column_stack([(x - x.mean(0))[:, :3] / x.std(0)[:3], np.zeros(N)]), atol=1e-9)
    again = Selection.of(first.choices)
    assert again.center == pytest.approx(x.mean(0)) and again.repeated
    part = read(write(tmp_path / "b.csv", x[:30]), selection=again)
    np.testing.assert_allclose(part.load(), first.load()[:30], atol=1e-12)
    np.testing.assert_allclose(again.restored(first.load()), x, atol=1e-9)
    with pytest.raises(InputError, match="the scale is of 4 columns"):
        read(write(tmp_path / "c.csv", x[:, :3]), selection=again)


def test_new_data_need_no_label_and_no_dropped_column_but_all_that_were_chosen(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", np.column_stack([ANGLE, CIRCLE]), "t,x,y")
    first = read(tmp_path / "a.csv", selection=Selection(columns=("x", "y"), label="t"))
    again = Selection.of(first.choices)
    new = read(write(tmp_path / "b.csv", CIRCLE, "x,y"), selection=again)
    assert new.label is None and new.n_features == 2
    with pytest.raises(InputError, match="no column 'y'"):
        read(write(tmp_path / "c.csv", CIRCLE, "x,z"), selection=again)


def test_gaps_are_dropped_with_what_belongs_to_their_rows(tmp_path: Path) -> None:
    x = CIRCLE.copy()
    x[[3, 50, 51, N - 1], [0, 1, 0, 1]] = np.nan, np.inf, np.nan, np.nan
    np.savez(tmp_path / "a.npz", x=x, truth=ANGLE, group=np.arange(N) // 10, kind=np.arange(N))
    data = read(tmp_path / "a.npz", selection=Selection(missing="drop", label="kind"))
    whole = np.delete(np.arange(N), [3, 50, 51, N - 1])
    assert data.truth is not None and data.group is not None and data.label is not None
    np.testing.assert_array_equal(data.load(), CIRCLE[whole])
    np.testing.assert_array_equal(data.label, whole)
    np.testing.assert_array_equal(data.truth[:, 0], ANGLE[whole])
    np.testing.assert_array_equal(data.group, whole // 10)
    assert "4 of the 200 samples" in data.notes[-1]


def test_nothing_chosen_leaves_data_and_records_alone(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", CIRCLE)
    data = read(tmp_path / "a.npy")
    assert data.choices == {} and Selection.of({}) == Selection() and type(data.x) is np.memmap


def test_images_have_no_columns(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.random.default_rng(0).normal(size=(30, 4, 4)))
    with pytest.raises(InputError, match="no columns to be chosen"):
        read(tmp_path / "a.npy", selection=Selection(drop=("0",)))
    with pytest.raises(InputError, match="not scaled by columns"):
        read(tmp_path / "a.npy", selection=Selection(scale="columns"))


@pytest.mark.parametrize("given", [{"scale": "rows"}, {"missing": "fill"}])
def test_words_that_are_none_of_the_known(given: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="expected one of"):
        Selection(**given)  # type: ignore[arg-type]


def test_chosen_rows_are_those_of_the_array() -> None:
    x = np.arange(40.0).reshape(10, 4)
    rows = np.array([1, 2, 5, 9])
    chosen = ChosenRows(ChosenRows(x, rows=rows), columns=[3, 0], center=np.array([1.0, 2.0]), spread=np.array([2.0, 4.0]))
    expected = (x[rows][:, [3, 0]] - [1, 2]) / [2, 4]
    np.testing.assert_array_equal(chosen[0:4], expected)
    np.testing.assert_array_equal(chosen[1:3], expected[1:3])
    assert chosen[2:2].shape == (0, 2) and chosen.shape == (4, 2)


CHOICES = {
    "an index": ("0,b", [[0, 4], [1, 5], [2, 6]]),
    "the order asked for": ("b,a", [[4, 1], [5, 2], [6, 3]]),
    "a range": ("1:", [[1, 4], [2, 5], [3, 6]]),
    "a range with an index": ("0:2", [[0, 1], [1, 2], [2, 3]]),
    "up to a place": (":3", [[0, 1, 4], [1, 2, 5], [2, 3, 6]]),
}


@pytest.mark.parametrize("name", CHOICES)
def test_columns_that_are_asked_for_are_measurements_whatever_they_look_like(name: str, tmp_path: Path) -> None:
    """An index is left out, unless it is chosen; columns come in the order in which they are asked for."""
    (tmp_path / "a.csv").write_text(",a,b\n0,1,4\n1,2,5\n2,3,6\n")
    assert read(tmp_path / "a.csv").load().tolist() == [[1, 4], [2, 5], [3, 6]]
    words, expected = CHOICES[name]
    chosen = read(tmp_path / "a.csv", selection=Selection(columns=tuple(words.split(","))))
    assert chosen.load().tolist() == expected
