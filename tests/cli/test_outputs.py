"""Places of output that fail, names that would steer a terminal, and signals: one line and a documented code."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest


@pytest.fixture
def points(tool: Any) -> Path:
    path = tool.folder / "x.npy"
    np.save(path, np.random.default_rng(0).random((40, 3)))
    return path


HELP = ["--help", "train -h"]
TABLES = ["spaces S1", "spaces S1 --json", "inspect x.npy", "inspect x.npy --json", "generate circle -n 30", *HELP]


@pytest.mark.parametrize("words", TABLES)
def test_a_full_disk_behind_standard_output(tool: Any, points: Path, words: str) -> None:
    done = tool.shell(f"topovae {words} > /dev/full")
    assert done.code == 3, done.err
    lines = [line for line in done.err.splitlines() if line.startswith("topovae: ")]
    assert len(lines) == 1 and "cannot write to standard output" in lines[0]
    assert "Exception ignored" not in done.err and "Traceback" not in done.err


@pytest.mark.parametrize("words", ["inspect x.npy", "spaces S1", *HELP])
def test_a_reader_that_went_away(tool: Any, points: Path, words: str) -> None:
    done = tool.shell(f"topovae {words} | true; exit ${{PIPESTATUS[0]}}")
    assert (done.code, done.err) == (141, "")


@pytest.mark.parametrize("words", TABLES)
def test_a_closed_standard_output(tool: Any, points: Path, words: str) -> None:
    done = tool.shell(f"topovae {words} >&-")
    assert done.code == 3, done.err
    lines = [line for line in done.err.splitlines() if not line.startswith("circle: ")]
    assert len(lines) == 1 and lines[0].startswith("topovae: cannot write to standard output: ")


def test_closed_streams(tool: Any, points: Path) -> None:
    done = tool.shell("topovae inspect x.npy >&-")
    assert done.code == 3 and "standard output: it is closed" in done.err and done.err.count("\n") == 1
    before = points.read_bytes()
    assert tool.shell("topovae inspect x.npy --json 2>&-").code == 0
    assert tool.shell("topovae inspect no.npy 2>&-").code == 3
    assert tool.shell("topovae inspect no.npy 2>/dev/full").code == 3
    assert tool.shell("topovae inspect - <&-").code == 3
    assert points.read_bytes() == before, "what was printed went into the file that was read"


@pytest.mark.parametrize("name", ["\x1b[31mred\x07.npy", "a\nb.npy", "a\rb.npy", "\x9b2J.npy"])
def test_names_do_not_steer_the_terminal(tool: Any, name: str) -> None:
    missing = tool("analyze", name)
    assert missing.code == 3 and missing.err.count("\n") == 1
    np.save(tool.folder / name, np.random.default_rng(0).random((40, 3)))
    for done in (missing, tool("inspect", name)):
        assert all(char == "\n" or char.isprintable() for char in done.err + done.out.decode())


NOHUP = (
    "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); "
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)


@pytest.mark.parametrize("number, code", [(signal.SIGHUP, 129), (signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_a_command_in_one_line(tool: Any, number: int, code: int) -> None:
    os.mkfifo(tool.folder / "pipe")
    process = tool.start("inspect", "pipe")
    # the command opens the pipe once it runs, and waits there
    with open(tool.folder / "pipe", "wb"):
        time.sleep(0.2)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (code, b"", b"topovae: interrupted\n")


def test_nohup_goes_on(tool: Any, points: Path) -> None:
    os.mkfifo(tool.folder / "pipe")
    process = tool.start("topovae", "inspect", "pipe", "--json", program=("-c", NOHUP, "-m"))
    with open(tool.folder / "pipe", "wb") as pipe:
        time.sleep(0.2)
        process.send_signal(signal.SIGHUP)
        pipe.write(points.read_bytes())
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, b"") and b'"shape"' in out


def test_an_interrupt_during_the_imports(tool: Any) -> None:
    """A module that is imported late interrupts the program itself."""
    program = (
        "import sys, signal, os, importlib.abc\n"
        "class Finder(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, *rest):\n"
        "        if name == 'typer': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "from topovae.__main__ import main\n"
        "main()\n"
    )
    process = tool.start("spaces", program=("-c", program))
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, b"", b"topovae: interrupted\n")


def test_an_interrupt_names_no_file_that_is_not_there(tool: Any) -> None:
    from topovae.cli.shell import keeping

    path = tool.folder / "run.h5"
    for there in (False, True):
        if there:
            path.touch()
        with pytest.raises(KeyboardInterrupt), pytest.MonkeyPatch.context() as patch:
            said: list[str] = []
            patch.setattr("topovae.cli.shell.note", lambda text, quiet, said=said: said.append(text))
            with keeping(str(path), "holds all"):
                raise KeyboardInterrupt
        assert said == ([f"{path} holds all"] if there else [])


def test_quiet_hides_warnings_of_libraries(tool: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import warnings

    monkeypatch.setattr("topovae.cli.spaces.print_spaces", lambda rows: warnings.warn("overflow", RuntimeWarning, stacklevel=1))
    assert "overflow" in tool("spaces", "S1").err
    assert tool("spaces", "S1", "--quiet").err == ""


REPORTS = {
    "deep": "[" * 100_000 + "]" * 100_000,
    "huge": '{"latent": "S1", "name": "circle", "confidence": 1' + "0" * 400 + "}",
    "no confidence": '{"latent": "S1", "name": "circle"}',
    "a list": "[1]",
    "confidence of text": '{"latent": "S1", "name": "circle", "confidence": "high"}',
}


@pytest.mark.parametrize("name", REPORTS)
def test_a_diagnosis_that_is_none(tool: Any, points: Path, name: str) -> None:
    content = REPORTS[name]
    whole = '{"schema": "topovae/analysis/1", "candidates": [], "recommendation": ' + content + "}"
    (tool.folder / "a.json").write_text(content if name == "deep" else whole)
    done = tool("train", points, "--analysis", "a.json", "--epochs", 1)
    assert done.code == 3 and "--analysis a.json" in done.err, done.err


def test_what_is_no_point_is_not_decoded(tool: Any, run: Path) -> None:
    for value in ("nan", "1e300", "inf"):
        (tool.folder / "z.csv").write_text(f"0.5\n{value}\n")
        done = tool("decode", run, "-i", "z.csv", "--device", "cpu")
        assert done.code == 3 and "row 1" in done.err and done.out == b"", done.err


def test_more_samples_than_memory_are_refused_at_once(tool: Any, run: Path) -> None:
    done = tool("sample", run, "-n", 10**13, "--device", "cpu", "-o", "many.npy")
    assert done.code == 5 and "GiB" in done.err
    assert not (tool.folder / "many.npy").exists()
