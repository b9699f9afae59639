"""What a user gets wrong: one paragraph on stderr, the documented exit code, and nothing lost."""

from __future__ import annotations

import hashlib
import resource
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.run_files import edited

SPLIT = ("--latent", "R2", "--epochs", 2)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def assert_refused(outcome: Any, code: int, *words: str) -> None:
    """One message of ours, without a traceback, that names what is wrong."""
    assert outcome.code == code, outcome.err
    assert "Traceback" not in outcome.err and "internal error" not in outcome.err
    assert outcome.err.startswith("topovae: ") and "\n\n" not in outcome.err.strip()
    assert outcome.out == b""
    missing = [word for word in words if word not in outcome.err]
    assert not missing, outcome.err


def table(rows: int = 60, columns: int = 3) -> np.ndarray:
    return np.random.default_rng(0).random((rows, columns), dtype=np.float32)


def with_nan() -> np.ndarray:
    x = table()
    x[[7, 11], 1] = np.nan
    return x


BAD_DATA: dict[str, tuple[Any, tuple[str, ...]]] = {
    "empty.npy": (b"", ("empty.npy", "empty")),
    "column.npy": (table(60, 1), ("one column",)),
    "nan.npy": (with_nan(), ("7", "11")),
    "objects.npy": (np.array([{"a": 1}, [2]], dtype=object), ("object", "unpickled")),
    "few.npy": (table(3), ("3",)),
    "words.csv": (b"a,b\nc,d\n", ("words.csv",)),
    "cut.h5": (b"\x89HDF\r\n\x1a\n" + bytes(40), ("cut.h5",)),
    "unknown.xyz": (b"\x01\x02\x03\x04", ("unknown.xyz",)),
}


@pytest.mark.parametrize("name", BAD_DATA)
@pytest.mark.parametrize("words", [("analyze",), ("train", "--latent", "R2")], ids=["analyze", "train"])
def test_bad_data(tool: Any, name: str, words: tuple[str, ...]) -> None:
    content, expected = BAD_DATA[name]
    path = tool.folder / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, content, allow_pickle=True)
    before = digest(path)
    assert_refused(tool(words[0], name, *words[1:]), 3, *expected)
    assert digest(path) == before
    assert sorted(p.name for p in tool.folder.iterdir()) == [name], "something was left behind"


@pytest.mark.parametrize(
    "words",
    [("analyze", "no.npy"), ("train", "no.npy", "--latent", "R2"), ("evaluate", "no.h5"), ("encode", "no.h5")]
    + [("decode", "no.h5"), ("sample", "no.h5"), ("plot", "no.h5"), ("inspect", "no.h5")],
    ids=lambda words: words[0],
)
def test_missing_file(tool: Any, words: tuple[str, ...]) -> None:
    assert_refused(tool(*words), 3, words[1])


USAGE = {
    "latent": (("--latent", "S1xx"), ("latent expression", "^")),
    "unknown name": (("--latent", "thorus"), ("torus",)),
    "not free": (("--latent", "(S1xI)/<flip,flip>"), ("freely",)),
    "latent and analysis": (("--latent", "R2", "--analysis", "a.h5"), ("--analysis",)),
    "plot": (("--latent", "R2", "--plot", "x.gif"), (".png",)),
    "device": (("--latent", "R2", "--device", "gpu"), ("--device gpu",)),
    "no images": (("--latent", "R2", "--network", "conv"), ("--network",)),
    "beta": (("--latent", "R2", "--beta", "inf"), ("--beta",)),
    "posterior": (("--latent", "S1", "--posterior", "beta"), ("--posterior beta", "von-mises")),
    "posterior that flips": (("--latent", "mobius", "--posterior", "kumaraswamy"), ("--posterior Kumaraswamy",)),
    "encoder": (("--latent", "klein", "--encoder", "x"), ("lift, cover",)),
    "divergence": (("--latent", "klein", "--divergence", "x"), ("orbit, cover",)),
    "no density": (("--latent", "(embedded_torusxS1)/<id,rot(1/2)>"), ("--divergence cover",)),
    "hidden": (("--latent", "S1", "--hidden", "12,a"), ("--hidden 12,a",)),
    "repel": (("--latent", "S1", "--repel", "0"), ("--repel 0", "0,0:1.5")),
}


