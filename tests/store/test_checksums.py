"""Whatever is changed in a file without its checksum is named at the next read, by whichever reader."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from support.run_files import edited

from topovae.data.readers.find import read, read_table
from topovae.data.writers import write_columns
from topovae.errors import RunFileError
from topovae.store.checksums import CHECKSUMS, checksum, checksum_by_rows
from topovae.store.inspect import describe, field
from topovae.store.reader import read_report, read_reproduction, read_run, read_sweep
from topovae.store.schema import (
    SPLITS,
    SWEEP_METRICS,
    Checkpoint,
    Header,
    Member,
    Provenance,
    Reproduction,
    Run,
    Sweep,
    SweepRun,
)
from topovae.store.tree import GroupReader
from topovae.store.writer import write_report, write_reproduction, write_run, write_sweep

HEADER = Header(("topovae",), {"a": 1}, 0, Provenance("x.npy", (9, 2), "float32", "0" * 64), "cpu", {}, "2026-01-01", "9.8.7")
ARRAYS = {"w": np.linspace(0, 1, 6).reshape(2, 3), "step": np.array(3.0), "names": np.array(["a", "b"])}


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """One file of each kind."""
    member = Member(
        "S1",
        {"network": "mlp"},
        ARRAYS,
        {"epoch": np.arange(3)},
        {"test": {"rms": 1.0, "iwae": None, "list": [{"a": 1}, 2]}, "empty": {}},
        {"test": {"coordinates": np.linspace(0, 6, 9)[:, None]}},
        Checkpoint(2, False, ARRAYS, ARRAYS, ARRAYS, 1, -3.5),
        ARRAYS,
    )
    split = {"train": np.arange(7), "valid": np.array([7]), "test": np.array([8])}
    write_run(tmp_path / "run.h5", Run(HEADER, split, member, member, {"components": 1}, {"start": np.ones((9, 1))}))
    write_report(tmp_path / "report.h5", {"components": 1}, {"start": np.ones(9)}, HEADER)
    row = SweepRun("S1", 1.0, 0, 1, 1, 0.5, {name: dict.fromkeys(SWEEP_METRICS, 1.0) for name in SPLITS})
    write_sweep(tmp_path / "sweep.h5", Sweep(HEADER, (row,), {0: {"0": np.ones((9, 1))}}))
    write_reproduction(tmp_path / "reproduction.h5", Reproduction(HEADER, ({"row": "a", "beta": 1.0, "seed": 0},)))
    return {name: tmp_path / f"{name}.h5" for name in READERS}


READERS: dict[str, Callable[[Path], object]] = {
    "run": read_run,
    "report": read_report,
    "sweep": read_sweep,
    "reproduction": read_reproduction,
}


def places(path: Path) -> list[tuple[str, str]]:
    """(group, name) of every dataset, and of every attribute with "@" before it."""
    found = []
    with h5py.File(path) as file:
        groups = [("", file)]
        file.visititems(lambda name, entry: groups.append((name, entry)) if isinstance(entry, h5py.Group) else None)
        for name, group in groups:
            found += [(name, f"@{key}") for key in group.attrs if key != CHECKSUMS]
            found += [(name, key) for key, entry in group.items() if isinstance(entry, h5py.Dataset)]
    return found


def other(value: object) -> object:
    """Another value of the same type and shape."""
    array = np.asarray(value)
    if array.dtype.kind in "OSU":
        changed = np.array([f"{text}x" for text in array.astype(str).ravel()], dtype=object).reshape(array.shape)
        return changed if array.ndim else changed.item()
    return array == 0 if array.dtype.kind == "b" else array + 1


@pytest.mark.usefixtures("texts_are_sound")
@pytest.mark.parametrize("kind", READERS)
def test_every_change_of_a_value_is_named_by_its_place(files: dict[str, Path], kind: str, tmp_path: Path) -> None:
    found = places(files[kind])
    assert len(found) > {"run": 60, "report": 14, "sweep": 30, "reproduction": 13}[kind]
    for folder, name in found:
        changed = Path(shutil.copy(files[kind], tmp_path / "changed.h5"))
        with h5py.File(changed, "r+") as file:
            group = file[folder or "/"]
            if name.startswith("@"):
                group.attrs[name[1:]] = other(group.attrs[name[1:]])
            else:
                dataset = group[name]
                dataset[...] = other(dataset.asstr()[()] if h5py.check_string_dtype(dataset.dtype) else dataset[()])
        with pytest.raises(
            RunFileError, match=f"damaged: /{folder}{'/' if folder and name[0] != '@' else ''}{name} is not what"
        ):
            READERS[kind](changed)


@pytest.mark.usefixtures("texts_are_sound")
@pytest.mark.parametrize("kind", READERS)
def test_everything_that_is_lost_or_renamed_is_named(files: dict[str, Path], kind: str, tmp_path: Path) -> None:
    for folder, name in places(files[kind]):
        for rename in (False, True):
            changed = Path(shutil.copy(files[kind], tmp_path / "changed.h5"))
            with h5py.File(changed, "r+") as file:
                group = file[folder or "/"]
                names, key = (group.attrs, name[1:]) if name.startswith("@") else (group, name)
                if rename:
                    names[f"{key}x"] = names[key]
                del names[key]
            with pytest.raises(RunFileError, match=f"lacks /{folder}.*{name}"):
                READERS[kind](changed)


def test_a_group_that_is_lost_is_named(files: dict[str, Path]) -> None:
    with h5py.File(files["run"], "r+") as file:
        del file["metrics/final/empty"]
    with pytest.raises(RunFileError, match="lacks /metrics/final/empty"):
        read_run(files["run"])


def test_what_is_read_in_part_is_compared_too(files: dict[str, Path]) -> None:
    with h5py.File(files["run"], "r+") as file:
        file["latents/test/coordinates"][3, 0] += 1e-9
        file.attrs["seed"] = 7
    for name in ("latents/test/coordinates", "seed"):
        with pytest.raises(RunFileError, match=name):
            field(files["run"], name)
    assert field(files["run"], "metrics/final/test/rms") == 1.0
    with pytest.raises(RunFileError, match="latents/test/coordinates"):
        read(f"{files['run']}::latents/test/coordinates")


def test_latents_in_a_file_of_their_own_are_compared(tmp_path: Path) -> None:
    path, z = tmp_path / "z.h5", np.linspace(0, 6, 90).reshape(30, 3)
    write_columns({"z": z, "scale": z[:, :1]}, str(path), None)
    np.testing.assert_array_equal(read(f"{path}::z").x[:], z)
    with h5py.File(path, "r+") as file:
        file["z"][7, 1] += 1e-12
    with pytest.raises(RunFileError, match="/z is not what"):
        read_table(f"{path}::z")
    np.testing.assert_array_equal(read_table(f"{path}::scale"), z[:, :1])


def test_a_file_without_checksums_is_read_as_it_is(files: dict[str, Path]) -> None:
    before = read_run(files["run"])
    with edited(files["run"]) as file:
        file["split/train"][0] = 1
    assert read_run(files["run"]).split["train"][0] == 1 != before.split["train"][0]
    assert describe(files["run"])["checksums"] is False and describe(files["report"])["checksums"] is True


def test_checksums_that_are_damaged_themselves_are_named(files: dict[str, Path]) -> None:
    for content in ("", "[]", '{"": 1}', '{"": {"@seed": "00000000"}}', '{"": {"@sead": "00000000"}}'):
        with h5py.File(files["run"], "r+") as file:
            file.attrs[CHECKSUMS] = content
        with pytest.raises(RunFileError, match=r"run\.h5 is damaged"):
            read_run(files["run"])


def test_a_checksum_by_rows_is_that_of_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("topovae.store.checksums.BLOCK_BYTES", 100)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        for name, array in {
            "a": np.arange(60.0).reshape(20, 3),
            "b": np.zeros((0, 3)),
            "c": np.arange(99, dtype=">i2"),
        }.items():
            file[name] = array
            assert checksum_by_rows(file[name]) == checksum(array) != checksum(array.astype(np.float32))


def test_a_checksum_tells_every_bit_the_shape_and_the_type() -> None:
    array = np.arange(6, dtype=np.int16)
    bits = np.unpackbits(array.view(np.uint8))
    flipped = [bits ^ (np.arange(len(bits)) == i) for i in range(len(bits))]
    sums = {checksum(np.packbits(one).view(np.int16)) for one in flipped}
    sums |= {checksum(array), checksum(array.reshape(2, 3)), checksum(array.view(np.uint16)), checksum(array.astype(str))}
    assert len(sums) == len(bits) + 4


def test_what_was_put_in_beside_is_given_as_it_is(files: dict[str, Path]) -> None:
    with h5py.File(files["run"], "r+") as file:
        file["mine/array"] = np.arange(3)
    with h5py.File(files["run"]) as file:
        assert GroupReader.of_file(file).group("mine").read_array("array").tolist() == [0, 1, 2]
