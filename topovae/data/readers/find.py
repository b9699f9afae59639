"""Files to data sets: one reader a format, found by suffix, else by the first bytes; nothing is unpickled.

`FILE::name` chooses one array of a file that holds several. Without a name it is `x` (or `X`), or the only
array of numbers. Beside it, in the same file and HDF5 group, `truth`, `group` and the text `space` are taken
along; in HDF5 `space` may be an attribute instead. Large files stay on disk: .npy and IDX as memory maps,
HDF5 and folders of images as they are; .npz, .csv, .tsv and .mat (before 7.3) are read whole.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import itertools
import json
import os
import struct
import sys
import tempfile
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import IO, Any, BinaryIO, NamedTuple

import numpy as np

from topovae.data.dataset import REAL_KINDS, Dataset, RowSource, Source, require_numbers
from topovae.errors import InputError, ResourceError

STDIN = "-"
FORMATS = (
    ".npy, .npz, .csv, .tsv, .jsonl, .h5, .hdf5, .mat, .h5ad, MNIST IDX, each also as .gz, or a folder of images; "
    "and delimited text on standard input"
)
_BESIDE = ("truth", "group", "space")
_LISTED = 12
_COPY_BYTES = 2**20
# what the parsers of damaged files raise: h5py and gzip OSError, numpy, zipfile and scipy the rest
_DAMAGE = (
    OSError, EOFError, ValueError, TypeError, KeyError, IndexError, OverflowError, RuntimeError, SyntaxError,
    struct.error, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


class Contents(NamedTuple):
    """What a reader finds: rows, and what lies beside them."""

    x: RowSource
    truth: Any = None
    group: Any = None
    space: str | None = None


@dataclass(frozen=True)
class _File:
    """A file to read.

    Attributes:
        path: where its bytes are.
        label: what the user calls it.
        member: name of the array that is wanted.
        suffix: decides the format; empty if the first bytes shall.
        piped: it came by standard input, which may be plain text.
    """

    path: Path
    label: str
    member: str | None
    suffix: str
    piped: bool = False


@dataclass(frozen=True)
class _Entry:
    """An array in a file, not read yet."""

    shape: tuple[int, ...]
    dtype: np.dtype
    open: Callable[[], Any]

    def __str__(self) -> str:
        return f"{self.shape} {self.dtype}"


Reader = Callable[[_File], Contents]
_TEXT = np.dtype("U")


def read(path: str | os.PathLike[str], *, stdin: BinaryIO | None = None) -> Dataset:
    """Read a data set from a file, a folder of images or standard input.

    Args:
        path: a place, `FILE::name` for one of the arrays in a file, or `-` for standard input.
        stdin: what `-` reads; standard input if not given.

    Raises:
        InputError: there is no such place, its format is not known, it is damaged, or what it holds is no
            table of real numbers.
        ResourceError: what must be read whole does not fit in memory.
    """
    (x, truth, group, space), source = _find(os.fspath(path), stdin)
    return Dataset.of(x, truth=truth, group=group, space=space, source=source)


def read_array(path: str | os.PathLike[str], *, stdin: BinaryIO | None = None) -> np.ndarray:
    """Read a table of real numbers that need not be samples: coordinates or truth, of one column or more.

    Args:
        path: as for `read`.
        stdin: as for `read`.

    Returns:
        (n, k) in memory, float32 or float64; one column of (n,) becomes (n, 1).

    Raises:
        InputError: as for `read`.
    """
    contents, source = _find(os.fspath(path), stdin)
    array = np.asarray(contents.x[:])
    if array.dtype.kind not in REAL_KINDS or array.ndim == 0:
        raise InputError(
            f"{source.path} holds an array of shape {array.shape} and type {array.dtype}; expected a table of real "
            "numbers, one row a sample. Convert it."
        )
    wide = array.dtype == np.float64
    return array.reshape(len(array), -1).astype(np.float64 if wide else np.float32)


def _find(given: str, stdin: BinaryIO | None) -> tuple[Contents, Source]:
    """The arrays of a place, and where they come from."""
    place, member = _split_name(given)
    try:
        if place == STDIN:
            return _read_stdin(given, member, stdin or sys.stdin.buffer)
        if os.path.isdir(place):
            return _read_folder(place, member), Source(given, _hash_folder(place))
        file = _File(Path(place), place, member, Path(place).suffix.lower())
        contents = _read_file(file)
        with open(place, "rb") as stream:
            return contents, Source(given, hashlib.file_digest(stream, "sha256").hexdigest())
    except OSError as error:
        raise InputError(
            f"{place} cannot be read: {error.strerror or error}. Expected a file, a folder of images, or - "
            "for standard input; check the name and that you may read it."
        ) from error
    except MemoryError as error:
        raise ResourceError(f"{place} does not fit in memory. Convert it to .npy or .h5, which are read in chunks.") from error


def _split_name(given: str) -> tuple[str, str | None]:
    if "::" not in given or os.path.exists(given):
        return given, None
    place, _, member = given.rpartition("::")
    return place, member.strip("/") or None


# --- which reader ---------------------------------------------------------------------------------


def _read_file(file: _File) -> Contents:
    with open(file.path, "rb") as stream:
        head = stream.read(4096)
    if not head:
        raise InputError(f"{file.label} is empty; expected data as {FORMATS}. Check the program that writes it.")
    reader = READERS.get(file.suffix) or _by_magic(head)
    if reader is None and file.piped and b"\0" not in head:
        reader = _read_jsonl if head.lstrip()[:1] in (b"{", b"[") else _read_text
    if reader is None:
        raise InputError(
            f"{file.label} begins with the bytes {head[:8]!r} and ends in {file.suffix or 'no suffix'!r}, "
            f"which belong to no known format; expected {FORMATS}. Convert it, or correct its suffix."
        )
    return reader(file)


def _by_magic(head: bytes) -> Reader | None:
    if _is_idx(head):
        return _read_idx
    return next((reader for magic, reader in MAGIC.items() if head.startswith(magic)), None)


def _read_stdin(given: str, member: str | None, stream: BinaryIO) -> tuple[Contents, Source]:
    if stream.isatty():
        raise InputError(
            "Data were to come from standard input, which is a terminal; expected a pipe or a file, as in "
            "`topovae analyze - < FILE`."
        )
    digest = hashlib.sha256()
    # an open file outlives its name: memory maps and HDF5 files stay readable after this block
    with tempfile.NamedTemporaryFile(prefix="topovae-") as spool:
        while block := stream.read(_COPY_BYTES):
            digest.update(block)
            _spool(spool, block)
        spool.flush()
        contents = _read_file(_File(Path(spool.name), "standard input", member, "", piped=True))
    return contents, Source(given, digest.hexdigest())


def _read_gzip(file: _File) -> Contents:
    with tempfile.NamedTemporaryFile(prefix="topovae-") as spool:
        with _parsing(file, "gzip"), gzip.open(file.path) as stream:
            while block := stream.read(_COPY_BYTES):
                _spool(spool, block)
        spool.flush()
        inner = Path(file.label.lower().removesuffix(".gz")).suffix if not file.piped else ""
        return _read_file(replace(file, path=Path(spool.name), suffix=inner))


def _spool(spool: IO[bytes], block: bytes) -> None:
    try:
        spool.write(block)
    except OSError as error:
        raise InputError(
            f"A temporary copy of the input cannot be written to {tempfile.gettempdir()} ({error.strerror}); "
            "expected room for all of it, uncompressed. Set TMPDIR to a folder with more room."
        ) from error


@contextmanager
def _parsing(file: _File, form: str, *more: type[Exception]) -> Iterator[None]:
    """Turn what a parser raises on a damaged file, the usual errors and more of its own, into one message."""
    damage: tuple[type[Exception], ...] = (*_DAMAGE, *more)
    try:
        yield
    except damage as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{file.label} cannot be read as {form} ({reason}); expected a whole file of that format. It "
            "is damaged, cut short or of another kind: make or copy it again, or correct its suffix."
        ) from error


def _refuse_member(file: _File) -> None:
    if file.member is not None:
        raise InputError(
            f"{file.label}::{file.member} asks for an array by name, but this format holds a single one "
            f"without a name. Write {file.label} alone."
        )


# --- files of named arrays ------------------------------------------------------------------------


def _choose(file: _File, entries: Mapping[str, _Entry]) -> Contents:
    """Open the array that is wanted and what lies beside it."""
    name = file.member or _default(file, entries)
    if name not in entries:
        raise InputError(f"{file.label} holds no array `{name}`; it holds {_listing(entries)}. Choose one of these.")
    folder = name[: len(name) - len(Path(name).name)]
    chosen = entries[name]
    require_numbers(chosen.shape, chosen.dtype, f"{file.label}::{name}")
    beside = {key: entries[folder + key] for key in _BESIDE if folder + key in entries and folder + key != name}
    if file.member not in (None, "x"):  # truth and group belong to x; another array may be of other samples
        beside = {key: entry for key, entry in beside.items() if not entry.shape or entry.shape[0] == chosen.shape[0]}
    space = beside.pop("space", None)
    opened = {key: entry.open()[:] if entry.shape else entry.open() for key, entry in beside.items()}
    return Contents(chosen.open(), **opened, space=_text(space))


def _default(file: _File, entries: Mapping[str, _Entry]) -> str:
    for name in ("x", "X"):
        if name in entries:
            return name
    arrays = [
        name
        for name, entry in entries.items()
        if entry.dtype.kind in REAL_KINDS and entry.shape and Path(name).name not in _BESIDE
    ]
    if len(arrays) == 1:
        return arrays[0]
    count = len(arrays) or "no"
    raise InputError(
        f"{file.label} holds {count} arrays of real numbers and none is named `x`: it holds "
        f"{_listing(entries)}. "
        + (f"Choose one, as in {file.label}::{arrays[0]}." if arrays else "Store the samples as the array `x`.")
    )


def _listing(entries: Mapping[str, _Entry]) -> str:
    listed = [f"{name} {entry}" for name, entry in itertools.islice(entries.items(), _LISTED)]
    return ("; ".join(listed) or "nothing") + f"; and {len(entries) - _LISTED} more" * (len(entries) > _LISTED)


def _text(entry: _Entry | None) -> str | None:
    """Return the one text of an entry; whatever else bears that name is not ours."""
    if entry is None or entry.dtype.kind not in "SU" or prod(entry.shape) != 1:
        return None
    value = np.asarray(entry.open()).reshape(-1)[0]
    return value.decode() if isinstance(value, bytes) else str(value)


# --- NumPy ----------------------------------------------------------------------------------------


def _read_npy(file: _File) -> Contents:
    _refuse_member(file)
    with _parsing(file, "NumPy's .npy"), open(file.path, "rb") as stream:
        shape, dtype = _npy_header(stream)
    require_numbers(shape, dtype, file.label)
    with _parsing(file, "NumPy's .npy"):
        return Contents(np.load(file.path, mmap_mode="r", allow_pickle=False))


def _npy_header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    version = np.lib.format.read_magic(stream)
    # version 3 differs from 2 in the encoding of field names alone, and arrays with fields are refused
    parse = np.lib.format.read_array_header_1_0 if version[0] == 1 else np.lib.format.read_array_header_2_0
    shape, _, dtype = parse(stream)
    return shape, dtype


def _read_npz(file: _File) -> Contents:
    def entry(archive: zipfile.ZipFile, member: str) -> _Entry:
        def load() -> np.ndarray:
            with (
                _parsing(file, "NumPy's .npz"),
                zipfile.ZipFile(file.path) as again,
                again.open(member) as stream,
            ):
                return np.lib.format.read_array(stream, allow_pickle=False)

        with archive.open(member) as stream:
            return _Entry(*_npy_header(stream), load)

    with _parsing(file, "NumPy's .npz"), zipfile.ZipFile(file.path) as archive:
        members = [name for name in archive.namelist() if name.endswith(".npy")]
        entries = {name.removesuffix(".npy"): entry(archive, name) for name in members}
    return _choose(file, entries)


# --- delimited text -------------------------------------------------------------------------------


def _read_text(file: _File) -> Contents:
    """Read numbers with one line a sample; a first line without any number is a header."""
    _refuse_member(file)
    with _parsing_text(file), open(file.path, encoding="utf-8-sig") as lines:
        first = next((line for line in lines if line.strip()), None)
    if first is None:
        raise InputError(f"{file.label} holds blank lines only; expected rows of numbers. Check what writes it.")
    delimiter = _delimiter(first, file.suffix)
    header = not any(map(_is_number, _cells(first, delimiter)))
    with _parsing_text(file), open(file.path, encoding="utf-8-sig") as lines:
        body = (line for line in lines if line.strip())
        rows = itertools.islice(body, int(header), None)
        start = next(rows, None)
        if start is None:
            raise InputError(f"{file.label} holds a header and no rows; expected one line of numbers a sample.")
        try:
            x = np.loadtxt(itertools.chain([start], rows), delimiter=delimiter, comments=None, quotechar='"', ndmin=2)
        except ValueError as error:
            raise InputError(f"{file.label}: {_fault(file.path, delimiter, header) or error}") from error
    return Contents(x)


@contextmanager
def _parsing_text(file: _File) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        raise InputError(
            f"{file.label} is not text in UTF-8 (byte {error.start} is {error.object[error.start]:#x}); "
            "expected lines of numbers. Save it again as UTF-8, or correct its suffix if it is of another format."
        ) from error


def _delimiter(line: str, suffix: str) -> str | None:
    """Return the suffix's delimiter if the line has it, else the commonest in it, else None for blanks."""
    preferred = {".csv": ",", ".tsv": "\t"}.get(suffix, "")
    if preferred and preferred in line:
        return preferred
    best = max(",\t;", key=line.count)
    return best if best in line else None