@pytest.mark.parametrize("name", USAGE)
def test_wrong_options_of_train(tool: Any, squares: Path, name: str) -> None:
    words, expected = USAGE[name]
    assert_refused(tool("train", squares, *words), 2, *expected)
    assert list(tool.folder.iterdir()) == []


def test_anchors_that_do_not_fit(tool: Any, squares: Path) -> None:
    words = ("train", squares, "--latent", "S1", "--anchors")
    assert_refused(tool(*words, "no.csv"), 3, "no.csv")
    (tool.folder / "wide.csv").write_text("0,1,2\n1,2,3\n")
    outcome = tool(*words, "wide.csv", "--quiet")
    assert_refused(outcome, 2, "--anchors", "2 columns")
    (tool.folder / "far.csv").write_text("0,1\n100000,2\n")
    assert_refused(tool(*words, "far.csv", "--quiet"), 2, "line 1", "100000")
    assert not (tool.folder / "run.h5").exists()


def test_bernoulli_needs_data_between_0_and_1(tool: Any) -> None:
    np.save(tool.folder / "wide.npy", 3 * table() - 1)
    outcome = tool("train", "wide.npy", *SPLIT, "--likelihood", "bernoulli")
    assert_refused(outcome, 2, "bernoulli", "[0, 1]")
    assert not (tool.folder / "run.h5").exists()


@pytest.mark.parametrize("likelihood", ["poisson", "negative-binomial"])
@pytest.mark.parametrize("value", [-1.0, 2.5])
def test_counts_are_whole_and_not_negative(tool: Any, likelihood: str, value: float) -> None:
    x = np.round(5 * table())
    x[7, 1] = value
    np.save(tool.folder / "counts.npy", x)
    outcome = tool("train", "counts.npy", *SPLIT, "--likelihood", likelihood)
    assert_refused(outcome, 2, likelihood, "whole numbers", f"row 7, column 1 is {value:g}")
    assert not (tool.folder / "run.h5").exists()
    words = ("--latents", "R", "--seeds", 1, "--epochs", 1, "--likelihood", likelihood, "-o", "sweep.h5")
    assert_refused(tool("sweep", "counts.npy", *words), 2, likelihood, f"row 7, column 1 is {value:g}")


@pytest.mark.parametrize(
    "words",
    [("train", "x.npy", "--frob"), ("frobnicate",), ("train",), ("train", "x.npy", "--epochs", "0")]
    + [("train", "x.npy", "--beta", "-1"), ("train", "x.npy", "--batch-size", "many"), ("sample", "r.h5", "-n", "0")]
    + [("analyze", "x.npy", "--alpha", "2"), ("train", "x.npy", "--seed", "-1")],
    ids=" ".join,
)
def test_unknown_commands_options_and_values(tool: Any, words: tuple[str, ...]) -> None:
    outcome = tool(*words)
    assert outcome.code == 2
    assert "Traceback" not in outcome.err and outcome.out == b"" and outcome.err


@pytest.mark.parametrize(
    "words, code, expected",
    [
        (("--memory", "1MiB"), 5, ("MiB",)),
        (("--memory", "lots"), 2, ("--memory lots",)),
        (("--primes", "2,x"), 2, ("--primes",)),
        (("--primes", "4"), 2, ("4",)),
        (("--metric", "manhattan"), 2, ("manhattan",)),
        (("--distance-matrix",), 3, ("square",)),
        (("--distance-matrix", "--evidence"), 2, ("--evidence", "distance matrix")),
        (("--time", "0.00001"), 5, ("seconds", "allowed")),
        (("--preset", "spikes"), 2, ("spikes", "counts")),
        (("--candidates", "S1,"), 2, ("candidate",)),
        (("--candidates", "S1,blob"), 2, ("blob",)),
        (("--device", "gpu"), 2, ("gpu",)),
        (("--device", "cuda"), 5, ("CUDA",)),
        (("--plot", "x.gif"), 2, (".png",)),
        (("--plot", "no/x.png"), 3, ("no/x.png", "folder")),
        (("-o", "no/report.h5"), 3, ("no/report.h5", "folder")),
    ],
    ids=lambda words: " ".join(map(str, words)) if isinstance(words, tuple) else str(words),
)
def test_wrong_options_of_analyze(
    tool: Any, circle: Path, words: tuple[str, ...], code: int, expected: tuple[str, ...]
) -> None:
    assert_refused(tool("analyze", circle, *words), code, *expected)


