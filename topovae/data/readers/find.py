"""Files to data sets: one row of `FORMATS` a format, found by suffix, else by the first bytes; nothing is unpickled.

`FILE::name` chooses one array of a file that holds several. Without a name it is `x` (or `X`), or the only
array of numbers. Beside it, in the same file and HDF5 group, `truth`, `group` and the text `space` are taken
along; in HDF5 `space` may be an attribute instead. Large files stay on disk: .npy, safetensors and IDX as memory
maps, HDF5 and pictures as they are; .npz, text, tables of Arrow and Parquet, Zarr and .mat (before 7.3) are read whole.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np

from topovae.data.dataset import COPIES, MEMORY_BYTES, MOMENTS, REAL_KINDS, Dataset, Source
from topovae.data.readers.archives import TAR, ZIP
from topovae.data.readers.arrow import ARROW, PARQUET
from topovae.data.readers.base import Contents, File, Foreign, InputFormat, parsing, require_room
from topovae.data.readers.hdf5 import H5AD, HDF5
from topovae.data.readers.idx import IDX
from topovae.data.readers.market import MARKET
from topovae.data.readers.matlab import MAT
from topovae.data.readers.numpy import NPY, NPZ
from topovae.data.readers.pictures import PAGES, PICTURE, hash_folder, read_folder
from topovae.data.readers.safetensors import SAFETENSORS
from topovae.data.readers.text import DELIMITED, JSON_LINES, plain_format
from topovae.data.readers.zarrs import ZARR, hash_store, is_store, read_zarr
from topovae.data.selection import Selection
from topovae.errors import InputError, ResourceError

FORMATS = (
    *(NPY, NPZ, DELIMITED, JSON_LINES, HDF5, MAT, H5AD, PARQUET, ARROW, ZARR, SAFETENSORS, MARKET, PAGES, ZIP, TAR, IDX),
)
"""The table of formats: a new one is a module that defines it and its name here."""

REFUSED = (
    Foreign("a pickle (it could run code)", (".pkl", ".pickle", ".joblib", ".p"), "numpy.save('x.npy', x), where it was made"),
    Foreign("a pickle of PyTorch", (".pt", ".pth", ".ckpt", ".bin"), "numpy.save('x.npy', x.numpy()), where it was made"),
    Foreign("a spreadsheet", (".xlsx", ".xls", ".ods", ".xlsb"), "libreoffice --headless --convert-to csv FILE"),
    Foreign("a film", (".mp4", ".avi", ".mov", ".mkv", ".webm", ".mpg"), "ffmpeg -i FILE frames/%06d.png, and give the folder"),
    Foreign("data of R", (".rds", ".rdata", ".rda"), "write.csv(x, 'x.csv') in R"),
    Foreign("data of Stata, SPSS or SAS", (".dta", ".sav", ".sas7bdat"), "pandas.read_stata, read_spss, read_sas; to_csv"),
    Foreign("a volume of NIfTI", (".nii",), "numpy.save('x.npy', nibabel.load(FILE).get_fdata()), samples first"),
    Foreign("a picture of DICOM", (".dcm",), "dcmj2pnm +on FILE x.png for each, and give the folder"),
    Foreign("a table of FITS", (".fits", ".fit"), "numpy.save('x.npy', astropy.io.fits.getdata(FILE))"),
    Foreign("sound", (".wav", ".mp3", ".flac"), "numpy.save('x.npy', windows), one window or its spectrum a row"),
    Foreign("a recording of EDF", (".edf", ".bdf"), "numpy.save('x.npy', mne.io.read_raw_edf(FILE).get_data().T)"),
    Foreign("one document of JSON", (".json",), "jq -c '.[]' FILE > x.jsonl"),
    Foreign("packed", (".bz2", ".xz", ".zst", ".7z", ".rar"), "unpacking it, or gzip"),
    Foreign("a database", (".db", ".sqlite", ".sqlite3"), "sqlite3 -header -csv FILE 'select …' > x.csv"),
    Foreign("a document", (".pdf", ".doc", ".docx", ".ipynb"), "saving its table as .csv"),
)
"""What is not read, and what makes of it something that is."""

KNOWN = (
    f"{', '.join(known for form in FORMATS for known in form.suffixes or (form.name,))}, each also as .gz, or a folder of "
    "images; and delimited text on standard input"
)
"""How messages list what can be read."""

STDIN = "-"
EVERYTHING = Selection()
_COPY_BYTES = 2**20


def read(
    path: str | os.PathLike[str],
    *,
    stdin: BinaryIO | None = None,
    memory: int = MEMORY_BYTES,
    selection: Selection = EVERYTHING,
) -> Dataset:
    """Read a data set from a file, a folder of images, a pipe or standard input.

    Args:
        path: a place, `FILE::name` for one of the arrays in a file, or `-` for standard input.
        stdin: what `-` reads; standard input if not given.
        memory: bytes that reading, and looking at single samples, may take.
        selection: which columns and rows are taken, and in which units.

    Raises:
        InputError: there is no such place, its format is not known, it is damaged, it leads to other files, or what it
            holds is no table of real numbers.
        ResourceError: what must be read whole, or a single sample, does not fit in memory.
    """
    contents, source = _find(os.fspath(path), stdin, memory, selection)
    chosen = selection.choose(contents, source.path)
    data = Dataset.of(
        chosen.x,
        truth=chosen.truth,
        group=chosen.group,
        space=chosen.space,
        source=source,
        notes=chosen.notes,
        names=_named(chosen),
        label=chosen.label,
    )
    needed = (COPIES + MOMENTS) * data.n_features * np.dtype(np.float64).itemsize
    if needed > memory:
        raise ResourceError(
            f"{source.path}: a single sample, of shape {data.sample_shape}, takes about {needed / 2**30:.3g} GiB to look at, "
            f"and {memory / 2**30:.3g} GiB are allowed. Make the samples smaller, or allow more memory."
        )
    finished, done, notes = selection.finish(data)
    return replace(finished, choices=done.recorded, notes=(*data.notes, *notes))


def _named(contents: Contents) -> tuple[str, ...]:
    """Names of the columns of the samples, their numbers in the file where they have none; nothing where these are plain."""
    if not contents.names:
        return tuple(map(str, contents.places))
    places = contents.places or range(len(contents.names))
    return tuple(name or str(place) for name, place in zip(contents.names, places, strict=True))


def read_table(
    path: str | os.PathLike[str], memory: int = MEMORY_BYTES, note: Callable[[str], None] | None = None
) -> np.ndarray:
    """Read a table of real numbers that need not be samples: coordinates or truth, of one column or more.

    Args:
        path: as for `read`.
        memory: bytes that it may take.
        note: called with a sentence on what was taken for something else than coordinates, if anything was.

    Returns:
        (n, k) in memory, float32 or float64; one column of (n,) becomes (n, 1).

    Raises:
        InputError: as for `read`.
        ResourceError: it does not fit in memory.
    """
    contents, source = _find(os.fspath(path), None, memory, EVERYTHING, counted=False)
    if note is not None:
        for sentence in contents.notes:
            note(sentence)
    require_room(contents.x.shape, contents.x.dtype, source.path, memory)
    with parsing(File(Path(source.path), source.path, None, ""), "a table of numbers"):
        array = np.asarray(contents.x[:])
    if array.dtype.kind not in REAL_KINDS or array.ndim == 0:
        raise InputError(
            f"{source.path} holds an array of shape {array.shape} and type {array.dtype}; expected a table of real "
            "numbers, one row a sample. Convert it."
        )
    wide = array.dtype == np.float64
    return array.reshape(len(array), -1).astype(np.float64 if wide else np.float32)


def _find(
    given: str, stdin: BinaryIO | None, memory: int, selection: Selection, counted: bool = True
) -> tuple[Contents, Source]:
    """The arrays of a place, and where they come from."""
    place, member = _split_name(given)
    gaps = selection.missing == "drop"
    wanted: dict[str, Any] = {"memory": memory, "gaps": gaps, "counted": counted, "asked": selection.asked}
    try:
        if place == STDIN:
            return _read_stream(given, File(Path(), "standard input", member, "", **wanted), stdin or sys.stdin.buffer)
        if os.path.isdir(place) and is_store(place):
            return read_zarr(File(Path(place), place, member, ".zarr", **wanted)), Source(given, hash_store(place))
        if os.path.isdir(place):
            return read_folder(place, member, memory), Source(given, hash_folder(place))
        file = File(Path(place), place, member, Path(place).suffix.lower(), **wanted)
        if stat.S_ISFIFO(os.stat(place).st_mode):
            with open(place, "rb") as pipe:
                return _read_stream(given, file, pipe)
        contents = _read_file(file)
        with open(place, "rb") as stream:
            return contents, Source(given, hashlib.file_digest(stream, "sha256").hexdigest())
    except OSError as error:
        raise InputError(
            f"{place} cannot be read: {error.strerror or error}. Expected a file, a folder of images, a pipe, or - "
            "for standard input; check the name and that you may read it."
        ) from error
    except MemoryError as error:
        raise ResourceError(f"{place} does not fit in memory. Convert it to .npy or .h5, which are read in chunks.") from error


def _split_name(given: str) -> tuple[str, str | None]:
    if "::" not in given or os.path.exists(given):
        return given, None
    place, _, member = given.rpartition("::")
    return place, member.strip("/") or None


def _read_file(file: File) -> Contents:
    with open(file.path, "rb") as stream:
        head = stream.read(4096)
    if not head:
        raise InputError(f"{file.label} is empty; expected data as {KNOWN}. Check the program that writes it.")
    form = _find_format(file.suffix, head)
    if form is None and (file.piped or not file.suffix or str(file.path).startswith("/dev/")):
        form = plain_format(head)
    foreign = next((foreign for foreign in REFUSED if file.suffix in foreign.suffixes), None)
    if foreign is not None:
        raise InputError(f"{file.label} is {foreign.name}, which is not read; expected {KNOWN}. Convert it: {foreign.command}.")
    if form is None:
        raise InputError(
            f"{file.label} begins with the bytes {head[:8]!r} and ends in {file.suffix or 'no suffix'!r}, "
            f"which belong to no known format; expected {KNOWN}. Convert it, or correct its suffix."
        )
    if form is GZIP and file.packed:
        raise InputError(f"{file.label} is a gzip within a gzip; expected data in a single one. Unpack it once.")
    return form.read(file)


def _find_format(suffix: str, head: bytes) -> InputFormat | None:
    """The format of this suffix, else the one whose files begin like this."""
    formats = (*FORMATS, PICTURE, GZIP)
    named = (form for form in formats if suffix in form.suffixes)
    alike = (form for form in formats if head.startswith(form.magic))
    return next(named, None) or next(alike, None)


def _read_stream(given: str, file: File, stream: BinaryIO) -> tuple[Contents, Source]:
    """The arrays of what can be read once, from a copy that has no name."""
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
            _copy(block, spool)
        spool.flush()
        contents = _read_file(replace(file, path=Path(spool.name), piped=True))
    return contents, Source(given, digest.hexdigest())


def _read_gzip(file: File) -> Contents:
    with tempfile.NamedTemporaryFile(prefix="topovae-") as spool:
        with parsing(file, GZIP.name), gzip.open(file.path) as stream:
            while block := stream.read(_COPY_BYTES):
                _copy(block, spool)
        spool.flush()
        label = file.label.lower().replace(".tgz", ".tar.gz")
        inner = "" if file.piped else Path(label.removesuffix(".gz")).suffix
        return _read_file(replace(file, path=Path(spool.name), suffix=inner, packed=True))


# a format around another, so no row of the table but read by it
GZIP = InputFormat("gzip", (".gz", ".tgz"), (b"\x1f\x8b",), _read_gzip)


def _copy(block: bytes, spool: IO[bytes]) -> None:
    try:
        spool.write(block)
    except OSError as error:
        raise InputError(
            f"A temporary copy of the input cannot be written to {tempfile.gettempdir()} ({error.strerror}); "
            "expected room for all of it, uncompressed. Set TMPDIR to a folder with more room."
        ) from error
