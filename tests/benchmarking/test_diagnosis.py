"""Laws of the benchmark of diagnoses: what counts as right, how it is counted, and what a file of rows survives."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from topovae.benchmarks import diagnosis
from topovae.benchmarks.diagnosis import APART, CONFIDENT, DiagnosisTask, known_spaces, target_of
from topovae.data.synthetic.spaces import SPACES
from topovae.errors import InputError, OutputError, UsageError

LATENTS = {"T3": "S1xS1xS1", "circle": "S1", "torus": "S1xS1", "cylinder": "S1xI", "S1xR2": "S1xR2", "klein": "klein"}


def row(space: str, name: str, confidence: float = 0.8, components: int = 1, **more: Any) -> dict[str, Any]:
    """A row as `run_task` gives it, as far as the benchmark reads it."""
    best = {"name": name, "latent": LATENTS.get(name), "confidence": confidence}
    place = {"space": space, "noise": 0.05, "seed": 0, "n": 2000, "ambient": 50, "seconds": 2.0, "peak_bytes": 2**28}
    return {**place, "components": components, "recommendation": best, **more}


def parts(*names: str) -> list[dict[str, Any]]:
    return [{"recommendation": {"name": name}} for name in names]


RIGHT = [
    ("annulus", row("annulus", "cylinder")),
    ("disk", row("disk", "plane")),
    ("r2xs1", row("r2xs1", "S1xR2")),
    ("T3", row("T3", "T3")),
    ("T3 by its expression", {**row("T3", "anything"), "recommendation": {"name": "x", "latent": "T3", "confidence": 1.0}}),
    ("wedge", row("wedge", "none")),
    ("two circles", row("concentric-circles", "none", components=2)),
    ("two named circles", row("concentric-circles", "none", components=2, parts=parts("circle", "circle"))),
    ("a family", {**row("S3", "x"), "recommendation": {"name": "S3", "latent": "S3", "confidence": 1.0}}),
]
WRONG = [
    ("another name", row("torus", "klein")),
    ("no name", row("torus", "none")),
    ("a name for a wedge", row("wedge", "torus")),
    ("a wedge in two parts", row("wedge", "none", components=2)),
    ("two circles in one", row("concentric-circles", "none")),
    ("a part that is no circle", row("concentric-circles", "none", components=2, parts=parts("circle", "interval"))),
    ("failed", {**row("torus", "none"), "error": "ValueError: no"}),
]


@pytest.mark.parametrize("found", [r for _, r in RIGHT], ids=[name for name, _ in RIGHT])
def test_right_answers(found: dict[str, Any]) -> None:
    assert diagnosis.outcome_of(found).right


@pytest.mark.parametrize("found", [r for _, r in WRONG], ids=[name for name, _ in WRONG])
def test_wrong_answers(found: dict[str, Any]) -> None:
    assert not diagnosis.outcome_of(found).right


@pytest.mark.parametrize("space", known_spaces())
def test_every_target_agrees_with_the_truth(space: str) -> None:
    latent, target = SPACES[space].space, target_of(space)
    assert ("none" in target.names) == (latent is None)
    assert latent is None or any(diagnosis.same_space(latent, other) for other in target.names)


@pytest.mark.parametrize(
    ("space", "names"),
    [("disk", {"plane", "disk", "square"}), ("interval", {"interval", "line"}), ("annulus", {"cylinder", "S1xI", "S1xR"})],
)
def test_names_of_what_looks_the_same_are_right(space: str, names: set[str]) -> None:
    assert set(target_of(space).names) >= names


def test_an_unknown_space_is_refused() -> None:
    with pytest.raises(UsageError, match="pretzel"):
        diagnosis.make_tasks(["pretzel"], [0.0], [0])


def test_every_task_is_made_once_with_its_number_of_samples() -> None:
    tasks = diagnosis.make_tasks(["torus", "T3"], [0.05, 0.1], [3, 4], 1000)
    assert len(set(tasks)) == len(tasks) == 8
    assert {task.n for task in tasks if task.space == "T3"} == {5000}
    assert {task.n for task in tasks if task.space == "torus"} == {1000}


OUTCOMES = [
    diagnosis.outcome_of(found)
    for found in (
        row("torus", "torus", 0.95),
        row("torus", "klein", 0.97),
        row("torus", "none", 0.5),
        row("circle", "cylinder", 0.6),
        {**row("circle", "circle", 1.0), "noise": 0.1, "seconds": 9.0},
        row("wedge", "none", 0.99),
        row(APART[0], "torus", 0.99),
        {**row("klein", "none"), "error": "x"},
    )
]


def test_a_summary_counts_what_it_says() -> None:
    found = diagnosis.scorecard_of(OUTCOMES)
    assert (found.total.right, found.total.asked) == (3, 7), "the spaces that stand apart are not in the rate"
    assert {level: (rate.right, rate.asked) for level, rate in found.by_noise.items()} == {0.05: (2, 6), 0.1: (1, 1)}
    assert [o.answer for o in found.wrong_names] == ["klein", "cylinder"]
    assert [o.answer for o in found.confident_errors] == ["klein"]
    assert [o.space for o in found.abstained] == ["torus"]
    assert (found.confident.right, found.confident.asked) == (3, 4)
    assert found.confusion["torus"] == {"torus": 1, "klein": 1, "none": 1}
    assert (found.median_seconds, found.max_seconds, found.max_peak_bytes) == (2.0, 9.0, 2**28)
    assert sum(sum(counts.values()) for counts in found.confusion.values()) == len(OUTCOMES)
    assert set(found.answers) == {o.answer for o in OUTCOMES} and found.answers[-2:] == ("none", "error")
    json.dumps(found.to_dict(), allow_nan=False)


def test_the_reliability_table_holds_every_answer_once() -> None:
    edges = [*diagnosis.BINS, CONFIDENT]
    answers = [diagnosis.outcome_of(row("torus", "torus", confidence)) for confidence in edges]
    table = diagnosis.reliability(answers)
    assert sum(entry.rate.asked for entry in table) == len(answers)
    assert all(entry.low <= entry.mean_confidence <= entry.high for entry in table)


def test_markdown_is_a_table_with_one_row_a_space() -> None:
    text = diagnosis.markdown(diagnosis.scorecard_of(OUTCOMES))
    table = text.split("\n\n")[0].splitlines()
    assert len({line.count("|") for line in table}) == 1
    assert [line.split("|")[1].strip() for line in table[2:-1]] == ["circle", "torus", "klein", "wedge", f"{APART[0]} (apart)"]
    assert "| **1** |" in text and "3 of 7 (42.9%)" in text


def test_nothing_cannot_be_summarised() -> None:
    with pytest.raises(UsageError):
        diagnosis.scorecard_of([])


TASKS = diagnosis.make_tasks(["circle"], [0.02], [0, 1], 150, 5)


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    """Rows of two small tasks, made in another process."""
    return list(diagnosis.run(TASKS, jobs=1))


def test_a_process_returns_the_document_with_time_and_memory(rows: list[dict[str, Any]]) -> None:
    for found in rows:
        assert diagnosis.outcome_of(found).right and found["schema"] == "topovae/analysis/1"
        assert found["seconds"] > 0 and 2**24 < found["peak_bytes"] < 2**34
        assert not math.isnan(found["cpu_seconds"])
    assert set(diagnosis.finished(TASKS, rows)) == set(TASKS)


def test_rows_do_not_depend_on_the_process(rows: list[dict[str, Any]]) -> None:
    again = diagnosis.run_task(TASKS[1])
    differs = {key for key in again if key not in {"seconds", "cpu_seconds", "peak_bytes"} and again[key] != rows[1][key]}
    assert not differs


def test_a_failed_diagnosis_is_a_row_and_is_done_again() -> None:
    task = DiagnosisTask("circle", 0.0, 0, 5, None)
    found = diagnosis.run_task(task)
    assert "error" in found and diagnosis.outcome_of(found).answer == "error"
    assert diagnosis.finished([task], [found]) == {}


def test_saved_rows_are_read_back_and_a_cut_line_is_dropped(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    path = tmp_path / "rows.jsonl"
    assert diagnosis.read_rows(path) == []
    with diagnosis.appending(path) as append:
        append(rows[0])
    with path.open("ab") as file:
        file.write(json.dumps(rows[1]).encode()[:70])
    assert diagnosis.read_rows(path) == rows[:1]
    with diagnosis.appending(path) as append:
        append(rows[1])
    assert diagnosis.read_rows(path) == rows


@pytest.mark.parametrize("content", ["hello\n", "hello", "[1]\n", '{"a": 1}\n', '{"a": 1}'])
def test_other_files_are_refused_and_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(content)
    with pytest.raises(InputError, match="another --save"):
        diagnosis.read_rows(path)
    assert path.read_text() == content


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError), diagnosis.appending(tmp_path / "nowhere" / "rows.jsonl"):
        pass
