"""A command in this process gives what it gives in a process of its own, and leaves this one as it was."""

from __future__ import annotations

import os
import random
import signal
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.tool import pipe_of, standard_streams

OUTCOMES: dict[str, tuple[int, tuple[object, ...]]] = {
    "a table": (0, ("spaces",)),
    "a pipe, a document and a warning": (0, ("analyze", "-", "--json", "--max-dim", 1)),
    "no such command": (2, ("frobnicate",)),
    "a wrong expression": (2, ("train", "x.npy", "--latent", "S1x")),
    "a missing file": (3, ("analyze", "no.npy")),
    "a damaged run": (4, ("inspect", "bad.h5")),
    "too little memory": (5, ("analyze", "x.npy", "--memory", "1MiB")),
    "a run that diverges": (1, ("train", "x.npy", "--latent", "R2", "--learning-rate", 1e8, "--epochs", 2, "-o", "run.h5")),
}


@pytest.mark.parametrize("name", OUTCOMES)
def test_code_and_streams_are_those_of_a_process_of_its_own(tool: Any, name: str) -> None:
    code, words = OUTCOMES[name]
    x = np.random.default_rng(0).random((60, 3), dtype=np.float32)
    x[:, 2] = 1.0
    np.save(tool.folder / "x.npy", x)
    (tool.folder / "bad.h5").write_bytes(b"hello")
    given = (tool.folder / "x.npy").read_bytes()
    own = tool.process(*words, stdin=given)
    assert own.code == code and own.out + own.err.encode()
    (tool.folder / "run.h5").unlink(missing_ok=True)
    assert tool(*words, stdin=given) == own


def test_an_error_of_ours_is_a_traceback_and_exit_code_1(tool: Any) -> None:
    for outcome in (tool.process("analyze", "no.npy", "--debug"), tool("analyze", "no.npy", "--debug")):
        assert (outcome.code, outcome.out) == (1, b"") and "Traceback" in outcome.err and "InputError" in outcome.err


def state() -> dict[str, Any]:
    """What belongs to the whole process and a command could change."""
    return {
        "place": (os.getcwd(), dict(os.environ), sys.argv[:], sys.modules["__main__"]),
        "streams": (sys.stdin, sys.stdout, sys.stderr, [os.fstat(number)[:3] for number in range(3)]),
        "signals": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)],
        "random": (random.getstate(), torch.get_rng_state().tolist()),
        "legacy random": [str(part) for part in np.random.get_state()],  # noqa: NPY002
        "torch": (torch.get_num_threads(), torch.get_default_dtype(), torch.get_float32_matmul_precision()),
        "numpy": (np.geterr(), np.get_printoptions()),
        "warnings": (warnings.filters[:], warnings.showwarning),
    }


def test_the_process_is_left_as_it_was(tool: Any, squares: Path) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        before = state()
        assert tool("train", squares, "--latent", "R2", "--epochs", 1, "--threads", 1, "-o", "run.h5").code == 0
        assert tool("analyze", "no.npy", "--debug").code == 1
        after = state()
        assert [name for name in before if before[name] != after[name]] == []
    finally:
        torch.set_num_threads(threads)


def test_what_c_libraries_write_is_caught(tmp_path: Path) -> None:
    with (
        open(tmp_path / "out", "wb") as out,
        open(tmp_path / "err", "wb") as err,
        standard_streams(b"given", out.fileno(), err.fileno()),
    ):
        os.write(1, os.read(0, 100))
        os.write(2, b"said")
        sys.stdout.write(", shown")
    assert ((tmp_path / "out").read_bytes(), (tmp_path / "err").read_bytes()) == (b"given, shown", b"said")


def test_a_pipe_that_nobody_reads_to_its_end_keeps_nothing_waiting() -> None:
    reading = pipe_of(bytes(10**6))
    assert len(os.read(reading, 10)) == 10
    os.close(reading)