def _cells(line: str, delimiter: str | None) -> list[str]:
    if delimiter is None:
        return line.split()
    return next(csv.reader([line.rstrip("\r\n")], delimiter=delimiter))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _fault(path: Path, delimiter: str | None, header: bool) -> str | None:
    """Say where the first cell is that is no number, or the first line of another length."""
    advice = "Correct it there; an empty cell is a missing value: fill it or remove the line."
    width = None
    with open(path, encoding="utf-8-sig") as lines:
        filled = ((number, line) for number, line in enumerate(lines, 1) if line.strip())
        for number, line in itertools.islice(filled, int(header), None):
            cells = _cells(line, delimiter)
            width = width or len(cells)
            for column, cell in enumerate(cells, 1):
                if not _is_number(cell):
                    return f"line {number}, column {column} is {cell[:40]!r}; expected a number. {advice}"
            if len(cells) != width:
                return f"line {number} has {len(cells)} columns; expected {width} as before. {advice}"
    return None


# --- HDF5, and what is built on it ----------------------------------------------------------------


def _read_hdf5(file: _File) -> Contents:
    return _choose_hdf5(file, _hdf5_entry)


def _choose_hdf5(file: _File, entry: Callable[[Any], _Entry | None]) -> Contents:
    import h5py

    entries: dict[str, _Entry] = {}
    sparse: list[str] = []

    def visit(name: str, node: Any) -> None:
        if name.startswith("#") or any(name.startswith(folder) for folder in sparse):
            return
        found = entry(node)
        if found is not None:
            entries[name] = found
            if isinstance(node, h5py.Group):
                sparse.append(name + "/")

    with _parsing(file, "HDF5"):
        # stays open, for reading, as long as a dataset of it is in use
        root = h5py.File(file.path, "r")
        root.visititems(visit)
        if file.member and file.member not in entries and file.member in root:  # behind a link
            visit(file.member, root[file.member])
        contents = _choose(file, entries)
    folder = root[file.member].parent if file.member else root
    texts = [owner.attrs.get("space") for owner in (folder, root)]
    found = next((text for text in texts if isinstance(text, str)), None)
    return contents._replace(space=contents.space or found)


