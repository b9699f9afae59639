"""The tool as a user has it: commands in subprocesses, on small data and runs made once a session."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

EPOCHS = "12"


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
    """Runs `python -m topovae` in a folder; `environment` is for commands that a test starts itself."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        root = str(Path(__file__).parents[2])
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        self.environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}

    def __call__(self, *words: object, stdin: bytes | None = None, before: Callable[[], None] | None = None) -> Outcome:
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
        """Start a command and leave it running; `program` are the interpreter's own arguments."""
        return subprocess.Popen(
            [sys.executable, *program, *map(str, words)],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def shell(self, line: str) -> Outcome:
        """Run a line of bash in which `topovae` is the tool."""
        named = f'topovae() {{ "{sys.executable}" -m topovae "$@"; }}; {line}'
        done = subprocess.run(
            ["bash", "-c", named], cwd=self.folder, env=self.environment, capture_output=True, timeout=120, check=False
        )
        return Outcome(done.returncode, done.stdout, done.stderr.decode())


@pytest.fixture
def tool(tmp_path: Path) -> Tool:
    """The tool in a folder of this test alone."""
    return Tool(tmp_path)


@pytest.fixture(scope="session")
def session_tool(tmp_path_factory: pytest.TempPathFactory) -> Tool:
    """The tool in the folder of the session's shared files."""
    return Tool(tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="session")
def circle(session_tool: Tool) -> Path:
    """200 points of a circle in 6 dimensions with truth beside them, in an .npz."""
    made = session_tool("generate", "circle", "-n", 200, "--ambient", 6, "--noise", 0.02, "-o", "circle.npz")
    assert made.code == 0, made.err
    return session_tool.folder / "circle.npz"


@pytest.fixture(scope="session")
def squares(session_tool: Tool) -> Path:
    """90 points of the unit square, for models that need no diagnosis, as .npy."""
    path = session_tool.folder / "squares.npy"
    np.save(path, np.random.default_rng(0).random((90, 3), dtype=np.float32))
    return path


@pytest.fixture(scope="session")
def run(session_tool: Tool, circle: Path) -> Path:
    """A finished run on the circle, started from cohomology, with a baseline."""
    options = ("--latent", "S1", "--baseline", "--epochs", EPOCHS, "--seed", 3, "-o", "run.h5")
    made = session_tool("train", circle, *options)
    assert made.code == 0, made.err
    return session_tool.folder / "run.h5"


@pytest.fixture(scope="session")
def report(session_tool: Tool, circle: Path) -> tuple[Path, Any]:
    """The report of `analyze` on the circle, and the JSON that the same command printed."""
    made = session_tool("analyze", circle, "--json", "-o", "report.h5")
    return session_tool.folder / "report.h5", made.json()
