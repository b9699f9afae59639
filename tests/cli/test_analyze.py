"""`topovae analyze`: the JSON of the design, the report, the picture and the table."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.places import ROOT

from topovae.cli.analyze import headline
from topovae.homology.verdict.stored import StoredAnalysis
from topovae.runs.evidence import Effort
from topovae.signature import parse
from topovae.store.reader import read_report
from topovae.viz.diagnosis import answer_of

NUMBER = (int, float)
TYPES: dict[str, Any] = {
    "schema": str,
    "n_samples": int,
    "n_features": int,
    "landmarks": int,
    "covering_radius": NUMBER,
    "components": int,
    "intrinsic_dimension": dict,
    "betti": dict,
    "bars": list,
    "orientable": (bool, type(None)),
    "boundary": (bool, type(None)),
    "cup_length": (int, type(None)),
    "covers": list,
    "candidates": list,
    "recommendation": dict,
}


def assert_diagnosis(document: dict[str, Any]) -> None:
    """The keys and types of DESIGN.md, 'The JSON of analyze'."""
    assert document.keys() >= TYPES.keys()
    assert [key for key, kind in TYPES.items() if not isinstance(document[key], kind)] == []
    assert document["schema"] == "topovae/analysis/1"
    assert {"value", "estimate", "interval"} <= document["intrinsic_dimension"].keys()
    for numbers in document["betti"].values():
        assert len(numbers) in (2, 3) and all(isinstance(b, int) for b in numbers)
    for bar in document["bars"]:
        assert bar.keys() == {"prime", "dim", "birth", "death", "p_value", "significant"}
        assert str(bar["prime"]) in document["betti"] and isinstance(bar["significant"], bool)
    for candidate in document["candidates"]:
        assert candidate.keys() >= {"latent", "name", "score", "reasons"}
        assert parse(candidate["latent"]).dim > 0
        assert 0 <= candidate["score"] <= 1 and all(isinstance(reason, str) for reason in candidate["reasons"])
    scores = [candidate["score"] for candidate in document["candidates"]]
    assert scores == sorted(scores, reverse=True)
    assert document["recommendation"].keys() >= {"latent", "name", "confidence"}


def test_the_json_is_that_of_the_design(report: tuple[Path, Any]) -> None:
    _, document = report
    assert_diagnosis(document)
    assert (document["n_samples"], document["n_features"]) == (200, 6)
    assert {prime: numbers[:2] for prime, numbers in document["betti"].items()} == {"2": [1, 1], "3": [1, 1]}
    assert document["recommendation"]["name"] == "circle"


def test_the_report_holds_the_same_diagnosis(report: tuple[Path, Any], circle: Path) -> None:
    path, document = report
    stored = read_report(path)
    assert stored.analysis == document
    assert stored.header.data.path == str(circle) and stored.header.data.shape == (200, 6)
    assert stored.header.command[:2] == ("topovae", "analyze")
    assert stored.header.config["primes"] == [2, 3]


def test_a_report_replaces_a_report_and_draws_a_picture(tool: Any, circle: Path, report: tuple[Path, Any]) -> None:
    (tool.folder / "r.h5").write_bytes(report[0].read_bytes())
    done = tool("analyze", circle, "--seed", 7, "--primes", 2, "--max-dim", 1, "-o", "r.h5", "--plot", "bars.svg")
    assert done.code == 0, done.err
    assert b"circle: train with --latent 'S1'" in done.out.splitlines()[0]
    assert done.err == "report: r.h5\npicture: bars.svg\n"
    stored = read_report(tool.folder / "r.h5")
    assert stored.header.seed == 7 and stored.analysis["betti"] == {"2": [1, 1]}
    assert b"<svg" in (tool.folder / "bars.svg").read_bytes()


def test_equal_commands_print_equal_bytes(session_tool: Any, circle: Path, report: tuple[Path, Any]) -> None:
    again = session_tool.process("analyze", circle, "--json")
    assert again.json() == report[1]
    assert again.err == ""


def test_odd_data_are_used_with_a_warning_that_quiet_leaves_out(tool: Any, circle: Path) -> None:
    x = np.load(circle)["x"]
    x[:, 2] = 1.0
    np.save(tool.folder / "constant.npy", x)
    loud = tool("analyze", "constant.npy", "--json", "--max-dim", 1)
    assert loud.err.startswith("topovae: warning:") and "2" in loud.err and loud.json()["n_samples"] == 200
    quiet = tool("analyze", "constant.npy", "--json", "--max-dim", 1, "--quiet")
    assert (quiet.err, quiet.out) == ("", loud.out)


def test_head_closes_the_pipe_in_silence(tool: Any, circle: Path) -> None:
    shown = tool.shell(f"topovae analyze '{circle}' --json | head -1")
    assert (shown.code, shown.out, shown.err) == (0, b"{\n", "")


def test_candidates_restrict_the_choice(tool: Any, circle: Path) -> None:
    document = tool("analyze", circle, "--json", "--candidates", "S1,I,(S1xI)/<rot(1/2),flip>").json()
    assert {candidate["latent"] for candidate in document["candidates"]} == {"S1", "I", "(S1xI)/<rot(1/2),flip>"}
    assert document["recommendation"]["name"] == "circle"


def test_a_sparse_graph_is_diagnosed_like_its_edge_table(tool: Any) -> None:
    angle = np.sort(np.random.default_rng(0).uniform(0, 2 * np.pi, 300))
    near = (np.arange(300)[:, None] + np.arange(1, 6)) % 300
    rows = np.repeat(np.arange(300), 5)
    length = 2 * np.abs(np.sin((angle[near.ravel()] - angle[rows]) / 2))
    from scipy.sparse import csr_array, save_npz

    save_npz(tool.folder / "graph.npz", csr_array((length, (rows, near.ravel())), shape=(300, 300)))
    np.savetxt(tool.folder / "edges.csv", np.column_stack([rows, near.ravel(), length]), delimiter=",", fmt="%.17g")
    answers = [tool("analyze", name, "--distance-matrix", "--json").json() for name in ("graph.npz", "edges.csv")]
    assert answers[0]["recommendation"]["name"] == "circle"
    assert answers[0] == answers[1]


def test_components_are_diagnosed_by_themselves(tool: Any) -> None:
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, 600)
    x = np.column_stack([np.cos(angle), np.sin(angle)]) + 0.02 * rng.normal(size=(600, 2))
    x[400:] += 8.0
    np.save(tool.folder / "two.npy", x)
    document = tool("analyze", "two.npy", "--json").json()
    assert document["components"] == 2 and document["recommendation"]["name"] == "none"
    assert [(part["samples"], part["recommendation"]["name"]) for part in document["parts"]] == [
        (400, "circle"),
        (200, "circle"),
    ]
    shown = tool("analyze", "two.npy").out.decode().splitlines()[0]
    assert shown.startswith("none: 2 components")


def test_evidence_goes_into_the_document(tool: Any, circle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The verdict's laws are in tests/runs/test_evidence.py; here a tenth of the default's steps is enough.
    small = Effort(starts=2, start_steps=8, steps=40, doublings=1, prior_points=200)
    monkeypatch.setattr("topovae.runs.evidence.Effort", lambda: small)
    document = tool("analyze", circle, "--json", "--max-dim", 1, "--evidence", "--candidates", "S1,I").json()
    evidence = document["evidence"]
    assert {trial["latent"] for trial in evidence["candidates"]} == {"S1", "I"}
    assert evidence["winner"] in {"S1", "I"} and isinstance(evidence["decided"], bool)
    assert document["recommendation"]["name"] == "circle"


def test_an_interrupt_prints_what_is_known_and_exits_130(tool: Any, circle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from topovae.homology.complexes import passes as filtrations

    whole, calls = filtrations._add, 0

    def interrupted(*arguments: Any) -> None:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise KeyboardInterrupt
        whole(*arguments)

    monkeypatch.setattr(filtrations, "_add", interrupted)
    shown = tool("analyze", circle, "--json", "--max-dim", 1, "--quiet")
    assert shown.code == 130
    document = json.loads(shown.out)
    assert document["recommendation"]["name"] == "circle"
    assert document["left_out"] == ["interrupted after 1 of 3 filtrations"]


@pytest.mark.parametrize(("confidence", "shown"), [(0.998, "0.998"), (0.9999, ">0.999"), (1.0, ">0.999"), (0.96, "0.96")])
def test_a_confidence_never_looks_certain(confidence: float, shown: str) -> None:
    document = {
        "recommendation": {"name": "circle", "latent": "S1", "confidence": confidence, "source": "homology"},
        "n_samples": 100,
        "n_features": 3,
        "summary": [],
    }
    for words in (headline(document), answer_of(document), repr(StoredAnalysis(document, {}))):
        assert f"confidence {shown}" in words


def test_confidences_and_probabilities_are_written_in_one_place() -> None:
    sources = {path: path.read_text(encoding="utf-8") for path in sorted((ROOT / "topovae").rglob("*.py"))}
    formatted = re.compile(r"(confidence|probability|score)[\w'\"\]]*:\.\df")
    found = [path.name for path, text in sources.items() if formatted.search(text)]
    assert set(found) == {"bench.py", "diagnosis.py"}  # means over many answers, of `topovae bench diagnosis`
