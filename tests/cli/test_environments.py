"""The tool in environments as they are: old encodings, notebooks' settings, terminals, and runs that went astray."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.tool import Tool

import topovae
from topovae.store.reader import read_run


def within(tool: Tool, **variables: str) -> Tool:
    """The same folder with other variables of the environment."""
    other = Tool(tool.folder)
    other.environment |= variables
    return other


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
@pytest.mark.parametrize("command", [("evaluate", "RUN", "DATA", "--iwae", 2), ("spaces",), ("inspect", "RUN"), ("--help",)])
@pytest.mark.slow
def test_every_encoding_can_be_written(session_tool: Tool, run: Path, circle: Path, encoding: str, command: Any) -> None:
    words = [{"RUN": run, "DATA": circle}.get(word, word) for word in command]
    done = within(session_tool, PYTHONIOENCODING=encoding).process(*words)
    assert done.code == 0 and "internal error" not in done.err, done.err
    done.out.decode(encoding)


def test_a_dash_of_a_table_is_a_dash_in_ascii(session_tool: Tool, run: Path, circle: Path) -> None:
    done = within(session_tool, PYTHONIOENCODING="ascii").process("evaluate", run, circle, "--iwae", 0, "--no-certificate")
    assert b"?" not in done.out and b" - " in done.out


def test_a_notebook_s_backend_is_no_hindrance(tool: Tool, run: Path, circle: Path) -> None:
    notebook = within(tool, MPLBACKEND="module://matplotlib_inline.backend_inline")
    done = notebook.process("plot", run, circle, "-o", "page.png")
    assert done.code == 0 and (tool.folder / "page.png").stat().st_size > 0, done.err


@pytest.mark.parametrize("words", [("--version",), ("train", "--version")])
def test_the_version_is_of_the_tool_alone(tool: Tool, words: tuple[str, ...]) -> None:
    done = tool(*words)
    assert (done.code, done.out.decode()) == ((0, f"topovae {topovae.__version__}\n") if len(words) == 1 else (2, ""))


@pytest.mark.parametrize("command", [(), ("train",), ("bench", "training")])
def test_h_is_help(tool: Tool, command: tuple[str, ...]) -> None:
    assert tool(*command, "-h").out == tool(*command, "--help").out


def test_completion_can_be_shown(tool: Tool) -> None:
    shown = within(tool, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1").process("--show-completion", "bash")
    assert shown.code == 0 and b"complete" in shown.out, shown.err


def on_terminal(tool: Tool, *words: object) -> tuple[int, str]:
    """Exit code and errors of a command whose standard output is a terminal."""
    master, slave = pty.openpty()
    try:
        command = [sys.executable, "-m", "topovae", *map(str, words)]
        done = subprocess.run(
            command, cwd=tool.folder, env=tool.environment, stdin=subprocess.DEVNULL, stdout=slave, stderr=subprocess.PIPE
        )
    finally:
        os.close(slave)
        os.close(master)
    return done.returncode, done.stderr.decode()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("generate", "circle", "-n", 30), 2),
        (("sample", "RUN", "-n", 3), 2),
        (("encode", "RUN", "-i", "DATA"), 2),
        (("encode", "RUN", "-i", "DATA", "--format", "npz"), 2),
        (("sample", "RUN", "-n", 3, "--format", "csv"), 0),
        (("sample", "RUN", "-n", 3, "--format", "jsonl"), 0),
    ],
)
def test_a_terminal_is_given_texts_alone(tool: Tool, run: Path, circle: Path, words: tuple[object, ...], code: int) -> None:
    found, err = on_terminal(tool, *({"RUN": run, "DATA": circle}.get(str(word), word) for word in words))
    assert found == code, err
    assert ("terminal" in err) == (code == 2)


@pytest.mark.parametrize(
    "words", [("train", "DATA", "--latent", "S1"), ("sweep", "DATA", "--latents", "S1"), ("analyze", "DATA")]
)
def test_what_is_written_in_parts_does_not_go_to_standard_output(tool: Tool, circle: Path, words: tuple[str, ...]) -> None:
    done = tool(*(circle if word == "DATA" else word for word in words), "-o", "-")
    assert done.code == 2 and "standard output" in done.err
    assert list(tool.folder.iterdir()) == []


def test_the_advice_after_a_divergence_can_be_followed_in_the_same_place(tool: Tool, squares: Path) -> None:
    train = ("train", squares, "--latent", "R2", "--epochs", 4, "-o", "run.h5")
    done = tool(*train, "--learning-rate", 1e8)
    assert done.code == 1 and "--learning-rate" in done.err and "--force" in done.err
    again = tool(*train, "--learning-rate", 0.001, "--force")
    assert again.code == 0, again.err


def test_a_run_without_a_whole_epoch_is_replaced_and_says_so(tool: Tool, squares: Path, run: Path, circle: Path) -> None:
    from topovae.store.writer import write_run

    known = read_run(run)
    assert known.model.checkpoint is not None
    empty = replace(known.model.checkpoint, epoch=0, finished=False)
    write_run(tool.folder / "run.h5", replace(known, model=replace(known.model, checkpoint=empty)))
    for words in (("evaluate", "run.h5", circle, "--iwae", 0, "--no-certificate"), ("sample", "run.h5", "-o", "x.npy")):
        assert "0 epochs are done: its weights are untrained" in tool(*words).err
    done = tool("train", squares, "--latent", "R2", "--epochs", 1, "-o", "run.h5")
    assert done.code == 0, done.err


@pytest.mark.parametrize(("rate", "astray"), [(1, True), (0.004, False)])
def test_a_training_that_ends_worse_than_the_mean_is_noted(tool: Tool, circle: Path, rate: float, astray: bool) -> None:
    done = tool("train", circle, "--latent", "S1", "--epochs", 20, "--learning-rate", rate, "-o", "run.h5")
    assert done.code == 0 and ("the training went astray" in done.err) == astray, done.err


def test_resume_goes_on_to_more_epochs(tool: Tool, squares: Path) -> None:
    train = ("train", squares, "--latent", "R2", "--baseline", "-o", "run.h5")
    assert tool(*train, "--epochs", 3).code == 0
    fewer = tool(*train, "--epochs", 2, "--resume")
    assert fewer.code == 4 and "epochs (was 3, now 2)" in fewer.err
    more = tool(*train, "--epochs", 5, "--resume")
    assert more.code == 0, more.err
    run = read_run(tool.folder / "run.h5")
    assert run.header.config["epochs"] == 5
    for member in (run.model, run.baseline):
        assert member is not None and member.checkpoint is not None
        assert len(member.history["epoch"]) == member.checkpoint.epoch == 5
        assert member.checkpoint.finished and member.config["training"]["epochs"] == 5


def test_a_name_with_colons_is_a_file(tool: Tool) -> None:
    assert tool("generate", "circle", "-n", 40, "-o", "a::b.npz").code == 0
    assert b"[40, 2]" in tool("inspect", "a::b.npz").out and b"[40, 2]" in tool("inspect", "a::b.npz::x").out


def tables(out: bytes) -> list[str]:
    """The lines on stdout but for sentences, which a pipe gets whole."""
    return [line for line in out.decode().splitlines() if not line.startswith("  ")]


@pytest.mark.parametrize("columns", [60, 40])
@pytest.mark.parametrize(
    "words",
    [
        ("analyze", "DATA"),
        ("evaluate", "RUN", "DATA", "--iwae", 2),
        ("inspect", "RUN"),
        ("inspect", "DATA"),
        ("spaces",),
        ("spaces", "klein"),
        ("sweep", "DATA", "--latents", "S1,R2", "--betas", "0.5,1", "--seeds", 2, "--epochs", 2, "-o", "sweep.h5"),
        ("train", "DATA", "--latent", "S1", "--baseline", "--epochs", 2, "-o", "run.h5"),
        ("bench", "diagnosis", "circle", "-n", 100, "--ambient", 4, "--seeds", "1", "--noise", "0.05"),
    ],
    ids=lambda words: " ".join(map(str, words[:2])),
)
def test_what_is_printed_fits_and_nothing_is_cut(
    tool: Tool, run: Path, circle: Path, words: tuple[object, ...], columns: int
) -> None:
    tool.environment |= {"COLUMNS": str(columns)}
    done = tool(*({"RUN": run, "DATA": circle}.get(str(word), word) for word in words))
    assert done.code == 0, done.err
    assert [line for line in tables(done.out) if len(line) > columns] == []
    assert "…" not in done.out.decode()


def test_a_narrow_terminal_shows_the_same_numbers(tool: Tool, run: Path, circle: Path) -> None:
    words = ("evaluate", run, circle, "--iwae", 0, "--no-certificate")
    wide = tool(*words).out.decode()
    tool.environment |= {"COLUMNS": "40"}
    narrow = tool(*words).out.decode()
    numbers = re.findall(r"-?\d+\.\d+", wide.split("angle")[0])
    assert len(numbers) > 20 and sorted(re.findall(r"-?\d+\.\d+", narrow.split("angle")[0])) == sorted(numbers)
