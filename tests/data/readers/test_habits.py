"""Data as people keep them: each file gives the samples that it was made of, or one line that says what to do instead."""

from __future__ import annotations

import gzip
import importlib.util
import io
import json
import pickle
import re
import struct
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse
from PIL import Image

from topovae.data.readers.find import FORMATS, REFUSED, read
from topovae.data.selection import Selection
from topovae.errors import InputError

N = 24
X = np.round(np.random.default_rng(0).normal(size=(N, 3)), 3)
SPARSE = X * (np.abs(X) > 0.7)
PICTURES = np.random.default_rng(1).integers(0, 256, size=(N, 5, 4), dtype=np.uint8)
COLOURS = np.array([[[[9 * i, 7, 0], [0, 9 * i, 5]]] for i in range(N)], dtype=np.uint8)
SPECIES = np.array(["cat", "dog", "emu"])[np.arange(N) % 3]
CLOCK = np.arange(N) * 0.25


class Habit(NamedTuple):
    """A way to keep data.

    Attributes:
        file: its name.
        write: writes it.
        expected: the samples that it holds; None where it must be refused.
        words: what the message says, or a note.
        selection: what is chosen in it.
        member: name of the array, as after ::.
        needs: a library without which the habit is not tried.
    """

    file: str
    write: Callable[[Path], Any]
    expected: Any = X
    words: str = ""
    selection: Selection = Selection()
    member: str = ""
    needs: str = ""


def rows(separator: str = ",", before: Any = None, after: Any = None, point: str = ".", x: np.ndarray = X) -> str:
    """Lines of numbers, with a column before or after them."""
    lines = []
    for i, row in enumerate(x):
        cells = [f"{value:g}".replace(".", point) for value in row]
        lines.append(
            separator.join(
                ([str(before[i])] if before is not None else []) + cells + ([str(after[i])] if after is not None else [])
            )
        )
    return "\n".join(lines) + "\n"


def text(content: str, encoding: str = "utf-8") -> Callable[[Path], Any]:
    return lambda path: path.write_bytes(content.encode(encoding))


def image_bytes(picture: np.ndarray, form: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, form)
    return buffer.getvalue()


def write_h5(path: Path, **arrays: Any) -> None:
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name.replace("__", "/")] = values


