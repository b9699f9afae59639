"""The layout of the package: imports go one way, through the folders in the order in which README lists them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from support.places import ROOT

PACKAGE = ROOT / "topovae"
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in PACKAGE.rglob("*.py")
}
LONE = {
    "topovae.__main__",
    "topovae.errors",
    "topovae.interrupts",
    "topovae.extensions",
    "topovae.signature",
    "topovae.version",
}


def folders() -> list[str]:
    """The folders of README's section on the code, in its order."""
    section = (ROOT / "README.md").read_text().split("## Finding your way in the code")[1].split("\n## ")[0]
    return list(dict.fromkeys(re.findall(r"`topovae/([a-z/]+)/`", section)))


def imported(path: Path) -> Iterator[str]:
    """Modules of the package that a module imports anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("topovae"))
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("topovae"):
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name if name in MODULES else node.module for name in names)


def place(module: str) -> int:
    """The number of the folder that a module lies in, the deepest that README names; −1 at the top."""
    inside = module.removeprefix("topovae.").replace(".", "/") + "/"
    known = [(len(folder), number) for number, folder in enumerate(folders()) if inside.startswith(folder + "/")]
    return max(known)[1] if known else -1


def test_no_module_imports_itself_in_a_circle() -> None:
    # those within functions and for type checkers count too: a circle through them is one for its reader
    graph = {module: set(imported(path)) - {module} for module, path in MODULES.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle of imports: {' <- '.join(error.args[1])}")


def test_folders_of_the_readme_exist_and_are_all_there_are() -> None:
    named = folders()
    assert [folder for folder in named if not (PACKAGE / folder / "__init__.py").exists()] == []
    homes = {path.parent.relative_to(PACKAGE).as_posix() for path in MODULES.values()} - {".", "homology"}
    assert {home for home in homes if not any(home == folder or home.startswith(folder + "/") for folder in named)} == set()


@pytest.mark.parametrize("module", sorted(module for module in MODULES if place(module) >= 0))
def test_imports_go_to_folders_before(module: str) -> None:
    later = [name for name in imported(MODULES[module]) if place(name) > place(module)]
    assert later == []


def test_few_modules_stand_alone_at_the_top() -> None:
    assert {module for module, path in MODULES.items() if path.parent == PACKAGE} - {"topovae"} == LONE


def test_each_class_name_is_given_once() -> None:
    homes: dict[str, list[str]] = {}
    for module, path in sorted(MODULES.items()):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef):
                homes.setdefault(node.name, []).append(module)
    assert {name: modules for name, modules in homes.items() if len(modules) > 1} == {}
