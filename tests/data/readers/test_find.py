"""Every format gives back what was written in it; everything that can be wrong has its message."""

import gzip
import hashlib
import io
import itertools
import os
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse
from PIL import Image

from topovae.data.dataset import Dataset
from topovae.data.readers.find import FORMATS, GZIP, KNOWN, read
from topovae.errors import InputError, ResourceError

N = 30
X = np.round(np.random.default_rng(0).normal(size=(N, 4)), 3)
SPARSE = X * (np.abs(X) > 0.8)
PICTURES = np.random.default_rng(1).integers(0, 256, size=(N, 6, 5), dtype=np.uint8)
TRUTH = np.linspace(0, 1, N)[:, None]
GROUP = np.arange(N) // 10
IDX_CODES = {"u1": 8, "i1": 9, ">i2": 11, ">i4": 12, ">f4": 13, ">f8": 14}


# --- how each format is written ------------------------------------------------------------------------------


def npy(path, x=X):
    np.save(path, x)


def npz(path, **arrays):
    np.savez(path, **(arrays or {"x": X}))


def text(path, delimiter=",", header="", x=X):
    np.savetxt(path, x, delimiter=delimiter, header=header, comments="")


def h5(path, x=X, attributes=(), **arrays):
    with h5py.File(path, "w") as file:
        for name, array in {"x": x, **arrays}.items():
            if array is not None:
                file[name] = array
        file.attrs.update(attributes)


