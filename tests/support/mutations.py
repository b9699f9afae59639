"""Small whole files of every format, and seeded damage to them, in their bytes and in what the bytes mean."""

from __future__ import annotations

import gzip
import importlib.util
import io
import json
import re
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.io
import scipy.sparse
from PIL import Image
from support.places import ROOT

from topovae.store.reader import read_run
from topovae.store.writer import write_report, write_run

N = 30
X = np.round(np.random.default_rng(0).normal(size=(N, 4)), 3)
SPARSE = scipy.sparse.random(N, 6, 0.4, format="csr", random_state=0)
NUMBERS = (0, 1, -1, 2, 7, N, N + 1, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**30, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**62)
"""Values at which counts, sizes and signs go wrong."""

WORDS = (b"nan", b"inf", b"1e400", b"-", b'"', b"'", b",", b"\t", b";", b"\n", b"\r", b"[", b"{", b"}", b"\0", b"\xff", b"null")

Damage = Callable[[bytes, np.random.Generator], bytes]


@dataclass(frozen=True)
class Kind:
    """A format to be damaged.

    Attributes:
        name: of its files, whose ending decides how they are read.
        content: a whole file.
        damages: ways to damage it, beside those of bytes.
        parsed_elsewhere: reading it starts a process, which takes a second.
    """

    name: str
    content: bytes
    damages: tuple[Damage, ...] = ()
    parsed_elsewhere: bool = False

    def damaged(self, rng: np.random.Generator) -> bytes:
        """The file with one to three faults."""
        content, chosen = self.content, []
        for _ in range(rng.choice([1, 1, 2, 3])):
            ways = (*self.damages, *BYTES) if self.damages and rng.random() < 0.7 else BYTES
            chosen.append(ways[rng.integers(len(ways))])
        # what takes a file apart comes first: a library that reads a damaged one can die of it, here
        for way in sorted(chosen, key=lambda way: way in BYTES or way is within_structures):
            try:
                content = way(content, rng)
            except Exception:  # a file that is damaged already need not let itself be taken apart again
                continue
        return content


# --- bytes -----------------------------------------------------------------------------------------------------------------


