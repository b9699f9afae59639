"""One place, one writer: a second training into the same file is refused, and a run gives way only to one of its latent."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.places import ROOT

from topovae.errors import OutputError
from topovae.store.atomic import holding
from topovae.store.reader import read_run

HOLD = """
import sys, time
from topovae.store.atomic import holding
with holding(sys.argv[1]):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_place_is_held_as_long_as_its_process_lives(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}) as child:
        assert child.stdout is not None and child.stdout.readline() == b"held\n"
        (tmp_path / "link.h5").symlink_to(path)
        for name in ("run.h5", "link.h5"):
            with pytest.raises(OutputError, match=f"another process of topovae is writing .*{name}"), holding(tmp_path / name):
                pytest.fail("the place was given twice")
        with holding(tmp_path / "other.h5"):
            pass
        child.send_signal(signal.SIGKILL)
        child.wait()
    with holding(path):
        assert (tmp_path / ".run.h5.lock").exists()
    assert [entry.name for entry in tmp_path.iterdir()] == ["link.h5"]


@pytest.mark.parametrize(
    "words",
    [
        ("train", "--latent", "R2"),
        ("train", "--latent", "S1", "--resume"),
        ("sweep", "--latents", "R2", "--seeds", 1),
        ("analyze",),
    ],
)
def test_a_second_writer_of_a_file_is_refused(tool: Any, squares: Path, words: tuple[object, ...]) -> None:
    with holding(tool.folder / "out.h5"):
        refused = tool(words[0], squares, *words[1:], "-o", "out.h5")
    assert refused.code == 3 and "another process of topovae is writing out.h5" in refused.err
    assert list(tool.folder.iterdir()) == []


def test_a_finished_run_gives_way_to_another_latent_by_force_alone(tool: Any, squares: Path, run: Path) -> None:
    kept = Path(shutil.copy(run, tool.folder / "kept.h5"))
    before = kept.read_bytes()
    words = ("train", squares, "--latent", "R2", "--epochs", 1, "-o", kept)
    refused = tool(*words)
    assert refused.code == 3 and "a finished run of S1" in refused.err and "--force" in refused.err
    assert kept.read_bytes() == before
    for more in (("--force",), ()):  # the second is of the same latent
        assert tool(*words, *more).code == 0
        assert read_run(kept).model.latent == "R2"
    assert [entry.name for entry in tool.folder.iterdir()] == ["kept.h5"]
