"""Help: it is quick because it imports nothing heavy, and it names everything."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from typing import Any

import pytest
import typer
from support.places import ROOT

from topovae.cli import app
from topovae.cli.generate import SPACE_HELP
from topovae.data.readers.find import FORMATS
from topovae.data.synthetic.spaces import SPACES

HEAVY = ("torch", "ripser", "sklearn", "matplotlib", "h5py", "scipy", "persim", "pandas")


def flattened(group: Any, before: str = "") -> dict[str, Any]:
    """Commands by all their words; a group counts by its commands."""
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        words = f"{before} {name}".strip()
        found |= flattened(command, words) if hasattr(command, "commands") else {words: command}
    return found


COMMANDS: dict[str, Any] = flattened(typer.main.get_command(app))
DESIGNED = ("analyze", "train", "evaluate", "encode", "decode", "sample", "plot", "generate", "inspect", "spaces")


@pytest.mark.parametrize("words", [["--help"], ["train", "--help"], []])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    code = (
        f"import sys; sys.argv = ['topovae', *{words!r}]\n"
        "from topovae.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"sys.stderr.write(' '.join(m for m in {HEAVY!r} if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "Usage" in done.stdout + done.stderr
    assert [name for name in HEAVY if name in done.stderr.split()] == []


def test_help_lists_every_command(tool: Any) -> None:
    shown = tool("--help")
    assert shown.code == 0
    assert [name for name in DESIGNED if name not in shown.out.decode()] == []


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_says_what_each_option_is_for(name: str) -> None:
    found = COMMANDS[name]
    assert found.help
    silent = [p.name for p in found.params if not getattr(p, "help", None) and p.name != "help"]
    assert not silent, f"`topovae {name}` has parameters without help: {silent}"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_takes_a_seed_and_debug(name: str) -> None:
    options = {option for parameter in COMMANDS[name].params for option in parameter.opts}
    assert {"--seed", "--quiet", "--debug"} <= options


@pytest.mark.parametrize("name", sorted(COMMANDS))
@pytest.mark.parametrize("columns", [60, 40])
def test_help_fits_the_terminal(name: str, columns: int, tool: Any) -> None:
    tool.environment |= {"COLUMNS": str(columns)}
    lines = tool(*name.split(), "--help").out.decode().splitlines()
    assert [line for line in lines if len(line) > columns] == []


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_ends_with_an_example_that_parses(name: str) -> None:
    found = COMMANDS[name]
    example = found.epilog.removeprefix("Example: ")
    part = next(part for part in example.split(" | ") if part.startswith(f"topovae {name}"))
    found.make_context(name, shlex.split(part)[1 + len(name.split()) :])  # raises for what it does not know


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_options_stand_below_headings(name: str) -> None:
    panels = {option: p.rich_help_panel for p in COMMANDS[name].params for option in p.opts if hasattr(p, "rich_help_panel")}
    assert panels["--debug"] == panels["--quiet"] == "Output" and panels["--seed"] == "Machine"
    if name == "train":
        assert panels["--latent"] == panels["--repel"] == "Latent" and panels["--epochs"] == "Training"


@pytest.mark.parametrize("name", ["analyze", "sweep", "train"])
def test_the_help_names_every_format_that_is_read(name: str) -> None:
    told = next(p.help for p in COMMANDS[name].params if p.name == "data")
    assert re.findall(r"\.\w+", told) == [suffix for form in FORMATS for suffix in form.suffixes] + [".gz"]
    assert all(form.name in told for form in FORMATS if not form.suffixes)


README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_in_the_readme(name: str) -> None:
    assert f"topovae {name}" in README, f"README.md does not mention `topovae {name}`"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_option_is_in_the_readme(name: str) -> None:
    words = set(re.findall(r"--[a-z][a-z-]*", README))
    options = [option for p in COMMANDS[name].params for option in p.opts if option.startswith("--")]
    missing = [option for option in options if option not in words]
    assert not missing, f"README.md does not mention {', '.join(missing)} of `topovae {name}`"


def test_the_help_names_every_space_that_can_be_generated() -> None:
    words = set(re.findall(r"[\w-]+", SPACE_HELP))
    # the option --mode chooses these
    chosen = {"shifted-pixels", "shifted-along"}
    assert set(SPACES) - words - chosen == set()
