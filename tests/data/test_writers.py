"""What is written is read back, by numpy and h5py alone, and nothing is left behind when writing fails."""

import io
import os
import subprocess
import sys

import h5py
import numpy as np
import pytest

from topovae.data import writers
from topovae.data.readers.find import read_table
from topovae.data.synthetic.spaces import Sample, generate
from topovae.data.writers import FORMATS, write, write_columns
from topovae.errors import OutputError, UsageError

IMAGES = np.random.default_rng(0).integers(0, 255, (3, 8, 8), dtype=np.uint8)
SAMPLES = {
    "cloud": generate("mobius", 50, noise=0.1),
    "pictures": generate("rotated", images=IMAGES, exemplars=3, copies=5),
    "bare": Sample(np.zeros((4, 2), np.float32), None, None, None, "bare"),
}
COLUMNS = {"z": np.arange(10.0).reshape(5, 2), "x": np.arange(30.0).reshape(5, 2, 3)}


def load_npz(path):
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] if file[name].ndim else str(file[name]) for name in file.files}


def load_h5(path):
    with h5py.File(path) as file:
        return {name: data[:] for name, data in file.items()} | dict(file.attrs)


each_sample_format = pytest.mark.parametrize("suffix", [form.suffix for form in FORMATS if form.sample])
each_column_format = pytest.mark.parametrize("suffix", [form.suffix for form in FORMATS if form.columns])
READERS = {"npz": load_npz, "h5": load_h5, "hdf5": load_h5}


@pytest.mark.parametrize("suffix", READERS)
@pytest.mark.parametrize("kind", SAMPLES)
def test_round_trip(tmp_path, suffix, kind):
    sample = SAMPLES[kind]
    path = tmp_path / f"file.{suffix}"
    write(sample, path, command="topovae generate")
    content = READERS[suffix](path)
    expected = {key: value for key, value in vars(sample).items() if value is not None} | {"command": "topovae generate"}
    assert content.keys() == expected.keys()
    for key, value in expected.items():
        np.testing.assert_array_equal(content[key], value)
        assert isinstance(value, str) or content[key].dtype == value.dtype
    assert os.listdir(tmp_path) == [path.name]


@each_sample_format
def test_equal_samples_give_equal_bytes(tmp_path, suffix):
    for name in ("a", "b"):
        write(generate("klein", 30, ambient=20, noise=0.1, seed=1), str(tmp_path / f"{name}{suffix}"))
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


@pytest.mark.parametrize("kind", SAMPLES)
def test_data_alone(tmp_path, kind):
    sample, stream = SAMPLES[kind], io.BytesIO()
    write(sample, stream)
    write(sample, tmp_path / "x.npy")
    write(sample, tmp_path / "x.csv")
    assert stream.getvalue() == (tmp_path / "x.npy").read_bytes()
    np.testing.assert_array_equal(np.load(io.BytesIO(stream.getvalue()), allow_pickle=False), sample.x)
    rows = np.loadtxt(tmp_path / "x.csv", delimiter=",", skiprows=1, ndmin=2)
    np.testing.assert_array_equal(rows.astype(sample.x.dtype), sample.x.reshape(len(sample.x), -1))


def test_standard_output_may_be_a_pipe():
    code = "from topovae.data import generate; from topovae.data.writers import write; write(generate('circle', 9), '-')"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    np.testing.assert_array_equal(np.load(io.BytesIO(result.stdout)), generate("circle", 9).x)


def test_image_files_are_compressed_by_rows(tmp_path):
    write(SAMPLES["pictures"], tmp_path / "x.h5")
    with h5py.File(tmp_path / "x.h5") as file:
        assert file["x"].compression == "gzip" and file["x"].shuffle and file["x"].chunks[1:] == (8, 8)


def test_a_wrong_ending_is_told_the_formats_there_are():
    with pytest.raises(UsageError, match=r"\.txt.*one of \.npz, \.h5, \.hdf5, \.npy, \.csv, or -"):
        write(SAMPLES["cloud"], "points.txt")
    with pytest.raises(UsageError, match="'txt': expected one of npy, npz, csv, h5, jsonl "):
        write_columns(COLUMNS, "points.txt", None)


@each_column_format
def test_columns_are_read_back(tmp_path, suffix):
    for name in ("a", "b"):
        write_columns(COLUMNS, str(tmp_path / f"{name}{suffix}"), None)
    write_columns(COLUMNS, str(tmp_path / "other"), suffix.removeprefix("."))
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1
    side_by_side = np.concatenate([values.reshape(5, -1) for values in COLUMNS.values()], axis=1)
    chosen = f"{tmp_path / 'a'}{suffix}" + ("::z" if suffix in (".npz", ".h5") else "")
    np.testing.assert_array_equal(read_table(chosen), COLUMNS["z"] if "::" in chosen else side_by_side)


def test_one_array_alone_keeps_its_shape(tmp_path):
    write_columns({"x": COLUMNS["x"]}, str(tmp_path / "x.npy"), None)
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), COLUMNS["x"])


@each_sample_format
def test_missing_folder_is_refused(tmp_path, suffix):
    with pytest.raises(OutputError, match="cannot write"):
        write(SAMPLES["cloud"], tmp_path / "none" / f"x{suffix}")


@each_sample_format
def test_a_full_disk_leaves_the_old_file(tmp_path, suffix, monkeypatch):
    path = tmp_path / f"x{suffix}"
    path.write_bytes(b"old")

    def full(sample, stream, command):
        stream.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writers, "FORMATS", (writers.OutputFormat(suffix, full),))
    with pytest.raises(OutputError, match="disk is full"):
        write(SAMPLES["cloud"], path)
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == [path.name]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_a_full_stream_is_an_output_error():
    with open("/dev/full", "wb") as stream, pytest.raises(OutputError):
        try:
            write(SAMPLES["cloud"], stream)
        finally:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # so that closing can flush


def test_a_closed_pipe_stays_a_broken_pipe():
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb", buffering=0) as stream, pytest.raises(BrokenPipeError):
        write(generate("circle", 100_000), stream)
