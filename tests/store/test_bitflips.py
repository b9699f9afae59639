"""A bit that flips in a file is named when the file is read, or changes nothing that is read."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from support.places import ROOT

from topovae.errors import RunFileError
from topovae.store.reader import read_run
from topovae.store.writer import write_run


@pytest.mark.usefixtures("texts_are_sound")
def test_a_flipped_bit_is_named_or_without_effect(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    write_run(path, read_run(ROOT / "tests" / "store" / "version1" / "run.h5"))
    content, rng = path.read_bytes(), np.random.default_rng(0)
    known = pickle.dumps({**vars(read_run(path)), "sealed": None})
    named = 0
    for position in rng.integers(len(content), size=150).tolist():
        flipped = content[position] ^ (1 << int(rng.integers(8)))
        path.write_bytes(content[:position] + bytes([flipped]) + content[position + 1 :])
        try:
            found = read_run(path)
        except RunFileError as error:
            assert "run.h5" in str(error)
            named += 1
        else:
            # without checksums where the bit was in their name: then a note tells so
            assert pickle.dumps({**vars(found), "sealed": None}) == known, position
    assert named > 10
