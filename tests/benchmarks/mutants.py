"""Put faults into the core of the package, one at a time, and count those that the tests of its folder see.

    python tests/benchmarks/mutants.py --n 100 --seed 5 [--under data/readers] [--seconds 300] [--jobs 1]

A fault turns an operator or a comparison round, negates a condition, or changes a number by one, in a copy of the package,
never here. A mutant is seen if the tests of the folder that mirrors its own fail, or do not end in time; without a fault they
must pass, which is looked at first (`--checked` leaves that out). Numbers whose docstring says that they limit a cost are left
alone: others near them do as well, so that no test should see it. Survivors are listed with their line. Equal seeds make equal
mutants. The exit code is 1 if fewer than `--least` of a hundred are seen.
"""

from __future__ import annotations

import argparse
import ast
import itertools
import os
import random
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CORE = ("data", "distributions", "evaluation", "homology", "latent", "model", "runs", "store", "training")

OPERATORS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Add,
    ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.And: ast.Or, ast.Or: ast.And, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One fault: the file, the node in it in the order of `ast.walk`, and what it is in words."""

    path: Path
    node: int
    line: int
    words: str


def mutable(node: ast.AST) -> str | None:
    """What a fault in a node would be, in words; None if there is none to make."""
    operator = node.ops[0] if isinstance(node, ast.Compare) else getattr(node, "op", None)
    if type(operator) in OPERATORS and not isinstance(node, ast.AugAssign | ast.UnaryOp):
        return f"{type(operator).__name__} becomes {OPERATORS[type(operator)].__name__}"
    if isinstance(node, ast.If | ast.While | ast.IfExp):
        return "a condition is negated"
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return f"{node.value} becomes {node.value + 1}"
    return None


def is_text(node: ast.AST) -> bool:
    """Whether a statement is a docstring."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def worth(tree: ast.AST) -> list[tuple[int, ast.AST]]:
    """Nodes of a module in which a fault could be seen: not those of annotations, type checks, texts and limits on cost."""
    hidden: set[int] = set()
    body = getattr(tree, "body", [])
    limits = [node for node, after in itertools.pairwise(body) if "on cost" in ast.unparse(after) and is_text(after)]
    for node in ast.walk(tree):
        kept = [getattr(node, name, None) for name in ("annotation", "returns")]
        kept += [node] if isinstance(node, ast.JoinedStr | ast.Raise) else []
        kept += limits if node is tree else []
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            kept.append(node)
        for part in kept:
            hidden.update(id(below) for below in ast.walk(part)) if part is not None else None
    return [(i, node) for i, node in enumerate(ast.walk(tree)) if id(node) not in hidden and mutable(node)]


def draw(n: int, seed: int, under: str) -> list[Mutant]:
    """Mutants of the core, drawn evenly over all places of a fault."""
    places = []
    for path in sorted((ROOT / "topovae").rglob("*.py")):
        inside = path.relative_to(ROOT / "topovae").as_posix()
        if inside.split("/")[0] in CORE and inside.startswith(under) and tests_of(path):
            for i, node in worth(ast.parse(path.read_text())):
                places.append(Mutant(path.relative_to(ROOT), i, getattr(node, "lineno", 0), str(mutable(node))))
    return random.Random(seed).sample(places, min(n, len(places)))


def tests_of(path: Path) -> Path | None:
    """The folder of tests that mirrors the folder of a module."""
    folder = ROOT / "tests" / path.relative_to(ROOT / "topovae").parent
    return folder if any(folder.glob("test_*.py")) else None


def changed(source: str, number: int) -> str:
    """The source of a module with the fault in its node of this number."""
    tree = ast.parse(source)
    node = list(ast.walk(tree))[number]
    if isinstance(node, ast.Compare):
        node.ops[0] = OPERATORS[type(node.ops[0])]()  # type: ignore[assignment]
    elif isinstance(node, ast.BinOp | ast.BoolOp):
        node.op = OPERATORS[type(node.op)]()  # type: ignore[assignment]
    elif isinstance(node, ast.If | ast.While | ast.IfExp):
        node.test = ast.UnaryOp(ast.Not(), node.test)
    elif isinstance(node, ast.Constant):
        node.value += 1  # type: ignore[operator]
    return ast.unparse(ast.fix_missing_locations(tree))


def judge(tests: Path, mutant: Mutant | None, seconds: float) -> str:
    """What the tests of a folder do in a copy of the package, with a fault or without: pass, fail, or not end in time."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        copy = Path(folder)
        for part in ("topovae", "tests", "sample_data"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        for part in ("pyproject.toml", "README.md"):
            shutil.copy(ROOT / part, copy / part)
        if mutant is not None:
            target = copy / mutant.path
            target.write_text(changed(target.read_text(), mutant.node))
        words = [sys.executable, "-m", "pytest", "-n", "0", "-x", "-q", "-p", "no:cacheprovider"]
        environment = {**os.environ, "PYTHONPATH": folder, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        # of the folder's own tests alone: a folder within it has its own; those of the module first, which mostly see it
        own = f"test_{mutant.path.stem}.py" if mutant is not None else ""
        found = sorted(tests.glob("test_*.py"), key=lambda path: (path.name != own, path.name))
        files = [str(path.relative_to(ROOT)) for path in found]
        process = subprocess.Popen(
            [*words, *files], cwd=copy, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
            return "does not end"
    if code not in (0, 1, 2):  # 2: a module that cannot be imported is an error of collection
        raise RuntimeError(f"pytest ended with {code} on {mutant}")
    return "fails" if code else "passes"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=100)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--under", default="", help="modules of this folder of the package alone")
    parser.add_argument("--seconds", type=float, default=300.0, help="time of the tests of one mutant")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--checked", action="store_true", help="the tests pass without a fault, as a run has just shown")
    parser.add_argument("--least", type=float, default=95.0, help="of a hundred that must be seen")
    arguments = parser.parse_args()
    mutants = draw(arguments.n, arguments.seed, arguments.under)
    homes = [tests for mutant in mutants if (tests := tests_of(ROOT / mutant.path)) is not None]
    for tests in sorted(set(homes)):
        if not arguments.checked and (found := judge(tests, None, arguments.seconds)) != "passes":
            sys.exit(f"{tests.relative_to(ROOT)} {found} without a fault in {arguments.seconds:g} s")
    with ThreadPoolExecutor(arguments.jobs) as pool:
        outcomes = []
        seconds = [arguments.seconds] * len(mutants)
        for mutant, found in zip(mutants, pool.map(judge, homes, mutants, seconds), strict=True):
            words = {"passes": "SURVIVES", "fails": "seen", "does not end": "over time"}[found]
            print(f"{words:9} {mutant.path}:{mutant.line} {mutant.words}", flush=True)
            outcomes.append(found != "passes")
    print(f"{sum(outcomes)} of {len(outcomes)} seen (seed {arguments.seed})")
    sys.exit(100 * sum(outcomes) < arguments.least * len(outcomes))


if __name__ == "__main__":
    main()