def flip(content: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(content)
    for place in rng.integers(0, max(1, len(changed)), rng.integers(1, 9)):
        changed[place] = int(rng.integers(256))
    return bytes(changed)


def put_number(content: bytes, rng: np.random.Generator) -> bytes:
    width = int(rng.choice([1, 2, 4, 8]))
    place = int(rng.integers(0, max(1, len(content) - width)))
    place -= place % (width if rng.random() < 0.8 else 1)
    order = "little" if rng.random() < 0.7 else "big"
    number = NUMBERS[rng.integers(len(NUMBERS))] % (1 << 8 * width)
    return content[:place] + number.to_bytes(width, order) + content[place + width :]  # type: ignore[arg-type]


def cut(content: bytes, rng: np.random.Generator) -> bytes:
    return content[: rng.integers(1, len(content))]


def take_out(content: bytes, rng: np.random.Generator) -> bytes:
    place = int(rng.integers(len(content)))
    return content[:place] + content[place + int(rng.integers(1, 64)) :]


def repeat(content: bytes, rng: np.random.Generator) -> bytes:
    place = int(rng.integers(len(content)))
    return content[:place] + content[place : place + int(rng.integers(1, 64))] * int(rng.integers(1, 5)) + content[place:]


def put_word(content: bytes, rng: np.random.Generator) -> bytes:
    place = int(rng.integers(len(content)))
    return content[:place] + WORDS[rng.integers(len(WORDS))] * int(rng.choice([1, 1, 1, 2, 2000])) + content[place:]


BYTES: tuple[Damage, ...] = (flip, put_number, cut, take_out, repeat, put_word)


def any_bytes(content: bytes, rng: np.random.Generator) -> bytes:
    return BYTES[rng.integers(len(BYTES))](content, rng)


# --- what the bytes mean ---------------------------------------------------------------------------------------------------


def within_gzip(content: bytes, rng: np.random.Generator) -> bytes:
    return gzip.compress(any_bytes(gzip.decompress(content), rng), 1, mtime=0)


def within_zip(content: bytes, rng: np.random.Generator) -> bytes:
    """A member is damaged, and its checksum fits."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    chosen = list(members)[rng.integers(len(members))]
    members[chosen] = any_bytes(members[chosen], rng)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", int(rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return stream.getvalue()


def within_npy_header(content: bytes, rng: np.random.Generator) -> bytes:
    sides = tuple(int(NUMBERS[i]) for i in rng.integers(0, len(NUMBERS), rng.integers(0, 5)))
    types = ("<f8", "<f4", "|b1", "<i8", ">u2", "<c16", "|O", "<U7", "<f2", "|V9", "<M8[s]")
    header = {"descr": types[rng.integers(len(types))], "fortran_order": bool(rng.integers(2)), "shape": sides}
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, header)  # type: ignore[arg-type]
    return stream.getvalue() + content[128:]


def within_png(content: bytes, rng: np.random.Generator) -> bytes:
    """A chunk is damaged, and its checksum fits."""
    chunks, place = [], 8
    while place < len(content):
        length = struct.unpack(">I", content[place : place + 4])[0]
        chunks.append((content[place + 4 : place + 8], content[place + 8 : place + 8 + length]))
        place += 12 + length
    at = int(rng.integers(len(chunks)))
    kind, body = chunks[at]
    chunks[at] = (kind, any_bytes(body or b"\0", rng))
    return content[:8] + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def within_hdf5(content: bytes, rng: np.random.Generator) -> bytes:
    """A number of an array or an attribute is another, or an array is of another shape or type."""
    stream = io.BytesIO(content)
    with h5py.File(stream, "r+") as file:
        found: list[Any] = [file]
        file.visititems(lambda name, node: found.append(node))
        node = found[rng.integers(len(found))]
        if isinstance(node, h5py.Group) or rng.random() < 0.2:
            names = list(node.attrs)
            name = names[rng.integers(len(names))] if names else "shape"
            values: tuple[Any, ...] = (5, -1, [N, 2**40], [N, 2, 2], "csc_matrix", "text", 0.5, h5py.Empty("f8"))
            node.attrs[name] = values[rng.integers(len(values))]
        elif rng.random() < 0.7 and node.shape and node.dtype.kind in "iuf":
            place = tuple(int(rng.integers(side)) for side in node.shape)
            node[place] = np.array(NUMBERS[rng.integers(len(NUMBERS))]).astype(node.dtype)
        else:
            name, values = (
                node.name,
                (X, X[:, 0], X[:0], np.float64(3), "text", h5py.Empty("f8"), X.astype("i1"), np.arange(3.0)),
            )
            del file[name]
            file[name] = values[rng.integers(len(values))]
    return stream.getvalue()


STRUCTURE = re.compile(rb"GCOL|TREE|SNOD|HEAP|\x01\0.{2}\x01\0{3}", re.DOTALL)
"""How HDF5's heaps of texts, trees, tables, heaps of names and headers of objects begin."""

MOST_BYTES = 128
"""So many bytes from the beginning of a structure may be damaged: a heap's first texts, a header's first messages."""


def within_structures(content: bytes, rng: np.random.Generator) -> bytes:
    """Bytes of one of HDF5's own structures are others, which by chance are mostly those of arrays."""
    places = [match.start() for match in STRUCTURE.finditer(content)]
    start = places[rng.integers(len(places))]
    way = (flip, put_number)[rng.integers(2)]
    return content[:start] + way(content[start : start + MOST_BYTES], rng) + content[start + MOST_BYTES :]


WITHIN_HDF5 = (within_hdf5, within_structures)


# --- whole files -----------------------------------------------------------------------------------------------------------


def written(write: Callable[[io.BytesIO], object]) -> bytes:
    stream = io.BytesIO()
    write(stream)
    return stream.getvalue()


def hdf5(fill: Callable[[h5py.File], object]) -> bytes:
    def write(stream: io.BytesIO) -> None:
        with h5py.File(stream, "w") as file:
            fill(file)

    return written(write)


def plain_arrays(file: h5py.File) -> None:
    file.create_dataset("x", data=X, chunks=(8, 4), compression="gzip", shuffle=True)
    file["truth"], file["group"], file["space"] = X[:, 0], np.arange(N) // 10, "S1"


def anndata(form: str) -> Callable[[h5py.File], None]:
    def fill(file: h5py.File) -> None:
        matrix = SPARSE.tocsr() if form == "csr" else SPARSE.tocsc()
        group = file.create_group("X")
        group.attrs["encoding-type"], group.attrs["shape"] = f"{form}_matrix", matrix.shape
        group["data"], group["indices"], group["indptr"] = matrix.data, matrix.indices, matrix.indptr

    return fill


def matlab73(file: h5py.File) -> None:
    file["y"] = X.T
    file["y"].attrs["MATLAB_class"] = np.bytes_("double")
    columns = SPARSE.tocsc()
    group = file.create_group("x")
    group.attrs["MATLAB_sparse"], group.attrs["MATLAB_class"] = np.uint64(N), np.bytes_("double")
    group["data"], group["ir"], group["jc"] = columns.data, columns.indices.astype("u8"), columns.indptr.astype("u8")


def delimited(header: str, separator: str, index: bool) -> bytes:
    rows = [[str(i)] * index + [f"{value:g}" for value in row] for i, row in enumerate(X)]
    return (header + "\n" + "".join(separator.join(row) + "\n" for row in rows)).encode()


def fields(stream: io.BytesIO) -> None:
    """A table of fields of unlike types, as NumPy keeps it."""
    table = np.zeros(N, dtype=[("t", "<i8"), ("x", "<f8", (4,)), ("kind", "S3")])
    table["t"], table["x"], table["kind"] = np.arange(N) ** 2, X, b"abc"
    np.save(stream, table)


def field_table(file: h5py.File) -> None:
    stream = io.BytesIO()
    fields(stream)
    stream.seek(0)
    file["table"] = np.load(stream)


def words(separator: str, point: str) -> bytes:
    """A table with comments, texts, a clock and a column of gaps."""
    rows = [[f"{i / 10}", "abc"[i % 3], *(f"{v:g}" for v in row), "NA" if i % 9 == 5 else "1"] for i, row in enumerate(X)]
    lines = [separator.join(cells).replace(".", point) for cells in rows]
    return ("# made up\n" + separator.join(["t", "kind", *"wxyz", "gap"]) + "\n" + "\n".join(lines) + "\n").encode()


def pages(form: str) -> bytes:
    first, *rest = [Image.fromarray(page) for page in np.random.default_rng(2).integers(0, 256, (3, 8, 9), dtype=np.uint8)]
    return written(lambda stream: first.save(stream, form, save_all=True, append_images=rest))


def zipped_pictures(stream: io.BytesIO) -> None:
    with zipfile.ZipFile(stream, "w") as archive:
        for name in ("a/0.png", "a/1.png", "b/2.png"):
            archive.writestr(name, picture("L", "PNG"))


def tarred_pictures(stream: io.BytesIO) -> None:
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name in ("0.png", "1.png"):
            content = picture("RGB", "PNG")
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def safetensors() -> bytes:
    header = json.dumps({"x": {"dtype": "F64", "shape": list(X.shape), "data_offsets": [0, X.nbytes]}}).encode()
    return struct.pack("<Q", len(header)) + header + X.tobytes()


def within_market(content: bytes, rng: np.random.Generator) -> bytes:
    """A number of its sizes or of an entry is another."""
    cells = content.split(b" ")
    cells[rng.integers(len(cells))] = str(NUMBERS[rng.integers(len(NUMBERS))]).encode()
    return b" ".join(cells)


def parquet() -> tuple[Kind, ...]:
    """Kinds that pyarrow writes, where it is installed."""
    if importlib.util.find_spec("pyarrow") is None:
        return ()
    import pyarrow
    from pyarrow import feather
    from pyarrow import parquet as files

    table = pyarrow.table({"x": X[:, 0], "kind": list("abc" * (N // 3)), "y": X[:, 1]})
    return (
        Kind("a.parquet", written(lambda stream: files.write_table(table, stream)), parsed_elsewhere=True),
        Kind("a.feather", written(lambda stream: feather.write_feather(table, stream)), parsed_elsewhere=True),
    )


def picture(mode: str, form: str) -> bytes:
    pixels = np.random.default_rng(1).integers(0, 256, (8, 9, 3), dtype=np.uint8)
    return written(lambda stream: Image.fromarray(pixels).convert(mode).save(stream, form))


def own_kinds() -> tuple[Kind, ...]:
    """What topovae writes: runs and a sweep as the first version left them, without checksums, and a run and a report with."""
    run, sweep = ((ROOT / "tests" / "store" / "version1" / name).read_bytes() for name in ("run.h5", "sweep.h5"))
    with tempfile.TemporaryDirectory() as folder:
        (path := Path(folder) / "run.h5").write_bytes(run)
        known = read_run(path)
        write_run(path, known)
        write_report(report := Path(folder) / "report.h5", known.analysis or {"components": 1}, {"circle": X}, known.header)
        sealed, reported = path.read_bytes(), report.read_bytes()
    contents = {"run.h5": run, "sealed-run.h5": sealed, "sweep.h5": sweep, "report.h5": reported}
    return tuple(Kind(name, content, WITHIN_HDF5) for name, content in contents.items())


def kinds() -> tuple[Kind, ...]:
    """The table of formats."""
    npy = written(lambda stream: np.save(stream, X))
    objects = "".join(json.dumps({"x": row[:2].tolist(), "y": row[2]}) + "\n" for row in X).encode()
    sparse = {"x": SPARSE.tocsc(), "space": "S1"}
    pictures = (("L", "PNG"), ("P", "PNG"), ("RGB", "JPEG"), ("RGB", "BMP"), ("P", "GIF"), ("L", "TIFF"), ("RGB", "WEBP"))
    return (
        Kind("a.npy", npy, (within_npy_header,)),
        Kind("a.npz", written(lambda s: np.savez(s, x=X, truth=X[:, 0], group=np.arange(N))), (within_zip,)),
        Kind("packed.npz", written(lambda s: np.savez_compressed(s, x=X, space=np.array("S1"))), (within_zip,)),
        Kind("graph.npz", written(lambda s: scipy.sparse.save_npz(s, SPARSE)), (within_zip,)),
        Kind("a.csv", delimited("a,b,c,d", ",", False)),
        Kind("index.csv", delimited(",0,1,2,3", ",", True)),
        Kind("a.tsv", delimited("a\tb\tc\td", "\t", True)),
        Kind("words.csv", words(",", ".").replace(b"NA", b"2")),
        Kind("words.txt", words("\t", ",").replace(b"NA", b"2")),
        Kind("fields.npy", written(fields), (within_npy_header,)),
        Kind("fields.h5", hdf5(field_table), WITHIN_HDF5),
        Kind("rows.npz", written(lambda s: scipy.sparse.save_npz(s, SPARSE.tocsc())), (within_zip,)),
        Kind("a.mtx", written(lambda s: scipy.io.mmwrite(s, SPARSE)), (within_market,)),
        Kind("a.safetensors", safetensors()),
        Kind("pages.tif", pages("TIFF")),
        Kind("film.gif.gz", gzip.compress(pages("GIF"), mtime=0), (within_gzip,)),
        Kind("pictures.zip", written(zipped_pictures), (within_zip,)),
        Kind("pictures.tar", written(tarred_pictures)),
        *parquet(),
        Kind("a.jsonl", objects),
        Kind("lists.jsonl", "".join(json.dumps(row.tolist()) + "\n" for row in X).encode()),
        Kind("idx3-ubyte", struct.pack(">HBB3I", 0, 8, 3, N, 4, 5) + bytes(range(200)) * 3),
        Kind("a.npy.gz", gzip.compress(npy, mtime=0), (within_gzip,)),
        Kind("a.csv.gz", gzip.compress(delimited("a,b,c,d", ",", False), mtime=0), (within_gzip,)),
        Kind("a.h5", hdf5(plain_arrays), WITHIN_HDF5),
        Kind("csr.h5ad", hdf5(anndata("csr")), WITHIN_HDF5),
        Kind("csc.h5ad", hdf5(anndata("csc")), WITHIN_HDF5),
        Kind("v73.mat", hdf5(matlab73), WITHIN_HDF5),
        Kind("a.mat", written(lambda s: scipy.io.savemat(s, {"x": X, "group": np.arange(N)})), parsed_elsewhere=True),
        Kind("packed.mat", written(lambda s: scipy.io.savemat(s, {"x": X}, do_compression=True)), parsed_elsewhere=True),
        Kind("sparse.mat", written(lambda s: scipy.io.savemat(s, sparse)), parsed_elsewhere=True),
        Kind("v4.mat", written(lambda s: scipy.io.savemat(s, {"x": X}, format="4")), parsed_elsewhere=True),
        *(
            Kind(f"{mode}.{form.lower()}", picture(mode, form), (within_png,) if form == "PNG" else ())
            for mode, form in pictures
        ),
    )
