"""What the tests of files share."""

from __future__ import annotations

import pytest

from topovae.store import reader


@pytest.fixture
def texts_are_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts are not read outside first: a process for each of hundreds of files takes minutes. `test_texts.py` looks at it."""
    monkeypatch.setattr(reader, "require_sound", lambda file: None)
