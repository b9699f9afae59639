"""Tuned numbers say what they are, and the command that sets them or that there is none yet."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterator
from dataclasses import fields

import pytest
from support.places import ROOT

from topovae.homology import calibration
from topovae.homology.calibration import BY_HAND, REGIMES, TABLE, Regime, regime

SECTIONS = (
    calibration.CLOUD,
    calibration.COMPLEXES,
    calibration.FEATURES,
    calibration.VERDICT,
    calibration.COORDINATES,
    calibration.EVALUATION,
)
TEXTS = [path.read_text() for path in (ROOT / "topovae").rglob("*.py") if path.name != "calibration.py"]


@pytest.mark.parametrize("name", TABLE)
def test_every_tuned_number_names_its_unit_its_data_and_its_command(name: str) -> None:
    row = TABLE[name]
    assert all(text.strip() for text in (row.unit, row.what, row.how, row.data, row.command))
    if row.command != BY_HAND:
        script = re.fullmatch(r"python (tests/benchmarks/\w+\.py).*|topovae bench \w+.*", row.command)
        assert script is not None
        assert script[1] is None or (ROOT / script[1]).exists()


PARTS = (
    "share of a",
    "share of the",
    "share of rows",
    "share of samples",
    "share of points",
    "probability",
    "p-value",
    "quantile",
    "cosine",
)


@pytest.mark.parametrize(
    "name", [name for name, row in TABLE.items() if row.unit.startswith(PARTS) and "logarithm" not in row.unit]
)
def test_a_part_of_one_lies_between(name: str) -> None:
    assert abs(TABLE[name].value) < 1


MEASURED = "de217632726781fcdbe7b1e975eb6bf28ad22304eaba2851c881d3fd6ad0c298"
"""The numbers with which the figures of README, DIAGNOSIS.md and CERTIFICATE.md were measured."""


def test_the_figures_were_measured_with_these_numbers() -> None:
    """Whoever changes one measures again what its row names, and what the documents say; then this names the new numbers."""
    numbers = sorted((name, row.value) for name, row in TABLE.items()), REGIMES
    assert hashlib.sha256(repr(numbers).encode()).hexdigest() == MEASURED, "measure again before you write the new digest here"


def test_no_number_stands_twice() -> None:
    assert len(TABLE) == sum(map(len, SECTIONS))
    said = [(row.unit, row.what) for row in TABLE.values()]
    assert sorted(said) == sorted(set(said))


@pytest.mark.parametrize("name", TABLE)
def test_every_row_is_used_once(name: str) -> None:
    assert sum(text.count(f'tuned("{name}")') for text in TEXTS) == 1


@pytest.mark.parametrize("name", sorted(re.findall(r'int\(tuned\("(\w+)"\)\)', " ".join(TEXTS))))
def test_what_is_read_as_a_whole_number_is_one(name: str) -> None:
    assert isinstance(TABLE[name].value, int)


def bare_numbers(folder: str) -> Iterator[tuple[str, str]]:
    """Names of a folder's modules that are given numbers, with the docstring under them."""
    for path in sorted((ROOT / "topovae" / "homology" / folder).glob("*.py")):
        body = ast.parse(path.read_text()).body
        for node, after in zip(body, [*body[1:], ast.Pass()], strict=True):
            if isinstance(node, ast.Assign) and any(
                isinstance(part, ast.Constant) and isinstance(part.value, int | float) for part in ast.walk(node.value)
            ):
                yield f"{path.name}: {ast.unparse(node.targets[0])}", ast.unparse(after)


@pytest.mark.parametrize("folder", ["cloud", "complexes"])
def test_numbers_outside_the_table_say_that_they_are_not_tuned(folder: str) -> None:
    assert [name for name, said in bare_numbers(folder) if "not tuned" not in said] == []


@pytest.mark.parametrize("field", [field.name for field in fields(Regime)])
def test_every_field_of_a_regime_is_used(field: str) -> None:
    assert any(re.search(rf"\bregime\(.*\)\.{field}\b", text) for text in TEXTS)


def test_every_dimension_has_a_regime() -> None:
    assert [regime(dimension) for dimension in (1, 2, 3, 4, 7)] == list(REGIMES.values())
    assert regime(6) is regime(4) and regime(99) is regime(7)
    assert [regime(dimension).longest_edge for dimension in (1, 2, 3, 9)] == [8.0, 4.5, 2.5, 2.5]