def _hdf5_entry(node: Any) -> _Entry | None:
    """Describe a dataset, or a group that stands for a sparse matrix; other groups are none."""
    import h5py

    if isinstance(node, h5py.Group):
        return _sparse_entry(node)
    try:
        dtype = node.dtype
    except TypeError:  # a type that NumPy has none for
        return _Entry(node.shape or (), np.dtype("V"), lambda: node)
    if h5py.check_string_dtype(dtype) is not None:
        return _Entry(node.shape or (), _TEXT, lambda: node.asstr()[()])
    return _Entry(node.shape or (), dtype, lambda: node)


class _SparseRows:
    """A matrix in compressed rows, in memory or in a file; the rows that are asked for become dense."""

    chunks = None

    def __init__(self, data: Any, indices: Any, indptr: np.ndarray, shape: tuple[int, ...]) -> None:
        self.data, self.indices, self.indptr = data, indices, indptr
        self.shape, self.dtype = shape, data.dtype
        ends = len(indptr) == shape[0] + 1 and indptr[0] == 0 and indptr[-1] == len(data) == len(indices)
        if not ends or (np.diff(indptr) < 0).any():
            raise ValueError(f"its sparse matrix of shape {shape} has row pointers that do not fit its entries")

    def __getitem__(self, rows: slice) -> np.ndarray:
        start, stop, _ = rows.indices(self.shape[0])
        first, last = int(self.indptr[start]), int(self.indptr[stop])
        out = np.zeros((stop - start, self.shape[1]), self.dtype)
        row = np.repeat(np.arange(stop - start), np.diff(self.indptr[start : stop + 1]))
        np.add.at(out, (row, self.indices[first:last]), self.data[first:last])  # repeated entries add up
        return out

    @classmethod
    def of_columns(cls, data: Any, indices: Any, indptr: Any, shape: Any) -> _SparseRows:
        """Turn compressed columns into compressed rows, in memory."""
        from scipy.sparse import csc_matrix

        return cls.of_scipy(csc_matrix((data[:], indices[:], indptr[:]), shape=shape))

    @classmethod
    def of_scipy(cls, matrix: Any) -> _SparseRows:
        rows = matrix.tocsr()
        return cls(rows.data, rows.indices, rows.indptr, rows.shape)


