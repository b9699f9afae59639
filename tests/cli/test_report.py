"""`topovae report`: one page with what a run was asked and what it found."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from topovae.viz.html import LARGEST

SECTIONS = [
    "The question",
    "The diagnosis",
    "The latent space",
    "Training and metrics",
    "The certificate",
    "The comparison",
    "What to do next",
    "The commands",
]


def headings(page: str) -> list[str]:
    return re.findall(r"<h2>(.*?)</h2>", page)


def test_a_page_has_all_that_is_known_of_a_run(tool: Any, run: Path) -> None:
    made = tool("report", run, "-o", "page.html")
    assert made.code == 0 and made.out == b"" and "page: page.html" in made.err
    content = (tool.folder / "page.html").read_bytes()
    page = content.decode()
    assert len(content) < LARGEST and headings(page) == SECTIONS
    assert page.count("<img") == 6  # barcodes, latents, decodes, curves, reconstructions, certificate
    verdict = re.search(r"The encoder is (homeomorphic|undecided|not homeomorphic) onto", page)
    assert verdict is not None and "topovae train" in page and f"topovae evaluate {run}" in page
    assert tool("report", run, "-o", "again.html", "--quiet").err == ""
    assert (tool.folder / "again.html").read_bytes() == content


def test_without_the_data_it_says_what_is_missing(tool: Any, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import topovae.cli.evaluate
    from topovae.errors import InputError

    def gone(*given: Any, **named: Any) -> Any:
        raise InputError("gone")

    monkeypatch.setattr(topovae.cli.evaluate, "run_data", gone)
    made = tool("report", run, "-o", "page.html")
    page = (tool.folder / "page.html").read_text()
    assert made.code == 0 and "the data are not where the run was trained" in made.err
    assert "No certificate on this page, as the data are not at hand." in page and headings(page) == SECTIONS
    assert tool("report", run, "x.npy", "-o", "page.html").code == 3


def compared(page: Path) -> str:
    """The section of the comparison, as plain text."""
    return re.findall(r"<h2>The comparison</h2>\n<p>(.*?)</p>", page.read_text(), re.DOTALL)[0]


def test_the_comparison_is_that_of_evaluate_in_words(tool: Any, run: Path, evaluation: Any) -> None:
    assert tool("report", run, "-o", "page.html", "--no-certificate", "--seed", 3).code == 0
    elbo = evaluation["comparison"]["differences"]["elbo"]
    words = compared(tool.folder / "page.html")
    assert f"On the 20 samples that both held out, the mean ELBO of circle is {abs(elbo['mean']):.3g} nats" in words
    assert f"(95 % interval of the difference: {elbo['low']:.3g} to {elbo['high']:.3g})" in words
    assert ("may be chance" in words) == (elbo["low"] <= 0 <= elbo["high"]) and "the baseline line" in words


def test_against_another_run_it_is_compared_with_that(tool: Any, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(run, tool.folder / "other.h5")
    words = ("report", run, "--against", "other.h5", "-o", "page.html", "--no-certificate")
    assert tool(*words).code == 0
    assert "is 0 nats above that of S1 of other.h5 (95 % interval of the difference: 0 to 0), which may be chance" in compared(
        tool.folder / "page.html"
    )
    assert tool("report", run, "--against", "other.h5", "-o", "other.h5").code == 3
    assert tool("report", run, "x.npy", "--against", "other.h5", "-o", "page.html").code == 3


def test_a_run_is_not_written_over_and_no_page_is_left_of_a_file_that_is_none(tool: Any, run: Path, circle: Path) -> None:
    shutil.copy(run, tool.folder / "run.h5")
    assert tool("report", "run.h5", "-o", "run.h5").code == 3
    assert tool("report", circle, "-o", "page.html").code == 4
    assert tool("report", "run.h5", "-o", "nowhere/page.html").code == 3
    assert not (tool.folder / "page.html").exists()