@pytest.mark.parametrize("place", ["no/run.h5", "file/run.h5", "folder"])
@pytest.mark.parametrize("command", ["train", "analyze"])
def test_unwritable_output(tool: Any, squares: Path, place: str, command: str) -> None:
    (tool.folder / "file").write_text("a file")
    (tool.folder / "folder").mkdir()
    assert_refused(tool(command, squares, "-o", place), 3, place)
    assert (tool.folder / "file").read_text() == "a file"


@pytest.mark.parametrize(
    "words",
    [("analyze", "x.npy", "-o", "x.npy"), ("train", "x.npy", "--latent", "R2", "-o", "x.npy")]
    + [("train", "x.npy", "--latent", "R2", "-o", "link"), ("train", "x.npy", "--latent", "R2", "-o", "x.npy", "--resume")]
    + [("generate", "rotated", "--images", "x.npy", "-o", "x.npy")],
    ids=" ".join,
)
def test_the_input_is_never_overwritten(tool: Any, words: tuple[str, ...]) -> None:
    path = tool.folder / "x.npy"
    np.save(path, table())
    (tool.folder / "link").symlink_to(path)
    before = digest(path)
    assert_refused(tool(*words), 3, "input", "-o")
    assert digest(path) == before


def test_a_run_or_the_codes_are_never_overwritten(tool: Any, run: Path) -> None:
    kept, before = tool.folder / "run.h5", digest(run)
    shutil.copy(run, kept)
    np.save(tool.folder / "z.npy", table(5, 1))
    z = digest(tool.folder / "z.npy")
    assert_refused(tool("sample", kept, "-o", kept), 3, "input")
    assert_refused(tool("encode", kept, "-i", "z.npy", "-o", "z.npy"), 3, "input")
    assert_refused(tool("decode", kept, "-i", "z.npy", "-o", "z.npy"), 3, "input")
    assert (digest(kept), digest(tool.folder / "z.npy")) == (before, z)


@pytest.mark.parametrize("content", [b"my thesis", b""], ids=["text", "empty"])
@pytest.mark.parametrize("command", ["train", "analyze"])
def test_a_foreign_file_is_never_overwritten(tool: Any, squares: Path, command: str, content: bytes) -> None:
    path = tool.folder / "thesis.h5"
    path.write_bytes(content)
    assert_refused(tool(command, squares, "-o", path), 3, "not overwritten")
    assert path.read_bytes() == content


def test_analyze_does_not_overwrite_a_run(tool: Any, run: Path, squares: Path) -> None:
    before = digest(run)
    assert_refused(tool("analyze", squares, "-o", run), 3, "not overwritten")
    assert digest(run) == before