def _sparse_entry(group: Any) -> _Entry | None:
    """Describe a sparse matrix as anndata stores it: `encoding-type`, earlier `h5sparse_format`."""
    encoding = str(group.attrs.get("encoding-type", group.attrs.get("h5sparse_format", ""))).removesuffix("_matrix")
    if encoding not in ("csr", "csc"):
        return None
    shape = tuple(int(side) for side in group.attrs.get("shape", group.attrs.get("h5sparse_shape")))
    data, indices, indptr = group["data"], group["indices"], group["indptr"]
    opens: dict[str, Callable[[], _SparseRows]] = {
        "csr": lambda: _SparseRows(data, indices, indptr[:], shape),
        "csc": lambda: _SparseRows.of_columns(data, indices, indptr, shape),
    }
    return _Entry(shape, data.dtype, opens[encoding])


# --- MATLAB ---------------------------------------------------------------------------------------

_MATLAB_TYPES = {
    "double": "f8", "single": "f4", "logical": "?", "sparse": "f8", "char": "U",
    "int8": "i1", "int16": "i2", "int32": "i4", "int64": "i8",
    "uint8": "u1", "uint16": "u2", "uint32": "u4", "uint64": "u8",
}  # fmt: skip


def _read_mat(file: _File) -> Contents:
    import h5py

    if h5py.is_hdf5(file.path):
        return _choose_hdf5(file, _matlab_entry)
    from scipy.io import loadmat, whosmat
    from scipy.io.matlab import MatReadError

    def entry(name: str, shape: tuple[int, ...], kind: str) -> _Entry:
        def load() -> Any:
            with _parsing(file, "MATLAB's .mat", MatReadError):
                array = loadmat(file.path, variable_names=[name])[name]
                return _SparseRows.of_scipy(array) if kind == "sparse" else array

        return _Entry(shape, np.dtype(_MATLAB_TYPES.get(kind, "O")), load)

    with _parsing(file, "MATLAB's .mat", MatReadError):
        entries = {name: entry(name, tuple(shape), kind) for name, shape, kind in whosmat(file.path)}
    return _choose(file, entries)


