"""Files that are damaged, foreign or from the future each get one message, never another exception."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from support.run_files import edited

from topovae.errors import InputError, RunFileError
from topovae.store.inspect import describe, field
from topovae.store.reader import read_report, read_run
from topovae.store.schema import Header, Member, Provenance, Run
from topovae.store.writer import write_report, write_run

HEADER = Header(
    ("topovae",),
    {"a": 1},
    0,
    Provenance("x.npy", (9, 2), "float32", "0" * 64),
    "cpu",
    {},
    "2026-01-01",
    "9.8.7",
)
READERS: dict[str, Callable[[Path], object]] = {
    "read_run": read_run,
    "read_report": read_report,
    "describe": describe,
    "field": lambda path: field(path, "metrics/final"),
}


@pytest.fixture
def run_file(tmp_path: Path) -> Path:
    state = {f"layer.{index}": np.full((20, 20), index, np.float32) for index in range(4)}
    member = Member("S1", {"network": "mlp"}, state, {"epoch": np.arange(3)}, {"test": {"rms": 1.0}})
    split = {"train": np.arange(7), "valid": np.array([7]), "test": np.array([8])}
    write_run(tmp_path / "run.h5", Run(HEADER, split, member, member, {"components": 1}, {"circle": np.ones(9)}))
    return tmp_path / "run.h5"


@pytest.mark.parametrize("reader", READERS)
def test_cut_at_any_place(reader: str, run_file: Path) -> None:
    whole = run_file.read_bytes()
    offsets = {*range(0, 100, 7), *range(0, len(whole), 997), len(whole) - 1}
    for offset in sorted(offsets):
        run_file.write_bytes(whole[:offset])
        with pytest.raises(RunFileError, match="damaged"):
            READERS[reader](run_file)


@pytest.mark.usefixtures("texts_are_sound")
def test_bytes_overwritten_at_random_are_never_another_exception(run_file: Path) -> None:
    rng, whole = np.random.default_rng(0), run_file.read_bytes()
    for _ in range(100):
        spoilt = bytearray(whole)
        start = int(rng.integers(0, len(whole) - 16))
        spoilt[start : start + 16] = rng.bytes(16)
        run_file.write_bytes(spoilt)
        with contextlib.suppress(RunFileError):
            read_run(run_file)


@pytest.mark.parametrize("reader", READERS)
def test_file_from_the_future(reader: str, run_file: Path) -> None:
    with edited(run_file) as file:
        file.attrs["format_version"] = 2
    if reader == "field":
        assert field(run_file, "metrics/final") == {"test": {"rms": 1.0}}
        return
    with pytest.raises(RunFileError, match=r"made by a newer topovae \(version 9\.8\.7\).*upgrade"):
        READERS[reader](run_file)


@pytest.mark.parametrize("reader", READERS)
def test_missing_file_and_folder(reader: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        READERS[reader](tmp_path / "none.h5")
    with pytest.raises(InputError, match="is a folder"):
        READERS[reader](tmp_path)


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY\x01\x00", b"\x89HDF\r\n\x1a\n", b"PK\x03\x04"])
@pytest.mark.parametrize("reader", READERS)
def test_not_hdf5(reader: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.h5").write_bytes(content)
    with pytest.raises(RunFileError, match="damaged"):
        READERS[reader](tmp_path / "x.h5")


def test_foreign_hdf5_is_told_what_it_is(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["spikes"] = np.ones(3)
        file.attrs["format"] = np.arange(3)
    with pytest.raises(RunFileError, match="HDF5 file of another kind, which holds spikes"):
        read_run(tmp_path / "x.h5")
    with pytest.raises(RunFileError, match="HDF5 file of another kind, which holds spikes"):
        read_report(tmp_path / "x.h5")


def test_report_given_as_run_and_run_without_diagnosis(tmp_path: Path) -> None:
    write_report(tmp_path / "report.h5", {}, {}, HEADER)
    with pytest.raises(RunFileError, match="it is a report, made by `topovae analyze"):
        read_run(tmp_path / "report.h5")
    write_run(tmp_path / "run.h5", Run(HEADER, {}, Member("S1", {}, {})))
    with pytest.raises(RunFileError, match="run file without a diagnosis"):
        read_report(tmp_path / "run.h5")


@pytest.mark.parametrize(
    "path",
    ["split", "model", "model/state", "metrics/history", "metrics/final", "latents", "baseline/model/state"],
)
def test_missing_group_is_named(path: str, run_file: Path) -> None:
    with edited(run_file) as file:
        del file[path]
    with pytest.raises(RunFileError, match=f"lacks .*/{path}"):
        read_run(run_file)


@pytest.mark.parametrize(("place", "name"), [("/", "seed"), ("/", "latent"), ("model", "config")])
def test_missing_attribute_is_named(place: str, name: str, run_file: Path) -> None:
    with edited(run_file) as file:
        del file[place].attrs[name]
    with pytest.raises(RunFileError, match=f"lacks .*@{name}"):
        read_run(run_file)


def _external_weights(file: h5py.File) -> None:
    weights = file["model/state/layer.0"]
    shape, place = weights.shape, Path(file.filename).with_suffix(".bin")
    weights[()].tofile(place)
    del file["model/state/layer.0"]
    file["model/state"].create_dataset("layer.0", shape, "f4", external=[(str(place), 0, 1600)])


def _linked(link: h5py.ExternalLink | h5py.SoftLink) -> Callable[[h5py.File], None]:
    def put(file: h5py.File) -> None:
        del file["model/state/layer.0"]
        file["model/state/layer.0"] = link

    return put


ELSEWHERE = {
    "external storage": _external_weights,
    "a link to another file": _linked(h5py.ExternalLink("other.h5", "/x")),
    "a link in the file": _linked(h5py.SoftLink("/split/train")),
}


@pytest.mark.parametrize("put", ELSEWHERE.values(), ids=ELSEWHERE.keys())
def test_numbers_that_lie_elsewhere_are_refused(put: Callable[[h5py.File], None], run_file: Path) -> None:
    with h5py.File(run_file.with_name("other.h5"), "w") as other:
        other["x"] = np.zeros((20, 20), np.float32)
    with edited(run_file) as file:
        put(file)
    for read in (read_run, lambda path: field(path, "model/state/layer.0")):
        with pytest.raises(RunFileError, match=r"/model/state/layer\.0 .*which topovae never writes"):
            read(run_file)
