"""The reference divergences, for all tests of distributions."""

import json
from collections import defaultdict

import pytest
from support.places import ORACLES


@pytest.fixture(scope="session")
def references():
    """Rows of the reference divergences by kind."""
    if not ORACLES.exists():
        pytest.skip("the reference divergences are not beside the repository")
    rows = defaultdict(list)
    for row in json.loads(ORACLES.read_text())["rows"]:
        rows[row["kl"]].append(row)
    return dict(rows)