class _TransposedRows:
    """A dataset of MATLAB 7.3, whose axes HDF5 has in reverse."""

    chunks = None

    def __init__(self, stored: Any) -> None:
        self.stored = stored
        self.shape, self.dtype = stored.shape[::-1], stored.dtype
        if stored.chunks:
            self.chunks = stored.chunks[::-1]

    def __getitem__(self, rows: slice) -> np.ndarray:
        return self.stored[..., rows].T


def _matlab_entry(node: Any) -> _Entry | None:
    """Describe a variable of MATLAB 7.3; cells, structures and empty arrays are none."""
    import h5py

    kind = node.attrs.get("MATLAB_class", b"double").decode()
    if isinstance(node, h5py.Group):
        return _matlab_sparse(node) if "MATLAB_sparse" in node.attrs else None
    if kind not in _MATLAB_TYPES or "MATLAB_empty" in node.attrs or not node.shape:
        return None
    if kind == "char":
        return _Entry((), _TEXT, lambda: "".join(map(chr, node[()].ravel())))
    return _Entry(node.shape[::-1], node.dtype, lambda: _TransposedRows(node))


def _matlab_sparse(group: Any) -> _Entry:
    shape = (int(group.attrs["MATLAB_sparse"]), len(group["jc"]) - 1)
    if "data" not in group:  # all zero
        return _Entry(shape, np.dtype("V"), lambda: None)
    data, indices, indptr = group["data"], group["ir"], group["jc"]
    return _Entry(shape, data.dtype, lambda: _SparseRows.of_columns(data, indices, indptr, shape))


