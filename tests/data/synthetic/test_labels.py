"""Labels are read from every format that they come in, and damage is named."""

import gzip
import io
import struct

import numpy as np
import pytest

from topovae.data.synthetic.labels import read_labels
from topovae.errors import InputError

LABELS = np.array([3, 0, 7, 7, 255], dtype=np.uint8)
IDX = bytes([0, 0, 8, 1]) + struct.pack(">I", len(LABELS)) + LABELS.tobytes()


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


GOOD = {
    "idx": IDX,
    "npy": npy(LABELS),
    "npy of floats": npy(LABELS.astype(float)),
    "text": b"3\n0\n7\n7\n255\n",
    "text without a last line break": b"3 0 7 7 255",
}
BAD = {
    "too short": IDX[:-1],
    "truncated npy": npy(LABELS)[:-2],
    "truncated gzip": gzip.compress(IDX)[:-9],
    "words": b"four\nseven\n",
    "fractions": b"0.5\n1\n",
    "two columns": npy(np.zeros((3, 2))),
    "bytes": b"\xff\xfe\x00\x01",
    "objects": npy(np.array(["a"])),
}


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("content", GOOD.values(), ids=GOOD)
def test_labels_are_read(tmp_path, content, pack):
    path = tmp_path / "labels"
    path.write_bytes(pack(content))
    labels = read_labels(str(path))
    assert labels.dtype == np.int64
    np.testing.assert_array_equal(labels, LABELS)


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_what_is_no_list_of_labels_is_refused(tmp_path, content):
    path = tmp_path / "labels"
    path.write_bytes(content)
    with pytest.raises(InputError, match="labels"):
        read_labels(str(path))


def test_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="none"):
        read_labels(str(tmp_path / "none"))