def write_h5ad(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["X"], file["obsm/X_pca"], file["layers/raw"] = X * 2, X, X * 3
        group = file.create_group("obs/kind")
        group.attrs["encoding-type"] = "categorical"
        group["codes"], group["categories"] = (np.arange(N) % 3).astype("i1"), ["cat", "dog", "emu"]


def write_fields(path: Path) -> None:
    """A table as pandas and PyTables write it: one row a sample, fields of unlike types."""
    table = np.empty(N, dtype=[("t", "f8"), ("x", "f8", (3,)), ("kind", "S3")])
    table["t"], table["x"], table["kind"] = CLOCK, X, SPECIES.astype("S3")
    if path.suffix == ".npy":
        np.save(path, table)
    else:
        write_h5(path, table=table)


def write_zip(path: Path, folders: bool = False) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for i, picture in enumerate(PICTURES):
            folder = ("a" if i < N // 2 else "b") + "/" if folders else ""
            archive.writestr(f"{folder}{i:03}.png", image_bytes(picture))
        archive.writestr("__MACOSX/._000.png", b"resource fork")


def write_tar(path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for i, picture in enumerate(PICTURES):
            content = image_bytes(picture)
            info = tarfile.TarInfo(f"pictures/{i:03}.png")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    path.write_bytes(buffer.getvalue() if path.suffix == ".tar" else gzip.compress(buffer.getvalue()))


def write_classes(path: Path) -> None:
    for i, picture in enumerate(PICTURES):
        folder = path / ("a" if i < N // 2 else "b")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{i:03}.png").write_bytes(image_bytes(picture))


def write_pages(path: Path, pictures: np.ndarray = PICTURES) -> None:
    first, *rest = [Image.fromarray(picture) for picture in pictures]
    first.save(path, save_all=True, append_images=rest)


def write_packed_pages(path: Path) -> None:
    write_pages(path.with_suffix(""))
    path.write_bytes(gzip.compress(path.with_suffix("").read_bytes()))


def write_market(path: Path) -> None:
    scipy.io.mmwrite(path, scipy.sparse.coo_matrix(SPARSE))


def write_safetensors(path: Path, dtype: str = "F64") -> None:
    body = X.astype("<f8").tobytes()
    header = json.dumps({"__metadata__": {"a": "b"}, "x": {"dtype": dtype, "shape": [N, 3], "data_offsets": [0, len(body)]}})
    path.write_bytes(struct.pack("<Q", len(header)) + header.encode() + body)


def write_arrow(path: Path, index: bool = False) -> None:
    import pyarrow
    from pyarrow import feather, ipc, parquet

    columns: dict[str, Any] = {"x": X[:, 0], "kind": list(SPECIES), "y": X[:, 1], "z": X[:, 2]}
    if index:
        columns["__index_level_0__"] = np.arange(N)
    table = pyarrow.table(columns)
    if path.suffix == ".parquet":
        parquet.write_table(table, path)
    elif path.suffix == ".feather":
        feather.write_feather(table, str(path))
    else:
        with pyarrow.OSFile(str(path), "wb") as sink, ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)


def write_lists(path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"embedding": X.tolist(), "when": pyarrow.array([None] * N, pyarrow.string())}), path)


def write_zarr(path: Path, pickled: bool = False) -> None:
    import zarr

    if not pickled:
        group = zarr.open_group(str(path), mode="w")
        group.create_array("x", data=X)
        return
    path.mkdir()
    described = {"zarr_format": 2, "shape": [N, 3], "chunks": [N, 3], "dtype": "<f8", "order": "C", "fill_value": 0}
    (path / ".zarray").write_text(json.dumps(described | {"compressor": None, "filters": [{"id": "pickle", "protocol": 5}]}))
    (path / "0.0").write_bytes(pickle.dumps(X))


def write_ragged(path: Path) -> None:
    write_h5(path, units__spike_times=np.sort(np.arange(90) * 0.1), units__spike_times_index=np.array([30, 60, 90]), x=X)


COMMENTED = "# made by an instrument\n# x y z\n"
WITH_GAP = "x,y,z\n" + rows() + "1,,2\nNA,3,4\n"
GRAM = np.round(X.T @ X, 3)
SPECTRA = np.round(np.random.default_rng(2).normal(size=(N, 4)), 3)
SPIKY = np.column_stack([X, CLOCK])

KIND = Selection(columns=("x", "kind"))

TABLES = [
    Habit("plain.csv", text(rows())),
    Habit("header.csv", text("x,y,z\n" + rows())),
    Habit("pandas.csv", text(",x,y,z\n" + rows(before=range(N))), words="index"),
    Habit("pandas_twice.csv", text("Unnamed: 0,x,y,z\n" + rows(before=range(N))), words="index"),
    Habit("headerless_index.csv", text(rows(before=range(N))), words="counts the rows"),
    Habit("r.csv", text('"","x","y","z"\n' + rows(before=[f'"{i + 1}"' for i in range(N)])), words="index"),
    Habit("r.txt", text('"x" "y" "z"\n' + rows(" ", before=[f'"row {i}"' for i in range(N)])), words="index"),
    Habit("excel_de.csv", text("x;y;z\n" + rows(";", point=",")), words="decimal points"),
    Habit("excel_de_plain.csv", text(rows(";", point=",")), words="decimal points"),
    Habit("blanks_de.txt", text(rows(" ", point=",")), words="decimal points"),
    Habit("tabs_de.txt", text("x\ty\tz\n" + rows("\t", point=",")), words="decimal points"),
    Habit("bom.csv", text("\ufeffx,y,z\n" + rows())),
    Habit("utf16.txt", text("x\ty\tz\n" + rows("\t"), "utf-16")),
    Habit("dos.csv", text(("x,y,z\n" + rows()).replace("\n", "\r\n"))),
    Habit("mac.csv", text(("x,y,z\n" + rows()).replace("\n", "\r"))),
    Habit("blanks.dat", text(rows("  "))),
    Habit("savetxt.txt", text("# x y z\n" + rows(" "))),
    Habit("commented.dat", text(COMMENTED + rows(" "))),
    Habit("percent.dat", text("% from MATLAB\n" + rows("\t"))),
    Habit("quoted.csv", text('"x","y, z","w"\n' + rows())),
    Habit("quoted_numbers.csv", text("\n".join(",".join(f'"{v:g}"' for v in row) for row in X) + "\n")),
    Habit("wide_blanks.csv", text("x, y, z\n" + rows(", "))),
    Habit("trailing.csv", text("x,y,z,\n" + rows().replace("\n", ",\n")), words="is empty"),
    Habit("trailing_short.csv", text("x,y,z\n" + rows().replace("\n", ",\n")), words="is empty"),
    Habit("text.csv", text("x,y,z,kind\n" + rows(after=SPECIES)), words="--label kind"),
    Habit("text_first.csv", text("kind,x,y,z\n" + rows(before=SPECIES)), words="--label kind"),
    Habit("text_headerless.csv", text(rows(after=SPECIES)), words="column 3 .counted from 0"),
    Habit("dates.csv", text("when,x,y,z\n" + rows(before=[f"2024-05-01 12:{i:02}" for i in range(N)])), words="--label when"),
    Habit("wavelengths.csv", text("id,400,410,420,430\n" + rows(before=SPECIES, x=SPECTRA)), SPECTRA, "numbers the columns"),
    Habit("wavelengths_plain.csv", text("400,410,420,430\n" + rows(x=SPECTRA)), SPECTRA, "numbers the columns"),
    Habit("semicolons.tsv", text("x;y;z\n" + rows(";"))),
    Habit("spaces_inside.csv", text("the x,the y,the z\n" + rows())),
    Habit("zipped.csv.gz", lambda path: path.write_bytes(gzip.compress(("x,y,z\n" + rows()).encode()))),
    Habit("no_suffix", text("x y z\n" + rows(" "))),
    Habit("lines.jsonl", text("".join(json.dumps({"x": list(row)}) + "\n" for row in X.tolist()))),
    Habit("chosen.csv", text("t,x,y,z\n" + rows(before=CLOCK)), selection=Selection(columns=("x", "y", "z"))),
    Habit("range.csv", text("t,x,y,z\n" + rows(before=CLOCK)), selection=Selection(columns=("1:4",))),
    Habit("dropped.csv", text("t,x,y,z\n" + rows(before=CLOCK)), selection=Selection(drop=("t",))),
    Habit("dropped_number.csv", text(rows(after=CLOCK)), selection=Selection(drop=("3",))),
    Habit("labelled.csv", text("x,y,z,kind\n" + rows(after=SPECIES)), selection=Selection(label="kind")),
    Habit("grouped.csv", text("x,y,z,day\n" + rows(after=np.arange(N) // 8)), selection=Selection(group="day")),
    Habit("index_kept.csv", text(",x,y,z\n" + rows(before=range(N))), np.column_stack([np.arange(N), X]), "",
          Selection(columns=("0:4",))),
    Habit("gaps.csv", text(WITH_GAP), words="2 of the 26 samples", selection=Selection(missing="drop")),
    Habit("nan.csv", text(WITH_GAP.replace("NA", "nan")), words="have gaps", selection=Selection(missing="drop")),
]  # fmt: skip

ARRAYS = [
    Habit("fields.npy", write_fields, np.column_stack([CLOCK, X]), "--label kind"),
    Habit("fields.h5", write_fields, X, "", Selection(drop=("t",), label="kind")),
    Habit("beside.h5", lambda path: write_h5(path, x=X, kind=SPECIES.astype("S3")), selection=Selection(label="kind")),
    Habit(
        "images_labelled.h5", lambda path: write_h5(path, x=PICTURES, k=np.arange(N) % 2), PICTURES, "", Selection(group="k")
    ),
    Habit("columns.npy", lambda path: np.save(path, SPIKY), selection=Selection(columns=("0", "1", "2"))),
    Habit("cells.h5ad", write_h5ad, X * 2, "obsm/X_pca"),
    Habit("pca.h5ad", write_h5ad, X, member="obsm/X_pca"),
    Habit("layer.h5ad", write_h5ad, X * 3, "", Selection(label="obs/kind"), member="layers/raw"),
    Habit("session.nwb", lambda path: write_h5(path, processing__position__data=X), member="processing/position/data"),
    Habit("csr.npz", lambda path: scipy.sparse.save_npz(path, scipy.sparse.csr_matrix(SPARSE)), SPARSE),
    Habit("csc.npz", lambda path: scipy.sparse.save_npz(path, scipy.sparse.csc_matrix(SPARSE)), SPARSE),
    Habit("coo.npz", lambda path: scipy.sparse.save_npz(path, scipy.sparse.coo_matrix(SPARSE)), SPARSE),
    Habit("matrix.mtx", write_market, SPARSE),
    Habit("dense.mtx", lambda path: scipy.io.mmwrite(path, X), X),
    Habit("symmetric.mtx", lambda path: scipy.io.mmwrite(path, scipy.sparse.coo_matrix(GRAM)), GRAM),
    Habit("pattern.mtx", text("%%MatrixMarket matrix coordinate pattern general\n2 2 2\n1 1\n2 2\n"), np.eye(2)),
    Habit("weights.safetensors", write_safetensors),
    Habit("table.parquet", write_arrow, words="--label kind", needs="pyarrow"),
    Habit("indexed.parquet", lambda path: write_arrow(path, True), words="is an index", needs="pyarrow"),
    Habit("chosen.parquet", write_arrow, X[:, :2], "", Selection(columns=("x", "y"), label="kind"), needs="pyarrow"),
    Habit("lists.parquet", write_lists, words="is empty", needs="pyarrow"),
    Habit("table.feather", write_arrow, words="--label kind", needs="pyarrow"),
    Habit("table.arrow", write_arrow, words="--label kind", needs="pyarrow"),
    Habit("store.zarr", write_zarr, needs="zarr"),
]

PICTURED = [
    Habit("pages.tif", write_pages, PICTURES),
    Habit("colours.gif", lambda path: write_pages(path, COLOURS), COLOURS),
    Habit("colours.tif", lambda path: write_pages(path, COLOURS), COLOURS),
    Habit("film.gif", write_pages, PICTURES),
    Habit("pages.tif.gz", write_packed_pages, PICTURES),
    Habit("pictures.zip", write_zip, PICTURES),
    Habit("classes.zip", lambda path: write_zip(path, True), PICTURES, "2 folders"),
    Habit("pictures.tar", write_tar, PICTURES),
    Habit("pictures.tar.gz", write_tar, PICTURES),
    Habit("pictures.tgz", write_tar, PICTURES),
    Habit("classes", write_classes, PICTURES, "2 folders"),
]  # fmt: skip

REFUSALS = [
    Habit("title.csv", text("Experiment 12\n" + rows()), None, "expected a name for each column"),
    Habit("decimal_commas.csv", text("x,y\n" + "1,5,2,5\n" * N), None, "decimal commas"),
    Habit("thousands.csv", text("x;y\n" + "1.234,5;2\n" * N), None, "line 2, column 1 is '1.234,5'"),
    Habit("gap.csv", text(WITH_GAP), None, "--missing drop"),
    Habit("minus.csv", text("x,y,z\n" + "−1.5,2,3\n" * N), None, "line 2, column 1 is '−1.5'"),
    Habit("first_gaps.csv", text("NA,NA\n" + "1,2\n" * N), None, "line 1, column 1 is 'NA'"),
    Habit("quoted_thousands.csv", text('"1,234",5,6\n' * N), None, "line 1, column 1 is '1,234'"),
    Habit("twice.csv", text("x,x,y\n" + rows()), None, "several columns 'x'", Selection(columns=("x", "y"))),
    Habit("two_formats.csv", text("x,y\n" + "1,2\n" * N + "3;4\n"), None, "line 26"),
    Habit("units.csv", text("x,y,z\nmm,mm,mm\n" + rows()), None, "line 3|no column of numbers"),
    Habit("thousands_wide.csv", text("x;y;z\n" + "1.234,5;2;3\n" * N), None, "line 2, column 1 is '1.234,5'"),
    Habit("words.csv", text("name,kind\na,b\nc,d\n"), None, "no column of numbers"),
    Habit("no_such.csv", text("x,y,z\n" + rows()), None, "no column 'w'; it holds 3 columns", Selection(drop=("w",))),
    Habit("text_chosen.csv", text("x,kind\n" + rows(after=SPECIES, x=X[:, :1])), None, "holds texts", KIND),
    Habit("all_gaps.csv", text("x,y\n" + "1,NA\n" * N), None, "none is left|no column", Selection(missing="drop")),
    Habit("spikes.nwb", write_ragged, None, "ragged.*count", member="units/spike_times"),
    Habit("no_pages.tif", lambda path: Image.fromarray(PICTURES[0]).save(path), None, "single picture"),
    Habit("one.png", lambda path: Image.fromarray(PICTURES[0]).save(path), None, "single picture"),
    Habit("empty.zip", lambda path: zipfile.ZipFile(path, "w").close(), None, "archive without pictures"),
    Habit("bfloat.safetensors", lambda path: write_safetensors(path, "BF16"), None, "no arrays|real numbers"),
    Habit("complex.mtx", text("%%MatrixMarket matrix coordinate complex general\n1 1 1\n1 1 1 2\n"), None, "complex"),
    Habit("outside.mtx", text("%%MatrixMarket matrix coordinate real general\n2 2 1\n3 1 5\n"), None, "index of its sparse"),
    Habit("dia.npz", lambda path: scipy.sparse.save_npz(path, scipy.sparse.dia_matrix(np.eye(4))), None, "tocsr"),
    Habit("pickled.zarr", lambda path: write_zarr(path, True), None, "packed by 'pickle'", needs="zarr"),
    Habit("pickled.npy", lambda path: np.save(path, np.array([{}], dtype=object), allow_pickle=True), None, "unpickled"),
    *(Habit(f"file{foreign.suffixes[0]}", text("anything at all"), None, re.escape(foreign.command)) for foreign in REFUSED),
]  # fmt: skip

HABITS = [*TABLES, *ARRAYS, *PICTURED, *REFUSALS]


def test_there_are_many_habits_of_unlike_names() -> None:
    assert len(HABITS) >= 60 and len({habit.file for habit in HABITS}) == len(HABITS)


def test_each_format_is_tried() -> None:
    tried = {"." + part for habit in HABITS for part in habit.file.split(".")[1:]}
    elsewhere = {".mat", ".hdf5", ".tiff"}  # tests/data/readers/test_find.py, and a second spelling
    assert {suffix for form in FORMATS for suffix in form.suffixes} - tried - elsewhere == set()


@pytest.mark.parametrize("habit", HABITS, ids=[habit.file for habit in HABITS])
def test_a_habit_gives_its_samples_or_a_line_that_says_what_to_do(habit: Habit, tmp_path: Path) -> None:
    if habit.needs and importlib.util.find_spec(habit.needs) is None:
        pytest.skip(f"{habit.needs} is not installed")
    path = tmp_path / habit.file
    habit.write(path)
    given = f"{path}::{habit.member}" if habit.member else str(path)
    if habit.expected is None:
        with pytest.raises(InputError, match=habit.words) as caught:
            read(given, selection=habit.selection).load()
        assert habit.file in str(caught.value) and "\n" not in str(caught.value)
        return
    data = read(given, selection=habit.selection)
    found, expected = data.load(), np.asarray(habit.expected)
    tolerance = 1e-6 if found.dtype == np.float32 else 0.0
    np.testing.assert_allclose(found, expected.astype(found.dtype), rtol=tolerance)
    assert re.search(habit.words, " ".join(data.notes))
    assert data.notes or not habit.words
    index = np.random.default_rng(0).permutation(len(expected))[: N // 2]
    np.testing.assert_array_equal(data.rows(index), found[index])
    if habit.selection.label:
        assert data.label is not None and data.label.tolist() == SPECIES.tolist()
    if habit.selection.group:
        assert data.group is not None and len(data.group) == N


@pytest.mark.parametrize("needs, habit", [(habit.needs, habit) for habit in ARRAYS if habit.needs])
def test_without_its_library_a_format_says_what_to_install(
    needs: str, habit: Habit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    path = tmp_path / habit.file
    if path.suffix == ".zarr":
        path.mkdir()
        (path / "zarr.json").write_text("{}")
    else:
        path.write_bytes(b"PAR1ARROW1")
    with pytest.raises(InputError, match=r"pip install 'topovae\[(tables|zarr)\]'"):
        read(path)


def test_a_pipe_in_place_of_a_file_is_read_once() -> None:
    program = "import sys; from topovae.data import read; print(read(sys.argv[1]).load().sum())"
    content = "x,y,z\n" + rows()
    for place in ("/dev/stdin", "-"):
        done = subprocess.run([sys.executable, "-c", program, place], input=content.encode(), capture_output=True, check=False)
        assert float(done.stdout) == pytest.approx(X.sum()), done.stderr
    command = f"{sys.executable} -c '{program}' <(printf '{content}')"
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=False)
    assert float(done.stdout) == pytest.approx(X.sum()), done.stderr