# --- MNIST's IDX ----------------------------------------------------------------------------------

_IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def _is_idx(head: bytes) -> bool:
    return len(head) >= 4 and head[:2] == b"\0\0" and head[2] in _IDX_TYPES and 1 <= head[3] <= 8


def _read_idx(file: _File) -> Contents:
    """Map an IDX file: two zeros, the type, the number of axes, their lengths (big-endian), the numbers.

    References:
        LeCun, Cortes, Burges, "The MNIST database of handwritten digits", section on file formats.
    """
    _refuse_member(file)
    with open(file.path, "rb") as stream:
        *_, kind, axes = stream.read(4)
        lengths = stream.read(4 * axes)
    shape = struct.unpack(f">{len(lengths) // 4}I", lengths[: len(lengths) // 4 * 4])
    dtype = np.dtype(_IDX_TYPES[kind])
    found, expected = file.path.stat().st_size, 4 + 4 * axes + prod(shape) * dtype.itemsize
    if len(shape) < axes or found != expected:
        raise InputError(
            f"{file.label} is an IDX file of {found} bytes whose header says {shape} of {dtype}, "
            f"{expected} bytes "
            "in all; expected the two to agree. It is damaged or cut short: copy it again."
        )
    require_numbers(shape, dtype, file.label)
    return Contents(np.memmap(file.path, dtype, "r", 4 + 4 * axes, shape))


# --- folders of images ----------------------------------------------------------------------------

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm")
_PLAIN_MODES = {
    "1": "L",
    "P": "RGB",
    "CMYK": "RGB",
    "YCbCr": "RGB",
    "HSV": "RGB",
    "LAB": "RGB",
    "LA": "RGBA",
    "PA": "RGBA",
}


class _ImageRows:
    """Images of one shape in files, decoded when asked for."""

    chunks = (1,)

    def __init__(self, paths: list[Path], shape: tuple[int, ...]) -> None:
        self.paths = paths
        self.shape = (len(paths), *shape)
        self.dtype = _pixels(paths[0]).dtype

    def __getitem__(self, rows: slice) -> np.ndarray:
        return np.stack([_pixels(path) for path in self.paths[rows]])


def _read_folder(place: str, member: str | None) -> Contents:
    paths = _image_paths(place)
    if member is not None:
        raise InputError(f"{place} is a folder of images, without arrays to name; write {place} alone.")
    if not paths:
        raise InputError(
            f"{place} is a folder without images; expected files ending in {', '.join(IMAGES)} directly in "
            "it. Give the folder that holds them, or one file."
        )
    shapes = [_image_shape(path) for path in paths]
    odd = next((i for i, shape in enumerate(shapes) if shape != shapes[0]), None)
    if odd is not None:
        raise InputError(
            f"The images in {place} differ in shape: {paths[0].name} is {shapes[0]} and {paths[odd].name} is "
            f"{shapes[odd]} (height, width, channels); expected one shape. Resize them and convert all to "
            "grey or all to colour."
        )
    return Contents(_ImageRows(paths, shapes[0]))


def _image_paths(place: str) -> list[Path]:
    return sorted(
        path
        for path in Path(place).iterdir()
        if path.suffix.lower() in IMAGES and not path.name.startswith(".") and path.is_file()
    )


@contextmanager
def _opened_image(path: Path) -> Iterator[Any]:
    from PIL import Image

    try:
        with Image.open(path) as image:
            yield image
    except (*_DAMAGE, Image.DecompressionBombError) as error:
        raise InputError(
            f"{path} cannot be read as an image ({error}); expected whole images. Make it again or take it away."
        ) from error


def _image_shape(path: Path) -> tuple[int, ...]:
    from PIL.Image import getmodebands

    with _opened_image(path) as image:
        channels = getmodebands(_PLAIN_MODES.get(image.mode, image.mode))
        return (image.height, image.width, *((channels,) if channels > 1 else ()))


def _pixels(path: Path) -> np.ndarray:
    with _opened_image(path) as image:
        plain = _PLAIN_MODES.get(image.mode)
        return np.asarray(image.convert(plain) if plain else image)


def _hash_folder(place: str) -> str:
    digest = hashlib.sha256()
    for path in _image_paths(place):
        with open(path, "rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        digest.update(f"{path.name}\0{content}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


# --- the tables -----------------------------------------------------------------------------------

# --- JSON lines -----------------------------------------------------------------------------------


def _read_jsonl(file: _File) -> Contents:
    """Read one JSON list of numbers a line, or one object a line whose values are put side by side."""
    _refuse_member(file)
    rows = []
    with _parsing_text(file), open(file.path, encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                parts = list(row.values()) if isinstance(row, dict) else [row]
                rows.append(np.concatenate([np.ravel(np.asarray(part, dtype=np.float64)) for part in parts]))
            except (ValueError, TypeError) as error:
                raise InputError(
                    f"{file.label}: line {number} is no JSON list of numbers, nor an object of such lists ({error}); "
                    "expected one sample a line. Correct it there."
                ) from error
            if len(rows[-1]) != len(rows[0]):
                raise InputError(
                    f"{file.label}: line {number} has {len(rows[-1])} numbers and the first {len(rows[0])}; expected as "
                    "many in every line. Correct it there."
                )
    if not rows:
        raise InputError(f"{file.label} holds blank lines only; expected one JSON list of numbers a line.")
    return Contents(np.stack(rows))


READERS: dict[str, Reader] = {
    ".npy": _read_npy,
    ".npz": _read_npz,
    ".csv": _read_text,
    ".tsv": _read_text,
    ".jsonl": _read_jsonl,
    ".h5": _read_hdf5,
    ".hdf5": _read_hdf5,
    ".h5ad": _read_hdf5,
    ".mat": _read_mat,
    ".gz": _read_gzip,
}
MAGIC: dict[bytes, Reader] = {
    b"\x93NUMPY": _read_npy,
    b"PK\x03\x04": _read_npz,
    b"\x89HDF\r\n\x1a\n": _read_hdf5,
    b"MATLAB ": _read_mat,
    b"\x1f\x8b": _read_gzip,
}