DAMAGE = {
    "truncated": lambda content: content[: len(content) // 2],
    "header alone": lambda content: content[:100],
    "text": lambda content: b"hello",
    "empty": lambda content: b"",
}


@pytest.mark.parametrize("name", DAMAGE)
@pytest.mark.parametrize("command", ["evaluate", "inspect", "sample"])
def test_damaged_run(tool: Any, run: Path, name: str, command: str) -> None:
    (tool.folder / "bad.h5").write_bytes(DAMAGE[name](run.read_bytes()))
    assert_refused(tool(command, "bad.h5"), 4, "bad.h5")


def test_resume_of_a_damaged_run_keeps_it(tool: Any, run: Path, circle: Path) -> None:
    content = run.read_bytes()[:5000]
    (tool.folder / "bad.h5").write_bytes(content)
    assert_refused(tool("train", circle, "--latent", "S1", "-o", "bad.h5", "--resume"), 4, "bad.h5", "damaged")
    assert (tool.folder / "bad.h5").read_bytes() == content


@pytest.mark.parametrize("command", ["evaluate", "inspect", "resume", "overwrite"])
def test_run_from_the_future(tool: Any, run: Path, circle: Path, command: str) -> None:
    future = tool.folder / "future.h5"
    shutil.copy(run, future)
    with edited(future) as file:
        file.attrs["format_version"] = 2
        file.attrs["topovae_version"] = "9.0"
    before = digest(future)
    if command == "overwrite":
        assert_refused(tool("train", circle, "--latent", "S1", "-o", future), 3, "not overwritten")
    else:
        train = ("train", circle, "--latent", "S1", "-o", future, "--resume")
        assert_refused(tool(*(train if command == "resume" else (command, future))), 4, "9.0", "2")
    assert digest(future) == before


RESUME = {
    "beta": (("--beta", 2), "beta (was 1.0, now 2.0)"),
    "latent": (("--latent", "R2"), "latent (was S1, now R2)"),
}


@pytest.mark.parametrize("name", RESUME)
def test_resume_with_other_options(tool: Any, run: Path, circle: Path, name: str) -> None:
    changed, expected = RESUME[name]
    before = digest(run)
    options = ("--latent", "S1", "--baseline", "--epochs", 12, "--seed", 3, "-o", run, "--resume")
    assert_refused(tool("train", circle, *options, *changed), 4, expected)
    assert digest(run) == before


@pytest.mark.parametrize("rows", [200, 150])
def test_resume_with_other_data(tool: Any, run: Path, rows: int) -> None:
    np.save(tool.folder / "other.npy", table(rows, 6))
    before = digest(run)
    options = ("--latent", "S1", "--baseline", "--epochs", 12, "--seed", 3, "-o", run, "--resume")
    assert_refused(tool("train", "other.npy", *options), 4, "original data")
    assert digest(run) == before


@pytest.mark.parametrize("member", ["/", "/baseline"])
def test_an_unfinished_run_is_not_overwritten(tool: Any, run: Path, circle: Path, member: str) -> None:
    kept = tool.folder / "kept.h5"
    shutil.copy(run, kept)
    with edited(kept) as file:
        file[member]["checkpoint"].attrs["finished"] = False
    before = digest(kept)
    assert_refused(tool("train", circle, "--latent", "S1", "-o", kept), 3, "unfinished", "--resume")
    assert digest(kept) == before


def test_a_full_disk_keeps_the_checkpoint(tool: Any, run: Path, circle: Path) -> None:
    kept = tool.folder / "kept.h5"
    shutil.copy(run, kept)
    with edited(kept) as file:
        file["checkpoint"].attrs["finished"] = False
    before = digest(kept)

    def fill_the_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    options = ("--latent", "S1", "--baseline", "--epochs", 12, "--seed", 3, "-o", kept, "--resume")
    assert_refused(tool.process("train", circle, *options, before=fill_the_disk), 3, "kept.h5", "unchanged")
    assert digest(kept) == before
    assert [path.name for path in tool.folder.iterdir()] == ["kept.h5"]
    assert tool("inspect", "kept.h5", "--field", "checkpoint/epoch").json() == 12


def test_a_full_disk_refuses_a_report(tool: Any, circle: Path) -> None:
    def fill_the_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    assert_refused(tool.process("analyze", circle, "--json", "-o", "report.h5", before=fill_the_disk), 3, "report.h5")
    assert list(tool.folder.iterdir()) == []


def test_a_model_encodes_its_own_kind_of_data(tool: Any, run: Path, squares: Path) -> None:
    assert_refused(tool("encode", run, "-i", squares), 4, "(6,)", "(3,)")
    assert_refused(tool("decode", run, "-i", squares), 2, "columns")
    assert_refused(tool("evaluate", run, squares), 4, "(6,)", "(3,)")


def test_evaluate_without_its_data_says_where_they_were(tool: Any, run: Path) -> None:
    moved = tool.folder / "moved.h5"
    shutil.copy(run, moved)
    with edited(moved) as file:
        file.attrs["data_path"] = "/nowhere/circle.npz"
    assert_refused(tool("evaluate", moved, "--json"), 3, "/nowhere/circle.npz", "after the run file")


@pytest.mark.parametrize("words", [("--truth", "t.npy"), ("--truth", "t.npy", "--truth-space", "S1xS1")])
def test_truth_that_does_not_fit(tool: Any, run: Path, words: tuple[str, ...]) -> None:
    np.save(tool.folder / "t.npy", table(200, 1))
    assert_refused(tool("evaluate", run, *words), 2, "truth")


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"schema": "topovae/analysis/1"}'])
def test_a_diagnosis_that_is_none(tool: Any, squares: Path, text: str) -> None:
    assert_refused(tool("train", squares, "--analysis", "-", stdin=text.encode()), 3, "--analysis")


def test_encode_in_an_unknown_format(tool: Any, run: Path, circle: Path) -> None:
    assert_refused(tool("encode", run, "-i", circle, "--format", "xls"), 2, "xls", "jsonl")
