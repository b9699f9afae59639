"""The tool as a user has it: commands in this process or in one of their own."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import random
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from support.places import ROOT

SILENT = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)
"""Warnings that Python shows nobody unless asked to."""


@dataclass(frozen=True)
class Outcome:
    """What a finished command left: exit code, stdout as bytes, stderr as text."""

    code: int
    out: bytes
    err: str

    def json(self) -> Any:
        """The one document on stdout of a command that succeeded."""
        assert self.code == 0, self.err
        return json.loads(self.out)


class Tool:
    """Runs `python -m topovae` in a folder.

    A call runs a command in this process, which spares the imports: standard input is a pipe, what anything writes to the
    file descriptors of output and errors is caught, and the process is left as it was. `process`, `start` and `shell` are for
    what only a process of its own can show: signals, limits, broken pipes, and that two processes give the same bytes.
    `environment` is that of every command.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        self.environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}

    def __call__(self, *words: object, stdin: bytes = b"") -> Outcome:
        with (
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
            mock.patch.dict(os.environ, self.environment, clear=True),
            mock.patch.object(sys, "argv", ["topovae", *map(str, words)]),
            contextlib.chdir(self.folder),
            global_state_kept(),
        ):
            with standard_streams(stdin, out.fileno(), err.fileno()), python_warnings():
                code = exit_code()
            out.seek(0)
            err.seek(0)
            return Outcome(code, out.read(), err.read().decode())

    def process(self, *words: object, stdin: bytes | None = None, before: Callable[[], None] | None = None) -> Outcome:
        """Run a command in a process of its own; `before` is called there first."""
        done = subprocess.run(
            [sys.executable, "-m", "topovae", *map(str, words)],
            cwd=self.folder,
            env=self.environment,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            preexec_fn=before,
            timeout=120,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr.decode())

    def start(self, *words: object, program: tuple[str, ...] = ("-m", "topovae")) -> subprocess.Popen[bytes]:
        """Start a command that an interrupt reaches, and leave it running; `program` are the interpreter's own arguments."""
        return subprocess.Popen(
            [sys.executable, *program, *map(str, words)],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # tests started in the background of a shell hand down that interrupts are ignored
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def shell(self, line: str) -> Outcome:
        """Run a line of bash in which `topovae` is the tool."""
        named = f'topovae() {{ "{sys.executable}" -m topovae "$@"; }}; {line}'
        done = subprocess.run(
            ["bash", "-c", named], cwd=self.folder, env=self.environment, capture_output=True, timeout=120, check=False
        )
        return Outcome(done.returncode, done.stdout, done.stderr.decode())


def exit_code() -> int:
    """Run `python -m topovae` with the present arguments and streams; the code that a process would end with."""
    # runpy warns of a module that it is to run and finds imported.
    sys.modules.pop("topovae.__main__", None)
    try:
        runpy.run_module("topovae", run_name="__main__", alter_sys=True)
    except SystemExit as done:
        assert done.code is None or isinstance(done.code, int)
        return done.code or 0
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


@contextlib.contextmanager
def standard_streams(stdin: bytes, out: int, err: int) -> Iterator[None]:
    """Standard input is a pipe with these bytes, and the two outputs are these file descriptors, for C libraries too."""
    given = pipe_of(stdin)
    kept = [os.dup(number) for number in range(3)]
    try:
        for number, replacement in enumerate((given, out, err)):
            os.dup2(replacement, number)
        os.close(given)
        with (
            open(0, closefd=False, encoding="utf-8") as read,
            open(1, "w", closefd=False, encoding="utf-8") as shown,
            open(2, "w", closefd=False, encoding="utf-8", buffering=1) as said,
            mock.patch.multiple(sys, stdin=read, stdout=shown, stderr=said),
        ):
            yield
    finally:
        for number, original in enumerate(kept):
            os.dup2(original, number)
            os.close(original)


def pipe_of(content: bytes) -> int:
    """The reading end of a pipe into which another thread writes the bytes."""
    reading, writing = os.pipe()

    def feed() -> None:
        with contextlib.suppress(BrokenPipeError), open(writing, "wb") as stream:
            stream.write(content)

    threading.Thread(target=feed, daemon=True).start()
    return reading


@contextlib.contextmanager
def python_warnings() -> Iterator[None]:
    """Python's own handling of warnings, on the present stderr, instead of pytest's."""

    def show(message: Any, category: Any, filename: str, lineno: int, file: Any = None, line: str | None = None) -> None:
        sys.stderr.write(warnings.formatwarning(message, category, filename, lineno, line))

    with warnings.catch_warnings(), mock.patch.object(warnings, "showwarning", show):
        warnings.resetwarnings()
        for category in SILENT:
            warnings.simplefilter("ignore", category)
        yield


@contextlib.contextmanager
def global_state_kept() -> Iterator[None]:
    """Leave what belongs to the whole process as it was; the random states within are new ones, as those of a process are."""
    import torch

    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE)}
    plain, network = random.getstate(), torch.get_rng_state()
    legacy = np.random.get_state()  # noqa: NPY002 (what libraries may draw from)
    dtype, threads, products = torch.get_default_dtype(), torch.get_num_threads(), torch.get_float32_matmul_precision()
    level, loggers = logging.root.level, logging.root.handlers[:]
    random.seed()
    np.random.seed()  # noqa: NPY002
    torch.seed()
    try:
        with np.errstate(), np.printoptions(), torch.enable_grad():
            yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        random.setstate(plain)
        np.random.set_state(legacy)  # noqa: NPY002
        torch.set_rng_state(network)
        torch.set_default_dtype(dtype)
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision(products)
        logging.root.setLevel(level)
        logging.root.handlers[:] = loggers