def mat73(path, **arrays):
    """As MATLAB 7.3 does: axes in reverse, a user block before the HDF5 signature, the class beside the numbers."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in (arrays or {"x": X}).items():
            if isinstance(array, str):
                file[name] = np.array([[ord(letter)] for letter in array], dtype=np.uint16)
                file[name].attrs["MATLAB_class"] = np.bytes_("char")
            else:
                file[name] = array.T
                file[name].attrs["MATLAB_class"] = np.bytes_("double")
        file["#refs#/a"] = X
    with open(path, "r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64")


def mat73_sparse(path):
    with h5py.File(path, "w") as file:
        columns = scipy.sparse.csc_matrix(SPARSE)
        group = file.create_group("x")
        group.attrs["MATLAB_sparse"] = np.uint64(N)
        group["data"], group["ir"], group["jc"] = columns.data, columns.indices, columns.indptr


def h5ad(path, form=None, names=("encoding-type", "shape"), where="X"):
    with h5py.File(path, "w") as file:
        file["obs/_index"] = [f"cell{i}" for i in range(N)]
        file["obs/total"], file["layers/raw"] = X[:, 0], X
        if form is None:
            file[where] = X
            return
        matrix = {"csr": scipy.sparse.csr_matrix, "csc": scipy.sparse.csc_matrix}[form](SPARSE)
        group = file.create_group(where)
        group.attrs[names[0]] = f"{form}_matrix" if names[0] == "encoding-type" else form
        group.attrs[names[1]] = SPARSE.shape
        group["data"], group["indices"], group["indptr"] = matrix.data, matrix.indices, matrix.indptr


def idx_bytes(x):
    code = IDX_CODES[x.dtype.str.replace("|", "")]
    return bytes([0, 0, code, x.ndim]) + struct.pack(f">{x.ndim}I", *x.shape) + x.tobytes()


def idx(path, x=PICTURES):
    Path(path).write_bytes(idx_bytes(x))


def zipped(write):
    def write_zipped(path):
        plain = Path(path).with_name("plain" + Path(Path(path).stem).suffix)
        write(plain)
        Path(path).write_bytes(gzip.compress(plain.read_bytes()))
        plain.unlink()

    return write_zipped


FILES = {
    "a.npy": (npy, X),
    "fortran.npy": (lambda path: np.save(path, np.asfortranarray(X)), X),
    "images.npy": (lambda path: np.save(path, PICTURES), PICTURES),
    "bits.npy": (lambda path: np.save(path, X > 0), X > 0),
    "A.NPY": (lambda path: np.lib.format.write_array(open(path, "wb"), X), X),  # noqa: SIM115
    "no_suffix": (lambda path: np.lib.format.write_array(open(path, "wb"), X), X),  # noqa: SIM115
    "a.npz": (npz, X),
    "packed.npz": (lambda path: np.savez_compressed(path, x=X), X),
    "only.npz": (lambda path: npz(path, whatever=X, truth=TRUTH, label=np.array("text")), X),
    "a.csv": (text, X),
    "header.csv": (lambda path: text(path, header="a,b,truth,group"), X),
    "semicolon.csv": (lambda path: text(path, ";"), X),
    "quoted.csv": (lambda path: path.write_text('"a","b"\r\n\r\n"1","2"\r\n3,4\r\n'), [[1, 2], [3, 4]]),
    "excel.csv": (lambda path: path.write_bytes(b"\xef\xbb\xbf1,2\n3,4"), [[1, 2], [3, 4]]),
    "utf16.csv": (lambda path: path.write_text("1,2\n3,4\n", encoding="utf-16"), [[1, 2], [3, 4]]),
    "a.tsv": (lambda path: text(path, "\t"), X),
    "header.tsv": (lambda path: text(path, "\t", "a\tb\tc\td"), X),
    "a.h5": (h5, X),
    "a.hdf5": (h5, X),
    "images.h5": (lambda path: h5(path, PICTURES), PICTURES),
    "only.h5": (lambda path: h5(path, None, **{"deep/down": X, "truth": TRUTH, "note": "text"}), X),
    "a.mat": (lambda path: scipy.io.savemat(path, {"x": X}), X),
    "v4.mat": (lambda path: scipy.io.savemat(path, {"x": X}, format="4"), X),
    "packed.mat": (lambda path: scipy.io.savemat(path, {"x": X}, do_compression=True), X),
    "capital.mat": (lambda path: scipy.io.savemat(path, {"X": X, "y": X, "name": "text"}), X),
    "sparse.mat": (lambda path: scipy.io.savemat(path, {"x": scipy.sparse.csc_matrix(SPARSE)}), SPARSE),
    "images.mat": (lambda path: scipy.io.savemat(path, {"x": PICTURES}), PICTURES),
    "v73.mat": (mat73, X),
    "v73_images.mat": (lambda path: mat73(path, x=PICTURES), PICTURES),
    "v73_sparse.mat": (mat73_sparse, SPARSE),
    "dense.h5ad": (h5ad, X),
    "csr.h5ad": (lambda path: h5ad(path, "csr"), SPARSE),
    "csc.h5ad": (lambda path: h5ad(path, "csc"), SPARSE),
    "old.h5ad": (lambda path: h5ad(path, "csr", ("h5sparse_format", "h5sparse_shape")), SPARSE),
    "train-images-idx3-ubyte": (idx, PICTURES),
    "train-images-idx3-ubyte.gz": (zipped(idx), PICTURES),
    "train-images.idx3-ubyte": (idx, PICTURES),
    **{f"idx-{code}": (lambda path, code=code: idx(path, PICTURES.astype(code)), PICTURES.astype(code)) for code in IDX_CODES},
    "a.csv.gz": (zipped(text), X),
    "a.npy.gz": (zipped(npy), X),
    "a.h5.gz": (zipped(h5), X),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_reads_as_it_was_written(name, tmp_path):
    write, x = FILES[name]
    path = tmp_path / name
    write(path)
    data = read(str(path))
    expected = np.asarray(x)
    assert data.x.shape == expected.shape
    np.testing.assert_array_equal(data.load(), expected.astype(data.dtype))
    index = np.random.default_rng(0).permutation(len(expected))[: N // 2]
    np.testing.assert_array_equal(data.rows(index), expected[index].astype(data.dtype))
    assert data.source.path == str(path)
    assert data.source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert read(path).source == data.source


PIPED = ["a.npy", "a.npz", "a.csv", "header.csv", "semicolon.csv", "a.tsv", "a.h5", "a.mat", "v73.mat", "csr.h5ad",
         "train-images-idx3-ubyte", "train-images-idx3-ubyte.gz", "a.csv.gz", "a.npy.gz", "a.h5.gz"]  # fmt: skip


@pytest.mark.parametrize("name", PIPED)
def test_standard_input_is_recognised_by_its_first_bytes(name, tmp_path):
    write, x = FILES[name]
    write(tmp_path / name)
    content = (tmp_path / name).read_bytes()
    data = read("-", stdin=io.BytesIO(content))
    np.testing.assert_array_equal(data.load(), np.asarray(x).astype(data.dtype))
    assert data.source.path == "-"
    assert data.source.sha256 == hashlib.sha256(content).hexdigest()


def test_standard_input_of_blanks_and_with_a_name(tmp_path):
    assert read("-", stdin=io.BytesIO(b"1 2\n 3  4\n")).load().tolist() == [[1, 2], [3, 4]]
    npz(tmp_path / "two.npz", a=X, b=SPARSE)
    content = (tmp_path / "two.npz").read_bytes()
    np.testing.assert_array_equal(read("-::b", stdin=io.BytesIO(content)).load(), SPARSE)


def test_standard_input_leaves_no_copy(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    buffer = io.BytesIO()
    np.save(buffer, X)
    data = read("-", stdin=io.BytesIO(buffer.getvalue()))
    assert not list(tmp_path.iterdir())
    np.testing.assert_array_equal(data.load(), X)


def test_a_shell_pipe():
    program = "from topovae.data import read; data = read('-'); raise SystemExit(int(data.load().sum()))"
    done = subprocess.run([sys.executable, "-c", program], input=b"1,2\n3,4\n", check=False)
    assert done.returncode == 10


# --- names, truth and groups -----------------------------------------------------------------------------------

BESIDE = {
    "a.npz": lambda path: npz(path, x=X, truth=TRUTH, group=GROUP, space=np.array("S1")),
    "a.h5": lambda path: h5(path, truth=TRUTH, group=GROUP, space="S1"),
    "attribute.h5": lambda path: h5(path, truth=TRUTH[:, 0], group=GROUP, attributes={"space": "S1"}),
    "a.mat": lambda path: scipy.io.savemat(path, {"x": X, "truth": TRUTH, "group": GROUP, "space": "S1"}),
    "v73.mat": lambda path: mat73(path, x=X, truth=TRUTH, group=GROUP[:, None], space="S1"),
}


@pytest.mark.parametrize("name", BESIDE)
def test_truth_group_and_space_come_along(name, tmp_path):
    BESIDE[name](tmp_path / name)
    data = read(str(tmp_path / name))
    np.testing.assert_array_equal(data.truth, TRUTH)
    np.testing.assert_array_equal(data.group, GROUP)
    assert data.space == "S1"


def test_groups_may_be_texts(tmp_path):
    names = [f"mouse{label}" for label in GROUP]
    npz(tmp_path / "a.npz", x=X, group=np.array(names))
    h5(tmp_path / "a.h5", group=names)
    for name in ("a.npz", "a.h5"):
        np.testing.assert_array_equal(read(str(tmp_path / name)).group, GROUP)


@pytest.mark.parametrize("wrong", [{"truth": TRUTH[:-1]}, {"group": GROUP[1:]}, {"truth": np.float64(1)}])
@pytest.mark.parametrize("write", [npz, h5])
def test_truth_and_groups_of_another_length_are_refused(write, wrong, tmp_path):
    path = tmp_path / ("a" + {npz: ".npz", h5: ".h5"}[write])
    write(path, x=X, **wrong)
    with pytest.raises(InputError, match=f"`{next(iter(wrong))}`"):
        read(str(path))


def test_an_array_chosen_by_name_takes_only_what_fits_it(tmp_path):
    path = tmp_path / "a.npz"
    npz(path, x=X, truth=TRUTH, other=X[:5], space=np.array("S1"))
    assert read(f"{path}::other").truth is None
    assert read(f"{path}::x").truth is not None
    with pytest.raises(InputError, match="one column"):
        read(f"{path}::truth")


def test_hdf5_paths_and_what_lies_beside_them(tmp_path):
    path = tmp_path / "a.h5"
    h5(path, None, **{"one/x": X, "one/truth": TRUTH, "two/x": -X})
    with h5py.File(path, "r+") as file:
        file["one"].attrs["space"] = "I"
        file["link"] = h5py.SoftLink("/two/x")
    data = read(f"{path}::/one/x")
    np.testing.assert_array_equal(data.load(), X)
    np.testing.assert_array_equal(data.truth, TRUTH)
    assert data.space == "I"
    for name in ("two/x", "/two/x", "link"):
        other = read(f"{path}::{name}")
        np.testing.assert_array_equal(other.load(), -X)
        assert other.truth is None and other.space is None


def test_arrays_of_h5ad_by_name(tmp_path):
    h5ad(tmp_path / "a.h5ad", "csr", where="layers/counts")
    np.testing.assert_array_equal(read(f"{tmp_path}/a.h5ad::layers/counts").load(), SPARSE)
    np.testing.assert_array_equal(read(f"{tmp_path}/a.h5ad::layers/raw").load(), X)


@pytest.mark.parametrize("name", ["a.npz", "a.h5", "a.mat", "v73.mat"])
def test_an_absent_name_lists_what_is_there(name, tmp_path):
    BESIDE[name](tmp_path / name)
    with pytest.raises(InputError, match=r"no array `y`; it holds .*x \(30, 4\) float64"):
        read(f"{tmp_path / name}::y")


def test_several_arrays_without_x_are_listed(tmp_path):
    npz(tmp_path / "a.npz", first=X, second=X)
    with pytest.raises(InputError, match=r"holds 2 arrays .*first \(30, 4\) float64; second.*a\.npz::first"):
        read(str(tmp_path / "a.npz"))
    npz(tmp_path / "b.npz", note=np.array("text"))
    with pytest.raises(InputError, match="holds no arrays"):
        read(str(tmp_path / "b.npz"))


@pytest.mark.parametrize("name", ["a.npy", "a.csv", "train-images-idx3-ubyte"])
def test_a_name_for_a_file_without_names(name, tmp_path):
    FILES[name][0](tmp_path / name)
    with pytest.raises(InputError, match="without a name"):
        read(f"{tmp_path / name}::x")


def test_a_file_name_may_hold_colons(tmp_path):
    npy(tmp_path / "a::b.npy")
    assert read(f"{tmp_path}/a::b.npy").n_samples == N


def test_a_space_that_is_no_text_is_not_ours(tmp_path):
    npz(tmp_path / "a.npz", x=X, space=X)
    h5(tmp_path / "a.h5", attributes={"space": 3})
    assert read(str(tmp_path / "a.npz")).space is None
    assert read(str(tmp_path / "a.h5")).space is None


# --- what can be wrong -----------------------------------------------------------------------------------------


def objects(path):
    np.save(path, np.array([[1, None], [2, "a"]], dtype=object), allow_pickle=True)


def objects_npz(path):
    np.savez(path, x=np.array([[1, None]], dtype=object))


def text_of(content):
    return lambda path: path.write_text(content)


def broken_sparse(path):
    h5ad(path, "csr")
    with h5py.File(path, "r+") as file:
        file["X/indptr"][-1] = 10**6


ROWS = "1,2\n" * 5
WRONG = {
    "empty.npy": (text_of(""), "is empty"),
    "empty.csv": (text_of(""), "is empty"),
    "empty": (text_of(""), "is empty"),
    "empty.csv.gz": (zipped(text_of("")), "is empty"),
    "blank.csv": (text_of("\n \n"), "blank lines"),
    "header.csv": (text_of("a,b\n"), "header and no rows"),
    "word.csv": (text_of(ROWS + "3,four\n"), r"line 6, column 2 is 'four'; expected a number"),
    "word_header.csv": (text_of("\na,b\n" + ROWS + "3,four\n"), r"line 8, column 2 is 'four'"),
    "missing.csv": (text_of(ROWS + "3,\n"), r"line 6, column 2 is ''.*missing value"),
    "word.tsv": (text_of("1\t2\n1\tx y\n"), r"line 2, column 2 is 'x y'"),
    "index.csv": (text_of(",0,1\n,1,2\n,3,x\n"), r"line 3, column 3 is 'x'"),
    "ragged.csv": (text_of(ROWS + "3\n"), r"line 6 has 1 columns; expected 2"),
    "complex.csv": (text_of("1,2\n1,1+2j\n"), r"line 2, column 2 is '1\+2j'"),
    "column.csv": (text_of("1\n2\n3\n"), "one column"),
    "latin1.csv": (lambda path: path.write_text("x in µm,y\n" + ROWS, encoding="latin-1"), "not text in UTF-8"),
    "cut_utf16.csv": (lambda path: path.write_bytes("1,2\n3,4".encode("utf-16")[:-1]), "not text in UTF-8"),
    "binary.csv": (FILES["no_suffix"][0], "not text in UTF-8"),
    "column.npy": (lambda path: npy(path, X[:, :1]), "one column"),
    "flat.npy": (lambda path: npy(path, X[:, 0]), "one column"),
    "five_axes.npy": (lambda path: npy(path, np.zeros((2, 2, 2, 2, 2))), "5 axes"),
    "no_rows.npy": (lambda path: npy(path, X[:0]), "without any number"),
    "complex.npy": (lambda path: npy(path, X + 1j), "complex128.*expected real numbers"),
    "text.npy": (lambda path: npy(path, X.astype(str)), "expected real numbers"),
    "objects.npy": (objects, "object.*expected real numbers.*unpickled"),
    "objects.npz": (objects_npz, "object.*expected real numbers.*unpickled"),
    "strings.h5": (lambda path: h5(path, ["a", "b"]), "expected real numbers"),
    "cells.mat": (lambda path: scipy.io.savemat(path, {"x": np.array([[1, "a"]], dtype=object)}), "expected real"),
    "complex.mat": (lambda path: scipy.io.savemat(path, {"x": X + 1j}), "expected real numbers"),
    "labels-idx1-ubyte": (lambda path: idx(path, PICTURES[:, 0, 0]), "one column"),
    "text.npz": (text_of("no archive"), r"cannot be read as NumPy's \.npz"),
    "plain.npy": (text_of("no array"), r"cannot be read as NumPy's \.npy"),
    "text.h5": (text_of("no HDF5"), "cannot be read as HDF5"),
    "text.h5ad": (text_of("no HDF5"), "cannot be read as HDF5"),
    "text.mat": (text_of("no matrix in this file at all" * 20), r"cannot be read as MATLAB's \.mat"),
    "text.gz": (text_of("no gzip"), "cannot be read as gzip"),
    "sparse.h5ad": (broken_sparse, "pointers that do not fit"),
    "unknown.xyz": (text_of(ROWS), r"'\.xyz'.*no known format; expected .*\.npy, \.npz, \.csv"),
    "picture.png": (lambda path: Image.fromarray(PICTURES[0]).save(path), "single picture.*folder"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_used_is_said(name, tmp_path):
    write, words = WRONG[name]
    write(tmp_path / name)
    with pytest.raises(InputError, match=words) as caught:
        read(str(tmp_path / name))
    message = str(caught.value)
    assert name.removesuffix("::x") in message and "\n" not in message
    assert caught.value.exit_code == 3


CUT = ["a.npy", "a.npz", "packed.npz", "a.h5", "a.mat", "packed.mat", "v73.mat", "csr.h5ad", "a.csv.gz", "a.h5.gz",
       "train-images-idx3-ubyte", "train-images-idx3-ubyte.gz"]  # fmt: skip


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.99])
@pytest.mark.parametrize("name", CUT)
def test_a_truncated_file_is_an_input_error(name, share, tmp_path):
    FILES[name][0](tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: max(1, int(share * len(content)))])
    with pytest.raises(InputError, match=name):
        read(str(tmp_path / name)).load()


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.h5", "a.mat", "v73.mat", "csr.h5ad", "a.csv.gz"])
def test_random_damage_never_escapes_as_another_error(name, tmp_path):
    """Flipped bytes may give other numbers, never a traceback."""
    FILES[name][0](tmp_path / name)
    content = np.frombuffer((tmp_path / name).read_bytes(), dtype=np.uint8)
    for seed in range(8):  # test_mutations and tests/benchmarks/fuzz.py go on
        rng = np.random.default_rng(seed)
        damaged = content.copy()
        damaged[rng.integers(0, min(len(content), 600), size=4)] = rng.integers(0, 256, size=4)
        (tmp_path / name).write_bytes(damaged.tobytes())
        try:
            read(str(tmp_path / name)).load()
        except (InputError, ResourceError) as error:
            assert name in str(error)


@pytest.mark.parametrize("path", ["missing.npy", "missing.npy::x", "missing", "no/such/folder/x.csv"])
def test_a_missing_file(path, tmp_path):
    with pytest.raises(InputError, match="No such file") as caught:
        read(f"{tmp_path}/{path}")
    assert "Expected a file" in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path):
    npy(tmp_path / "a.npy")
    (tmp_path / "a.npy").chmod(0)
    with pytest.raises(InputError, match="Permission denied"):
        read(str(tmp_path / "a.npy"))


@pytest.mark.parametrize(
    ("content", "words"), [(b"", "is empty"), (b"\0\1\2\3" * 9, "no known format"), (b"a,b\n1,2\n1,c\n", "column 2 is 'c'")]
)
def test_wrong_standard_input(content, words):
    with pytest.raises(InputError, match=f"standard input.*{words}"):
        read("-", stdin=io.BytesIO(content))


def test_a_terminal_is_no_data():
    class Terminal(io.BytesIO):
        def isatty(self) -> bool:
            return True

    with pytest.raises(InputError, match="terminal"):
        read("-", stdin=Terminal())


def test_no_room_for_the_copy_of_standard_input(monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", "/dev/full/nowhere")
    with pytest.raises(InputError):
        read("-", stdin=io.BytesIO(b"1,2\n"))


def test_an_array_larger_than_memory_is_a_resource_limit(tmp_path):
    header = {"descr": "<f8", "fortran_order": False, "shape": (2**45, 4)}
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, header)
    with zipfile.ZipFile(tmp_path / "huge.npz", "w") as archive:
        archive.writestr("x.npy", buffer.getvalue())
    with pytest.raises((ResourceError, InputError)):
        read(str(tmp_path / "huge.npz"))


def test_a_gzip_is_unpacked_once(tmp_path):
    layers = b"1,2\n3,4\n"
    for _ in range(1200):
        layers = gzip.compress(layers, 1, mtime=0)
    (tmp_path / "nested.gz").write_bytes(layers)
    with pytest.raises(InputError, match="gzip within a gzip"):
        read(tmp_path / "nested.gz")
    with pytest.raises(InputError, match="gzip within a gzip"):
        read("-", stdin=io.BytesIO(layers))


def test_a_damaged_lzma_archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w", compression=zipfile.ZIP_LZMA) as archive:
        archive.writestr("x.npy", bytes(10_000))
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[45:80] = bytes(byte ^ 0x5A for byte in content[45:80])
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.npz"):
        read(tmp_path / "a.npz")


def test_an_array_longer_than_its_member(tmp_path):
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f8", "fortran_order": False, "shape": (2**20, 4)})
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", buffer.getvalue())
    with pytest.raises(InputError, match="said to take 33554432 bytes, and 128 are there"):
        read(tmp_path / "a.npz")


@pytest.mark.parametrize("name", ["a.npz", "a.mat", "csr.h5ad", "csc.h5ad"])
def test_what_is_read_whole_must_fit_in_the_memory_given(name, tmp_path):
    FILES[name][0](tmp_path / name)
    with pytest.raises(ResourceError, match=name):
        read(tmp_path / name, memory=100)


def test_a_single_sample_must_fit_in_the_memory_given(tmp_path):
    npy(tmp_path / "a.npy", np.zeros((3, 1000), dtype=np.uint8))
    with pytest.raises(ResourceError, match="a single sample, of shape \\(1000,\\)"):
        read(tmp_path / "a.npy", memory=90_000)
    assert read(tmp_path / "a.npy", memory=100_000).n_samples == 3


def test_a_named_pipe_is_read_like_standard_input(tmp_path):
    npy(tmp_path / "a.npy")
    os.mkfifo(tmp_path / "pipe")
    writer = subprocess.Popen(["cp", tmp_path / "a.npy", tmp_path / "pipe"])
    data = read(tmp_path / "pipe")
    assert writer.wait() == 0
    np.testing.assert_array_equal(data.load(), X)
    assert data.source.sha256 == hashlib.sha256((tmp_path / "a.npy").read_bytes()).hexdigest()


# --- laziness ------------------------------------------------------------------------------------------------------

LAZY = {
    "big.npy": lambda path, x: np.save(path, x),
    "big.h5": lambda path, x: h5(path, x),
    "big.mat": lambda path, x: mat73(path, x=x),
    "big-idx": lambda path, x: idx(path, x),
}


@pytest.mark.parametrize("name", LAZY)
def test_large_files_are_not_loaded(name, tmp_path):
    x = np.zeros((40_000, 20, 20), dtype=np.uint8)  # 16 MB
    LAZY[name](tmp_path / name, x)
    tracemalloc.start()
    data = read(str(tmp_path / name))
    assert not data.rows([39_999, 0, 20_000]).any()
    for _ in data.chunks(2**20):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8e6


def test_sparse_rows_are_not_made_dense_at_once(tmp_path):
    n, d = 5000, 2000  # 80 MB when dense
    matrix = scipy.sparse.random(n, d, 1e-3, format="csr", random_state=np.random.default_rng(0))
    with h5py.File(tmp_path / "a.h5ad", "w") as file:
        group = file.create_group("X")
        group.attrs["encoding-type"], group.attrs["shape"] = "csr_matrix", matrix.shape
        group["data"], group["indices"], group["indptr"] = matrix.data, matrix.indices, matrix.indptr
    tracemalloc.start()
    data = read(str(tmp_path / "a.h5ad"))
    rows = data.rows([n - 1, 0, 17])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(rows, matrix[[n - 1, 0, 17]].toarray())
    assert peak < 8e6


def test_files_are_opened_for_reading_only(tmp_path):
    for name in ("a.npy", "a.h5", "train-images-idx3-ubyte"):
        FILES[name][0](tmp_path / name)
        with pytest.raises((ValueError, OSError, TypeError)):
            read(str(tmp_path / name)).x[0:1] = 1


def test_the_package_imports_nothing_heavy():
    program = (
        "import sys, topovae.data;"
        "from topovae.data import checks, dataset, readers, splits;"
        "heavy = {'torch', 'sklearn', 'ripser', 'scipy', 'matplotlib', 'h5py', 'PIL'} & set(sys.modules);"
        "raise SystemExit(', '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_package_offers_its_main_names():
    import topovae.data

    assert topovae.data.Dataset is Dataset and topovae.data.read is read
    assert all(callable(getattr(topovae.data, name)) for name in topovae.data.__all__)
    with pytest.raises(AttributeError):
        topovae.data.nothing  # noqa: B018


def test_the_message_names_every_format():
    assert all(suffix in KNOWN for form in FORMATS for suffix in form.suffixes or (form.name,))
    assert KNOWN.startswith(".npy, .npz, .csv") and KNOWN.endswith("a folder of images; and delimited text on standard input")


def test_no_two_formats_share_a_suffix_or_first_bytes():
    suffixes = [suffix for form in (*FORMATS, GZIP) for suffix in form.suffixes]
    magic = [start for form in (*FORMATS, GZIP) for start in form.magic]
    assert len(set(suffixes)) == len(suffixes)
    assert not any(one.startswith(other) for one, other in itertools.permutations(magic, 2))
