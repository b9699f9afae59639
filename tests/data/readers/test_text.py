"""Tables as other programs write them: names of rows and columns are no measurements, and nothing is put in a wrong place."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest

from topovae.data.readers.find import read, read_table
from topovae.errors import InputError, ResourceError

X = np.round(np.random.default_rng(0).normal(size=(6, 3)), 3)
CELLS = [[f"{value:g}" for value in row] for row in X]


def table(header: str, names: list[str] | None = None, separator: str = ",") -> str:
    rows = CELLS if names is None else [[name, *row] for name, row in zip(names, CELLS, strict=True)]
    return header + "\n" + "".join(separator.join(row) + "\n" for row in rows)


COUNTED = [str(i) for i in range(6)]
TABLES = {
    "pandas.csv": (table(",x,y,z", COUNTED), "index"),
    "shuffled.csv": (table(",x,y,z", COUNTED[::-1]), "index"),
    "names.csv": (table(",x,y,z", list("abcdef")), "index"),
    "default.csv": (table(",0,1,2", COUNTED), "index"),
    "twice.csv": (table("Unnamed: 0,x,y,z", COUNTED), "index"),
    "r.csv": (table('"","x","y","z"', [f'"{i + 1}"' for i in range(6)]), "index"),
    "r.tsv": (table("x\ty\tz", [f"{i + 1}" for i in range(6)], "\t"), "index"),
    "blanks.csv": (table("x y z", [f'"row {i}"'.replace(" ", "_") for i in range(6)], " "), "index"),
    "numbers.csv": (table("0,1,2"), "numbers the columns"),
    "from_one.csv": (table("1,2,3"), "numbers the columns"),
    "newline.csv": (table('"a\nb","c","d"'), None),
    "return.csv": (table('"a\r\nb","c","d"').replace("\n", "\r\n").replace("\r\r", "\r"), None),
    "words.csv": (table("0,b,c"), None),
    "id.csv": (table("x,y,z"), None),
}


@pytest.mark.parametrize("name", sorted(set(TABLES) - {"words.csv"}))
def test_names_of_rows_and_columns_are_left_out_and_said(name: str, tmp_path: Path) -> None:
    content, words = TABLES[name]
    (tmp_path / name).write_text(content, newline="")
    data = read(tmp_path / name)
    np.testing.assert_array_equal(data.load(), X)
    assert (len(data.notes) == (words is not None or 0) and (words is None or words in data.notes[-1])) or name == "default.csv"
    said: list[str] = []
    np.testing.assert_array_equal(read_table(tmp_path / name, note=said.append), X)
    assert tuple(said) == data.notes


def test_a_header_of_one_word_is_no_header(tmp_path: Path) -> None:
    (tmp_path / "words.csv").write_text(TABLES["words.csv"][0])
    with pytest.raises(InputError, match="line 1, column 2 is 'b'"):
        read(tmp_path / "words.csv")


@pytest.mark.parametrize("content", ["0,1,2\n1,2,3\n4,5,6\n", "1,2\n3,4\n", "1,2,3\n2,3,4\n", "0.5,1,2\n1.5,2.5,3\n"])
def test_first_rows_of_whole_numbers_stay(content: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(content)
    data = read(tmp_path / "a.csv")
    assert data.n_samples == content.count("\n") and data.notes == ()


def test_row_numbers_of_coordinates_are_no_index(tmp_path: Path) -> None:
    anchors = np.column_stack([np.arange(30), np.random.default_rng(1).normal(size=(30, 2))])
    np.savetxt(tmp_path / "a.csv", anchors, delimiter=",")
    assert read(tmp_path / "a.csv").n_features == 2 and read_table(tmp_path / "a.csv").shape == (30, 3)


def test_whole_numbers_under_many_numbered_columns(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("0,1,2,3,4,5\n" + "7,7,7,7,7,7\n" * 3)
    assert read(tmp_path / "a.csv").n_samples == 3


def test_a_column_without_a_name_and_with_repeats_stays(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(table(",x,y,z", ["1", "2", "2", "3", "4", "5"]))
    data = read(tmp_path / "a.csv")
    assert data.load()[:, 0].tolist() == [1, 2, 2, 3, 4, 5] and "kept" in data.notes[0]
    (tmp_path / "b.csv").write_text(table(",x,y,z", ["a", "b", "b", "c", "d", "e"]))
    texts = read(tmp_path / "b.csv")
    np.testing.assert_array_equal(texts.load(), X)
    assert "holds texts (a, b, c, …)" in texts.notes[0] and "--label 0" in texts.notes[0]


@pytest.mark.parametrize("row, words", [("1,2", "line 8 has 3 columns; expected 4"), ("1,x,2", "line 8, column 3 is 'x'")])
def test_faults_in_a_table_with_an_index(row: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(table(",x,y,z", COUNTED) + f"7,{row}\n")
    with pytest.raises(InputError, match=words):
        read(tmp_path / "a.csv")


LONG = "z" * 200_000
TOO_LONG = {
    "header": LONG + ",b,c\n1,2,3\n",
    "cell": "a,b,c\n1,2,3\n1," + LONG + ",3\n",
    "quoted": 'a;b;c\n1;2;3\n1;"' + LONG + '";3\n',
    "never closed": 'a,b,"c\n' + "1,2,3\n" * 50_000,
}


@pytest.mark.parametrize("name", TOO_LONG)
def test_cells_without_end_are_refused_in_a_few_words(name: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(TOO_LONG[name])
    with pytest.raises(InputError) as caught:
        read(tmp_path / "a.csv")
    assert len(str(caught.value)) < 500


def test_a_cell_may_have_as_many_characters_as_the_readme_says(tmp_path: Path) -> None:
    for length in (100_000, 100_001):
        (tmp_path / "a.csv").write_text("1,2\n" + "3," + "0" * length + "\n")
        with contextlib.ExitStack() as stack:
            if length > 100_000:
                stack.enter_context(pytest.raises(InputError, match="line 2 has a cell of more than 100000 characters"))
            assert read(tmp_path / "a.csv").load().tolist() == [[1, 2], [3, 0]]


def test_text_of_more_numbers_than_memory_holds(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1,2\n" * 10_000)
    (tmp_path / "a.jsonl").write_text("[1,2]\n" * 10_000)
    for name in ("a.csv", "a.jsonl"):
        with pytest.raises(ResourceError, match=name):
            read(tmp_path / name, memory=100_000)
        assert read(tmp_path / name).n_samples == 10_000


FIRST = '{"a": 1, "b": [2, 3]}\n'
LINES = {
    "a deep list": ("[" * 100_000 + "]" * 100_000, "line 2"),
    "a deep object": ('{"a":' * 50_000 + "1" + "}" * 50_000, "line 2"),
    "a huge integer": ('{"a": 1' + "0" * 400 + ', "b": [2, 3]}', "line 2.*too large"),
    "a longer integer": ('{"a": 1' + "0" * 5000 + ', "b": [2, 3]}', "line 2"),
    "a missing key": ('{"b": [1, 2]}', "line 2 lacks the key 'a'"),
    "an added key": ('{"a": 1, "b": [1, 2], "c": 3}', "line 2 has the key 'c'"),
    "a key twice": ('{"a": 1, "b": [1, 2], "a": 1}', "line 2.*'a' stands twice"),
    "regrouped": ('{"a": [1, 2], "b": [1]}', "line 2 has 2 numbers under 'a' and the first 1"),
    "a list": ("[1, 2, 3]", "line 2 is a list"),
    "text": ('{"a": "x", "b": [1, 2]}', "line 2"),
    "nothing": ("{}", "line 2.*empty"),
    "ragged": ('{"a": 1, "b": [[1, 2], [3]]}', "line 2"),
}


@pytest.mark.parametrize("name", LINES)
def test_a_line_unlike_the_first_is_named(name: str, tmp_path: Path) -> None:
    line, words = LINES[name]
    (tmp_path / "a.jsonl").write_text(FIRST + line + "\n")
    with pytest.raises(InputError, match=words):
        read(tmp_path / "a.jsonl")


def test_keys_in_another_order_are_put_in_their_columns(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(FIRST + '{"b": [5, 6], "a": 4}\n')
    assert read(tmp_path / "a.jsonl").load().tolist() == [[1, 2, 3], [4, 5, 6]]
    assert read(tmp_path / "a.jsonl").names == ("a", "b.0", "b.1")
