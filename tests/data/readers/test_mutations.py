"""Whatever the bytes of a file are, a reader gives rows or an error of ours; `tests/benchmarks/fuzz.py` goes on for longer."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
from support.mutations import Kind, kinds

from topovae.data.checks import check
from topovae.data.readers.find import read
from topovae.errors import InputError, ResourceError

SECONDS = 0.5
"""Each format's share of the time of the tests; its first files are always looked at, and no more than so many."""

LEAST, MOST = 8, 200
PICTURES = ("png", "jpeg", "bmp", "gif", "tiff", "webp")
ALL = {kind.name: kind for kind in kinds()}


def put(folder: Path, kind: Kind, content: bytes) -> Path:
    """The place to read: the file, or the folder in which it is one of two pictures."""
    path = folder / kind.name
    if not kind.name.endswith(PICTURES):
        path.write_bytes(content)
        return path
    path = folder / f"{kind.name}.folder"
    path.mkdir(exist_ok=True)
    for name in ("0", "1"):
        (path / f"{name}{os.path.splitext(kind.name)[1]}").write_bytes(content)
    return path


@pytest.mark.parametrize("name", ALL)
def test_whole_files_are_read(name: str, tmp_path: Path) -> None:
    data = read(put(tmp_path, ALL[name], ALL[name].content))
    assert data.load().size


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ALL)
def test_damaged_files_are_rows_or_an_error_of_ours(name: str, tmp_path: Path) -> None:
    kind, ends = ALL[name], time.monotonic() + SECONDS
    seed = 0
    while seed < LEAST or (seed < MOST and time.monotonic() < ends):
        place = put(tmp_path, kind, kind.damaged(np.random.default_rng(seed)))
        try:
            check(read(place, memory=2**26), minimum=1)
        except (InputError, ResourceError) as error:
            assert len(str(error)) < 2000
        except Exception as error:
            pytest.fail(f"seed {seed}: {type(error).__name__}: {error}")
        seed += 1


def test_damage_is_the_same_for_a_seed() -> None:
    for kind in ALL.values():
        assert kind.damaged(np.random.default_rng(3)) == kind.damaged(np.random.default_rng(3))
    changed = [kind.damaged(np.random.default_rng(3)) != kind.content for kind in ALL.values()]
    assert sum(changed) > len(changed) / 2
