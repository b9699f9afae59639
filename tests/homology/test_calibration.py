"""Tuned numbers say what they are, and the command that sets them or that there is none yet."""

from __future__ import annotations

import re

import pytest
from support.places import ROOT

from topovae.homology.calibration import BY_HAND, CLOUD, COMPLEXES, COORDINATES, EVALUATION, FEATURES, TABLE, VERDICT


@pytest.mark.parametrize("name", TABLE)
def test_every_tuned_number_names_its_unit_its_data_and_its_command(name: str) -> None:
    row = TABLE[name]
    assert all(text.strip() for text in (row.unit, row.what, row.how, row.data, row.command))
    if row.command != BY_HAND:
        script = re.fullmatch(r"python (tests/benchmarks/\w+\.py).*|topovae bench \w+.*", row.command)
        assert script is not None
        assert script[1] is None or (ROOT / script[1]).exists()


@pytest.mark.parametrize("name", TABLE)
def test_every_row_is_used_once(name: str) -> None:
    texts = [path.read_text() for path in (ROOT / "topovae").rglob("*.py") if path.name != "calibration.py"]
    assert sum(text.count(f'tuned("{name}")') for text in texts) == 1


def test_no_two_rows_have_one_name() -> None:
    assert len(TABLE) == sum(map(len, (CLOUD, COMPLEXES, FEATURES, VERDICT, COORDINATES, EVALUATION)))
